// Requests to netlink(7). Async-signal-safe.
#include "netlink.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int isl_netlink_open(void) {
  int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  return fd < 0 ? -errno : fd;
}

void isl_netlink_begin(struct isl_netlink_request *request, uint16_t type, uint16_t flags, size_t body_size) {
  memset(request, 0, sizeof *request);
  request->header.nlmsg_type = type;
  request->header.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
  request->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body_size);
}

int isl_netlink_add(struct isl_netlink_request *request, uint16_t type, const void *data, size_t size) {
  size_t place = NLMSG_ALIGN(request->header.nlmsg_len);
  if (size > sizeof *request || place > sizeof *request || RTA_SPACE(size) > sizeof *request - place) return -EMSGSIZE;
  struct rtattr attribute = {.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type};
  memcpy((char *)request + place, &attribute, sizeof attribute);
  if (size > 0) memcpy((char *)request + place + RTA_LENGTH(0), data, size);
  request->header.nlmsg_len = (uint32_t)(place + RTA_SPACE(size));
  return 0;
}

/// One datagram of the kernel's; those of other senders are passed over. Returns its size or -errno.
static ssize_t receive(int socket, void *buffer, size_t size) {
  for (;;) {
    struct sockaddr_nl sender;
    struct iovec data = {buffer, size};
    struct msghdr message = {.msg_name = &sender, .msg_namelen = sizeof sender, .msg_iov = &data, .msg_iovlen = 1};
    ssize_t count = recvmsg(socket, &message, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return -errno;
    if (message.msg_flags & MSG_TRUNC) return -EMSGSIZE;
    if (message.msg_namelen == sizeof sender && sender.nl_pid == 0) return count;
  }
}

/// Goes through the messages of a datagram: 1 when the answer ends with it, 0 when more comes, or -errno.
static int take_all(
    const char *buffer, size_t size, uint32_t number, int (*take)(const struct nlmsghdr *, void *), void *context) {
  size_t place = 0;
  while (size - place >= sizeof(struct nlmsghdr)) {
    const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)(buffer + place);
    if (header->nlmsg_len < sizeof *header || header->nlmsg_len > size - place) return -EPROTO;
    if (header->nlmsg_seq == number) {
      if (header->nlmsg_type == NLMSG_DONE) return 1;
      if (header->nlmsg_type == NLMSG_ERROR) {
        int error;
        if (header->nlmsg_len < NLMSG_LENGTH(sizeof error)) return -EPROTO;
        memcpy(&error, (const char *)header + NLMSG_HDRLEN, sizeof error);
        return error < 0 ? error : 1;
      }
      // What was listed has changed meanwhile.
      if (header->nlmsg_flags & NLM_F_DUMP_INTR) return -EAGAIN;
      int r = take ? take(header, context) : 0;
      if (r < 0) return r;
    }
    size_t next = NLMSG_ALIGN(header->nlmsg_len);
    if (next > size - place) break;
    place += next;
  }
  return 0;
}

int isl_netlink_ask(
    int socket, struct isl_netlink_request *request, int (*take)(const struct nlmsghdr *, void *), void *context) {
  static _Atomic uint32_t numbers;
  // Aligned as the kernel's messages are.
  _Alignas(struct nlmsghdr) char buffer[32768];
  struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
  request->header.nlmsg_seq = ++numbers;
  ssize_t sent;
  do
    sent = sendto(socket, request, request->header.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof kernel);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) return -errno;
  for (;;) {
    ssize_t count = receive(socket, buffer, sizeof buffer);
    if (count < 0) return (int)count;
    int r = take_all(buffer, (size_t)count, request->header.nlmsg_seq, take, context);
    if (r != 0) return r < 0 ? r : 0;
  }
}
