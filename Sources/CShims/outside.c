// What a container sends to the outside leads to its own loopback interface, and one socket (packet(7)) sees it there.
//
// So the kernel's packets are the record. They hold every way to send (connect(2), MSG_FASTOPEN, sendmmsg(2), io_uring)
// and the address that was used, whatever another thread wrote into the memory that the call named.
#include "isl_child.h"
#include "netlink.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/ip.h>
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  loopback_index = 1, // the first interface of every network namespace
  kept_bytes = 256, // of a packet: its headers
  receive_buffer = 4 << 20, // as much of it as net.core.rmem_max allows
};

/// A default route through the loopback interface; `source` is 0 or the IPv4 address that packets come from.
static int add_route(int socket, unsigned char family, unsigned char type, unsigned char scope, uint32_t source) {
  struct isl_netlink_request request;
  struct rtmsg route = {
      .rtm_family = family, .rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_scope = scope, .rtm_type = type};
  isl_netlink_begin(&request, RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, sizeof route);
  memcpy(&request.body, &route, sizeof route);
  uint32_t interface = loopback_index;
  int r = isl_netlink_add(&request, RTA_OIF, &interface, sizeof interface);
  if (r == 0 && source) r = isl_netlink_add(&request, RTA_PREFSRC, &source, sizeof source);
  return r < 0 ? r : isl_netlink_ask(socket, &request, NULL, NULL);
}

/// Lets an answer reach a socket that is bound to 127.0.0.1 and sends to the outside: connect(2) fails at once there
/// too.
static int accept_answers(int socket) {
  struct {
    struct rtattr family, settings, setting;
    uint32_t value;
  } nested = {
      {sizeof nested, AF_INET},
      {sizeof nested - sizeof nested.family, IFLA_INET_CONF},
      {sizeof nested.setting + sizeof nested.value, IPV4_DEVCONF_ROUTE_LOCALNET},
      1};
  struct isl_netlink_request request;
  isl_netlink_begin(&request, RTM_NEWLINK, NLM_F_ACK, sizeof request.body.link);
  request.body.link.ifi_index = loopback_index;
  int r = isl_netlink_add(&request, IFLA_AF_SPEC, &nested, sizeof nested);
  return r < 0 ? r : isl_netlink_ask(socket, &request, NULL, NULL);
}

/// An IPv4 packet that no address of ours takes is dropped by the kernel; who holds the socket may answer it. IPv6
/// has no such route on the loopback interface: there every address is the sandbox's own, and nearly always nobody
/// listens.
static int add_routes(uint32_t source) {
  int socket = isl_netlink_open();
  if (socket < 0) return socket;
  int r = add_route(socket, AF_INET, RTN_UNICAST, RT_SCOPE_LINK, source);
  // Without it such a socket waits. Without IPv6 nothing is sent by it.
  if (r == 0) (void)accept_answers(socket);
  if (r == 0) (void)add_route(socket, AF_INET6, RTN_LOCAL, RT_SCOPE_UNIVERSE, 0);
  close(socket);
  return r;
}

/// Takes what leaves for other addresses than the loopback ones, `own` (host order), multicast and broadcast.
static int filter(int socket, uint32_t own) {
  enum { v4 = 5, v6 = 10, drop = 19, keep = 20 };
#define JUMP(here, test, value, yes, no) \
  BPF_JUMP(BPF_JMP | (test) | BPF_K, value, (yes) - (here) - 1, (no) - (here) - 1)
  struct sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
      JUMP(1, BPF_JEQ, PACKET_OUTGOING, 2, drop),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PROTOCOL)),
      JUMP(3, BPF_JEQ, ETH_P_IP, v4, 4),
      JUMP(4, BPF_JEQ, ETH_P_IPV6, v6, drop),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 16), // the destination
      JUMP(6, BPF_JEQ, own, drop, 7),
      JUMP(7, BPF_JGE, 0xe0000000u, drop, 8),
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 24),
      JUMP(9, BPF_JEQ, 127, drop, keep),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24), // the destination's four words
      JUMP(11, BPF_JGE, 0xff000000u, drop, 12),
      JUMP(12, BPF_JEQ, 0, 13, keep),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 28),
      JUMP(14, BPF_JEQ, 0, 15, keep),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 32),
      JUMP(16, BPF_JEQ, 0, 17, keep),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 36),
      JUMP(18, BPF_JGE, 2, keep, drop), // :: and ::1
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, kept_bytes),
  };
#undef JUMP
  struct sock_fprog whole = {.len = sizeof program / sizeof *program, .filter = program};
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole) < 0 ? -errno : 0;
}

/// A socket that sees what `filter` takes, from its first packet on and nothing else.
static int open_watch(uint32_t own) {
  // Without a protocol it sees nothing until it is bound.
  int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  int size = receive_buffer;
  (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  struct sockaddr_ll place = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = loopback_index};
  int r = filter(fd, ntohl(own));
  if (r == 0 && bind(fd, (struct sockaddr *)&place, sizeof place) < 0) r = -errno;
  if (r == 0) return fd;
  close(fd);
  return r;
}

int isl_step_outside(struct isl_child *child, const struct isl_step *step) {
  // The socket comes first: where it is refused, connect(2) goes on to fail at once.
  int fd = open_watch((uint32_t)step->v);
  if (fd < 0) return fd;
  int r = add_routes((uint32_t)step->v);
  if (r == 0) {
    struct isl_message message = {.type = ISL_MESSAGE_DESCRIPTOR, .index = (int32_t)step->index};
    r = isl_send(child->sync, &message, fd);
  }
  close(fd);
  return r;
}

ssize_t isl_outside_receive(int socket, void *buffer, size_t size) {
  ssize_t count;
  do count = recv(socket, buffer, size, MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  return count < 0 ? -errno : count;
}

int isl_outside_answer(int socket, const void *packet, size_t size) {
  struct sockaddr_ll place = {
      .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = loopback_index, .sll_halen = ETH_ALEN};
  ssize_t count = sendto(socket, packet, size, MSG_DONTWAIT, (struct sockaddr *)&place, sizeof place);
  return count < 0 ? -errno : 0;
}

uint32_t isl_outside_lost(int socket) {
  struct tpacket_stats statistics = {0};
  socklen_t size = sizeof statistics;
  if (getsockopt(socket, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) < 0) return 0;
  return statistics.tp_drops;
}
