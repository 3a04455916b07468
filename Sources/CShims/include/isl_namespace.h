// Reaching into a container's network namespace from outside: setns(2), Linux 3.0.
#pragma once

#include <stdint.h>

/// Makes `count` unconnected sockets inside a network namespace, joining the user namespace that owns
/// it first (a caller without privileges may not join it otherwise). A socket belongs to the namespace
/// it was made in, so the caller may connect it from here. `user_namespace` is negative when the
/// container shares the caller's.
int isl_open_sockets(int user_namespace, int network_namespace, int domain, int type, int *fds, int count);
