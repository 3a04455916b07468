// linux.netDevices: an interface of one network namespace goes to another, with its addresses (config-linux.md,
// "Network Devices"). A forked child does it, since a namespace is entered on the way.
#include "isl_child.h"
#include "isl_network.h"
#include "netlink.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

_Static_assert(ISL_INTERFACE_NAME == IFNAMSIZ, "the kernel's length of names");

#define MAX_ADDRESSES 128

struct address {
  struct ifaddrmsg message;
  uint32_t size; // of the attributes
  _Alignas(4) char attributes[160];
};

struct interface {
  int index;
  unsigned flags;
  uint32_t count;
  struct address addresses[MAX_ADDRESSES];
};

/// One namespace's end of a move: a socket in it, and a descriptor of it.
struct place {
  int socket, network_namespace;
};

static int take_link(const struct nlmsghdr *header, void *context) {
  struct interface *interface = context;
  if (header->nlmsg_type != RTM_NEWLINK) return 0;
  struct ifinfomsg link;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof link)) return -EPROTO;
  memcpy(&link, (const char *)header + NLMSG_HDRLEN, sizeof link);
  interface->index = link.ifi_index;
  interface->flags = link.ifi_flags;
  return 0;
}

/// Looks for an interface: 0, or -ENODEV.
static int find(int socket, const char *name, struct interface *interface) {
  struct isl_netlink_request request;
  isl_netlink_begin(&request, RTM_GETLINK, NLM_F_ACK, sizeof request.body.link);
  interface->index = 0;
  int r = isl_netlink_add(&request, IFLA_IFNAME, name, strlen(name) + 1);
  if (r == 0) r = isl_netlink_ask(socket, &request, take_link, interface);
  return r == 0 && interface->index <= 0 ? -ENODEV : r;
}

/// Which attributes of an address are its own; its label has the interface's name in it.
static int is_kept(unsigned type) {
  return type == IFA_ADDRESS || type == IFA_LOCAL || type == IFA_BROADCAST || type == IFA_FLAGS ||
         type == IFA_CACHEINFO || type == IFA_RT_PRIORITY;
}

static int take_address(const struct nlmsghdr *header, void *context) {
  struct interface *interface = context;
  struct address found = {0};
  if (header->nlmsg_type != RTM_NEWADDR) return 0;
  if (header->nlmsg_len < NLMSG_LENGTH(sizeof found.message)) return -EPROTO;
  memcpy(&found.message, (const char *)header + NLMSG_HDRLEN, sizeof found.message);
  if ((int)found.message.ifa_index != interface->index || found.message.ifa_scope != RT_SCOPE_UNIVERSE) return 0;
  uint32_t flags = found.message.ifa_flags;
  size_t place = NLMSG_ALIGN(NLMSG_LENGTH(sizeof found.message)), end = header->nlmsg_len;
  while (place < end && end - place >= sizeof(struct rtattr)) {
    struct rtattr attribute;
    memcpy(&attribute, (const char *)header + place, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > end - place) return -EPROTO;
    if (attribute.rta_type == IFA_FLAGS && attribute.rta_len >= RTA_LENGTH(sizeof flags))
      memcpy(&flags, (const char *)header + place + RTA_LENGTH(0), sizeof flags);
    if (is_kept(attribute.rta_type)) {
      size_t space = RTA_ALIGN(attribute.rta_len);
      if (space > sizeof found.attributes - found.size) return -EMSGSIZE;
      memcpy(found.attributes + found.size, (const char *)header + place, attribute.rta_len);
      found.size += (uint32_t)space;
    }
    place += RTA_ALIGN(attribute.rta_len);
  }
  // Those that come from elsewhere, as by router advertisements, come anew.
  if (!(flags & IFA_F_PERMANENT)) return 0;
  if (interface->count == MAX_ADDRESSES) return -E2BIG;
  interface->addresses[interface->count++] = found;
  return 0;
}

static int read_addresses(int socket, struct interface *interface) {
  for (int attempt = 0;; attempt++) {
    struct isl_netlink_request request;
    isl_netlink_begin(&request, RTM_GETADDR, NLM_F_DUMP, sizeof request.body.address);
    interface->count = 0;
    int r = isl_netlink_ask(socket, &request, take_address, interface);
    if (r != -EAGAIN || attempt == 8) return r;
    // What is left of the interrupted answer must not be taken for part of the next one; its number tells them apart.
  }
}

static int add_address(int socket, const struct address *address, int index) {
  struct isl_netlink_request request;
  isl_netlink_begin(&request, RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, sizeof request.body.address);
  request.body.address = address->message;
  request.body.address.ifa_index = (uint32_t)index;
  if (address->size > sizeof request - NLMSG_ALIGN(request.header.nlmsg_len)) return -EMSGSIZE;
  memcpy((char *)&request + NLMSG_ALIGN(request.header.nlmsg_len), address->attributes, address->size);
  request.header.nlmsg_len = (uint32_t)NLMSG_ALIGN(request.header.nlmsg_len) + address->size;
  return isl_netlink_ask(socket, &request, NULL, NULL);
}

/// `wanted` with the number in place of its "%d" at `mark`. Returns 0 or -ENAMETOOLONG.
static int write_name(char name[ISL_INTERFACE_NAME], const char *wanted, const char *mark, int number) {
  char digits[8];
  size_t length = mark ? (size_t)(mark - wanted) : strlen(wanted), count = 0;
  do
    digits[count++] = (char)('0' + number % 10);
  while (mark && (number /= 10) > 0);
  if (!mark) count = 0;
  if (length + count >= ISL_INTERFACE_NAME) return -ENAMETOOLONG;
  memcpy(name, wanted, length);
  while (count > 0) name[length++] = digits[--count];
  name[length] = 0;
  return 0;
}

/// The name it is to have: a template gets the first number that is free there.
static int resolve_name(int socket, const char *wanted, char resolved[ISL_INTERFACE_NAME]) {
  struct interface other;
  const char *mark = strstr(wanted, "%d");
  for (int number = 0; number < 32768; number++) {
    int r = write_name(resolved, wanted, mark, number);
    if (r == 0) r = find(socket, resolved, &other);
    if (r == -ENODEV) return 0;
    if (r < 0) return r;
    if (!mark) return -EEXIST;
  }
  return -ENFILE;
}

/// Puts an interface of `from` into `to` by a name that is free there. Returns 0, or -errno with the stage.
static int put(
    struct place from, struct place to, struct interface *interface, const char *name, int is_up, int32_t *stage) {
  struct isl_netlink_request request;
  uint32_t target = (uint32_t)to.network_namespace;
  isl_netlink_begin(&request, RTM_NEWLINK, NLM_F_ACK, sizeof request.body.link);
  request.body.link.ifi_index = interface->index;
  *stage = ISL_NETWORK_MOVE;
  int r = isl_netlink_add(&request, IFLA_NET_NS_FD, &target, sizeof target);
  if (r == 0) r = isl_netlink_add(&request, IFLA_IFNAME, name, strlen(name) + 1);
  if (r == 0) r = isl_netlink_ask(from.socket, &request, NULL, NULL);
  // Its number may be another one there.
  if (r == 0) r = find(to.socket, name, interface);
  if (r < 0) return r;
  if (is_up) {
    *stage = ISL_NETWORK_UP;
    isl_netlink_begin(&request, RTM_NEWLINK, NLM_F_ACK, sizeof request.body.link);
    request.body.link.ifi_index = interface->index;
    request.body.link.ifi_flags = request.body.link.ifi_change = IFF_UP;
    r = isl_netlink_ask(to.socket, &request, NULL, NULL);
    if (r < 0) return r;
  }
  *stage = ISL_NETWORK_ADDRESS;
  for (uint32_t i = 0; i < interface->count && r == 0; i++)
    r = add_address(to.socket, &interface->addresses[i], interface->index);
  return r;
}

static int move_interface(
    struct isl_network_move *move, struct place from, struct place to, const char *name, const char *new_name,
    char resolved[ISL_INTERFACE_NAME]) {
  struct interface interface;
  move->stage = ISL_NETWORK_FIND;
  int r = find(from.socket, name, &interface);
  if (r < 0) return r;
  move->was_up = (interface.flags & IFF_UP) != 0;
  move->stage = ISL_NETWORK_READ;
  if ((r = read_addresses(from.socket, &interface)) < 0) return r;
  move->stage = ISL_NETWORK_NAME;
  if ((r = resolve_name(to.socket, new_name, resolved)) < 0) return r;
  r = put(from, to, &interface, resolved, move->brings_up, &move->stage);
  if (r == 0) return 0;
  // Back to where it was, under whichever name it has come to the other side.
  struct interface stranded = interface;
  int32_t ignored;
  if (find(to.socket, resolved, &stranded) == 0 || find(to.socket, name, &stranded) == 0)
    (void)put(to, from, &stranded, name, move->was_up, &ignored);
  return r;
}

static int enter_and_move(
    struct isl_network_move *move, const char *name, const char *new_name, char resolved[ISL_INTERFACE_NAME]) {
  move->stage = ISL_NETWORK_ENTER;
  struct place own = {isl_netlink_open(), open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)};
  if (own.socket < 0) return own.socket;
  if (own.network_namespace < 0) return -errno;
  if (syscall(SYS_setns, move->network_namespace, CLONE_NEWNET) < 0) return -errno;
  struct place other = {isl_netlink_open(), move->network_namespace};
  if (other.socket < 0) return other.socket;
  return move->is_return ? move_interface(move, other, own, name, new_name, resolved)
                         : move_interface(move, own, other, name, new_name, resolved);
}

struct answer {
  int32_t result, was_up, stage;
  char resolved[ISL_INTERFACE_NAME];
};

int isl_move_network_interface(
    struct isl_network_move *move, const char *name, const char *new_name, char resolved[ISL_INTERFACE_NAME]) {
  int ends[2];
  struct answer answer = {.result = -EIO, .stage = ISL_NETWORK_ENTER};
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  long pid = isl_fork(0);
  if (pid == 0) {
    answer.result = enter_and_move(move, name, new_name, answer.resolved);
    answer.was_up = move->was_up;
    answer.stage = move->stage;
    (void)!write(ends[1], &answer, sizeof answer);
    _exit(0);
  }
  close(ends[1]);
  if (pid > 0) {
    ssize_t count;
    do
      count = read(ends[0], &answer, sizeof answer);
    while (count < 0 && errno == EINTR);
    if (count != (ssize_t)sizeof answer) answer = (struct answer){.result = -EIO, .stage = ISL_NETWORK_ENTER};
    while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {}
  }
  close(ends[0]);
  if (pid < 0) return (int)pid;
  move->was_up = answer.was_up;
  move->stage = answer.stage;
  memcpy(resolved, answer.resolved, ISL_INTERFACE_NAME);
  resolved[ISL_INTERFACE_NAME - 1] = 0;
  return answer.result;
}
