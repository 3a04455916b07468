// Private to CShims: questions to sock_diag(7).
#pragma once

#include "netlink.h"

// States of a socket, of <netinet/tcp.h>, which is not for use beside the kernel's headers.
enum { ISL_TIME_WAIT = 6, ISL_LISTEN = 10 };

/// Asks for all sockets of a kind (`request` is a unix_diag_req or an inet_diag_req_v2) and hands each to `take`.
/// Returns 0, what `take` returned below 0, or -errno.
int isl_ask_sockets(
    int table, const void *request, size_t size, int (*take)(const struct nlmsghdr *, void *), void *context);
