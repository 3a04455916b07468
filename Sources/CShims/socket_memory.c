// What the sockets of a network namespace hold, asked of the kernel at once (sock_diag(7)).
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "isl_held_memory.h"

// Finds an attribute; NULL where it is not there or shorter than `size`.
static const void *attribute(const void *first, int left, int type, size_t size) {
  for (const struct rtattr *at = first; RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if (at->rta_type == type && RTA_PAYLOAD(at) >= size) return RTA_DATA(at);
  }
  return NULL;
}

long isl_queued_bytes(const uint32_t *info) {
  if (!info) return 0;
  uint32_t out = info[SK_MEMINFO_WMEM_ALLOC];
  if (info[SK_MEMINFO_WMEM_QUEUED] > out) out = info[SK_MEMINFO_WMEM_QUEUED];
  return (long)info[SK_MEMINFO_RMEM_ALLOC] + out;
}

#define MEMORY_INFO (sizeof(uint32_t) * (SK_MEMINFO_WMEM_QUEUED + 1))

static long of_unix(const struct nlmsghdr *header, struct isl_tcp_sockets *tcp) {
  (void)tcp;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg))) return 0;
  const char *first = (const char *)NLMSG_DATA(header) + NLMSG_ALIGN(sizeof(struct unix_diag_msg));
  int left = (int)(header->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct unix_diag_msg))));
  long bytes = isl_queued_bytes(attribute(first, left, UNIX_DIAG_MEMINFO, MEMORY_INFO));
  // What was sent counts for its sender; one that is closed is in no table any more.
  const struct unix_diag_rqlen *waiting = attribute(first, left, UNIX_DIAG_RQLEN, sizeof *waiting);
  const uint32_t *peer = attribute(first, left, UNIX_DIAG_PEER, sizeof *peer);
  const struct unix_diag_msg *message = NLMSG_DATA(header);
  bool is_listening = message->udiag_state == 10; // TCP_LISTEN: its queue is of connections
  if (waiting && !is_listening && (!peer || *peer == 0)) bytes += waiting->udiag_rqueue;
  return bytes;
}

enum { TIME_WAIT = 6, LISTEN = 10 }; // of <netinet/tcp.h>, which is not for use beside the kernel's headers

static long of_inet(const struct nlmsghdr *header, struct isl_tcp_sockets *tcp) {
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return 0;
  const char *first = (const char *)NLMSG_DATA(header) + NLMSG_ALIGN(sizeof(struct inet_diag_msg));
  int left = (int)(header->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct inet_diag_msg))));
  const struct inet_diag_msg *message = NLMSG_DATA(header);
  if (tcp && message->idiag_state == LISTEN) tcp->listening++;
  else if (tcp && message->idiag_state != TIME_WAIT) tcp->connected++;
  return isl_queued_bytes(attribute(first, left, INET_DIAG_SKMEMINFO, MEMORY_INFO));
}

// Reads the answers to one question; `of` tells what a socket holds.
typedef long reader(const struct nlmsghdr *header, struct isl_tcp_sockets *tcp);

static long sum(int table, reader *of, struct isl_tcp_sockets *tcp) {
  long bytes = 0;
  for (;;) {
    _Alignas(struct nlmsghdr) char answer[32768];
    ssize_t length = recv(table, answer, sizeof answer, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return length < 0 ? -errno : -EPIPE;
    unsigned left = (unsigned)length;
    for (struct nlmsghdr *header = (void *)answer; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return bytes;
      if (header->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *error = NLMSG_DATA(header);
        return error->error < 0 ? error->error : -EPROTO;
      }
      bytes += of(header, tcp);
    }
  }
}

static int ask(int table, const void *request, size_t size) {
  struct {
    struct nlmsghdr header;
    char request[sizeof(struct inet_diag_req_v2)];
  } message = {.header = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(size), .nlmsg_type = SOCK_DIAG_BY_FAMILY}};
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  memcpy(message.request, request, size);
  return send(table, &message, message.header.nlmsg_len, 0) < 0 ? -errno : 0;
}

long isl_socket_memory(int table, struct isl_tcp_sockets *tcp) {
  if (tcp) *tcp = (struct isl_tcp_sockets){0};
  struct unix_diag_req local = {.sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX};
  local.udiag_show = UDIAG_SHOW_MEMINFO | UDIAG_SHOW_RQLEN | UDIAG_SHOW_PEER;
  int r = ask(table, &local, sizeof local);
  long bytes = r < 0 ? r : sum(table, of_unix, NULL);
  static const struct {
    uint8_t family, protocol;
  } kinds[] = {{AF_INET, IPPROTO_TCP}, {AF_INET6, IPPROTO_TCP}, {AF_INET, IPPROTO_UDP}, {AF_INET6, IPPROTO_UDP}};
  for (size_t i = 0; bytes >= 0 && i < sizeof kinds / sizeof kinds[0]; i++) {
    bool is_tcp = kinds[i].protocol == IPPROTO_TCP;
    if (is_tcp && !tcp) continue;
    struct inet_diag_req_v2 request = {.sdiag_family = kinds[i].family, .sdiag_protocol = kinds[i].protocol};
    request.idiag_states = UINT32_MAX;
    request.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
    r = ask(table, &request, sizeof request);
    long more = r < 0 ? r : sum(table, of_inet, is_tcp ? tcp : NULL);
    // A kernel without IPv6, or without UDP's part, has no such sockets that it could tell of.
    if (more > 0) bytes += more;
    else if (more < 0 && more != -ENOENT && more != -EINVAL) bytes = more;
  }
  return bytes;
}
