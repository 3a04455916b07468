// Reaching into a container's namespaces from outside: setns(2) by pidfd, Linux 5.8.
#pragma once

#include <stdint.h>

/// Makes `count` unconnected sockets inside the network namespace of the process behind `pidfd`,
/// joining its user namespace first (a caller without privileges may not join it otherwise).
/// A socket belongs to the namespace it was made in, so the caller may connect it from here.
/// `user_namespace` is zero when the process shares the caller's user namespace.
int isl_open_sockets(int pidfd, int user_namespace, int domain, int type, int *fds, int count);
