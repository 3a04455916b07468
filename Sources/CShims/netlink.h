// Private to CShims: requests to netlink(7), in buffers whose bounds are checked (CVE-2021-43784).
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stddef.h>
#include <stdint.h>

struct isl_netlink_request {
  struct nlmsghdr header;
  union {
    struct ifinfomsg link;
    struct ifaddrmsg address;
    char room[512];
  } body;
};

/// A socket of rtnetlink(7) in the caller's network namespace, or -errno.
int isl_netlink_open(void);

/// Begins a request whose fixed part is `body_size` bytes of zeros.
void isl_netlink_begin(struct isl_netlink_request *request, uint16_t type, uint16_t flags, size_t body_size);

/// Appends an attribute; -EMSGSIZE when there is no room.
int isl_netlink_add(struct isl_netlink_request *request, uint16_t type, const void *data, size_t size);

/// Sends a request and hands each message of the answer to `take` (which may be NULL) until the kernel has said its
/// last. Returns 0, what `take` returned below 0, or -errno of the kernel's refusal.
int isl_netlink_ask(
    int socket, struct isl_netlink_request *request, int (*take)(const struct nlmsghdr *, void *), void *context);
