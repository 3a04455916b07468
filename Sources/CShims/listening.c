// Which sockets of a network namespace listen, asked of the kernel at once (sock_diag(7)).
#include <errno.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "isl_listening.h"
#include "socket_table.h"

/// Where found sockets go.
struct places {
  struct isl_listening *into;
  long capacity, count;
};

static int of_inet(const struct nlmsghdr *header, void *context) {
  struct places *places = context;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof(struct inet_diag_msg))) return -EPROTO;
  const struct inet_diag_msg *message = NLMSG_DATA(header);
  if (message->idiag_state != ISL_LISTEN || places->count++ >= places->capacity) return 0;
  struct isl_listening *place = &places->into[places->count - 1];
  *place = (struct isl_listening){.inode = message->idiag_inode, .port = ntohs(message->id.idiag_sport)};
  place->is_version6 = message->idiag_family == AF_INET6;
  memcpy(place->address, message->id.idiag_src, sizeof place->address);
  return 0;
}

long isl_find_listening(int table, struct isl_listening *into, long capacity) {
  struct places places = {.into = into, .capacity = capacity};
  static const uint8_t families[] = {AF_INET, AF_INET6};
  for (size_t i = 0; i < sizeof families; i++) {
    struct inet_diag_req_v2 request = {.sdiag_family = families[i], .sdiag_protocol = IPPROTO_TCP};
    // With this state alone the kernel leaves the table of connections be, which is the whole machine's.
    request.idiag_states = 1 << ISL_LISTEN;
    int r = isl_ask_sockets(table, &request, sizeof request, of_inet, &places);
    // A kernel without IPv6 has no such sockets.
    if (r < 0 && !(families[i] == AF_INET6 && (r == -ENOENT || r == -EINVAL))) return r;
  }
  return places.count;
}
