// What the sockets of a network namespace hold, asked of the kernel at once (sock_diag(7)).
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "isl_held_memory.h"
#include "socket_table.h"

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

/// What has been summed up so far.
struct sum {
  long bytes;
  struct isl_tcp_sockets *tcp;
};

static int of_unix(const struct nlmsghdr *header, void *context) {
  struct sum *sum = context;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg))) return 0;
  const char *first = (const char *)NLMSG_DATA(header) + NLMSG_ALIGN(sizeof(struct unix_diag_msg));
  int left = (int)(header->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct unix_diag_msg))));
  sum->bytes += isl_queued_bytes(attribute(first, left, UNIX_DIAG_MEMINFO, MEMORY_INFO));
  // What was sent counts for its sender; one that is closed is in no table any more.
  const struct unix_diag_rqlen *waiting = attribute(first, left, UNIX_DIAG_RQLEN, sizeof *waiting);
  const uint32_t *peer = attribute(first, left, UNIX_DIAG_PEER, sizeof *peer);
  const struct unix_diag_msg *message = NLMSG_DATA(header);
  bool is_listening = message->udiag_state == ISL_LISTEN; // its queue is of connections
  if (waiting && !is_listening && (!peer || *peer == 0)) sum->bytes += waiting->udiag_rqueue;
  return 0;
}

static int of_inet(const struct nlmsghdr *header, void *context) {
  struct sum *sum = context;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return 0;
  const char *first = (const char *)NLMSG_DATA(header) + NLMSG_ALIGN(sizeof(struct inet_diag_msg));
  int left = (int)(header->nlmsg_len - NLMSG_LENGTH(NLMSG_ALIGN(sizeof(struct inet_diag_msg))));
  const struct inet_diag_msg *message = NLMSG_DATA(header);
  if (sum->tcp && message->idiag_state == ISL_LISTEN) sum->tcp->listening++;
  else if (sum->tcp && message->idiag_state != ISL_TIME_WAIT) sum->tcp->connected++;
  sum->bytes += isl_queued_bytes(attribute(first, left, INET_DIAG_SKMEMINFO, MEMORY_INFO));
  return 0;
}

long isl_socket_memory(int table, struct isl_tcp_sockets *tcp) {
  if (tcp) *tcp = (struct isl_tcp_sockets){0};
  struct sum sum = {0};
  struct unix_diag_req local = {.sdiag_family = AF_UNIX, .udiag_states = UINT32_MAX};
  local.udiag_show = UDIAG_SHOW_MEMINFO | UDIAG_SHOW_RQLEN | UDIAG_SHOW_PEER;
  int r = isl_ask_sockets(table, &local, sizeof local, of_unix, &sum);
  if (r < 0) return r;
  static const struct {
    uint8_t family, protocol;
  } kinds[] = {{AF_INET, IPPROTO_TCP}, {AF_INET6, IPPROTO_TCP}, {AF_INET, IPPROTO_UDP}, {AF_INET6, IPPROTO_UDP}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    bool is_tcp = kinds[i].protocol == IPPROTO_TCP;
    if (is_tcp && !tcp) continue;
    struct inet_diag_req_v2 request = {.sdiag_family = kinds[i].family, .sdiag_protocol = kinds[i].protocol};
    request.idiag_states = UINT32_MAX;
    request.idiag_ext = 1 << (INET_DIAG_SKMEMINFO - 1);
    sum.tcp = is_tcp ? tcp : NULL;
    r = isl_ask_sockets(table, &request, sizeof request, of_inet, &sum);
    // A kernel without IPv6, or without UDP's part, has no such sockets that it could tell of.
    if (r < 0 && r != -ENOENT && r != -EINVAL) return r;
  }
  return sum.bytes;
}
