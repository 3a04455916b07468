// Reaching into a container's namespaces from outside: setns(2), Linux 3.0.
#pragma once

#include <stdint.h>

/// Makes `count` unconnected sockets inside a network namespace, joining the user namespace that owns
/// it first (a caller without privileges may not join it otherwise). A socket belongs to the namespace
/// it was made in, so the caller may connect it from here. `user_namespace` is negative when the
/// container shares the caller's.
int isl_open_sockets(int user_namespace, int network_namespace, int domain, int type, int *fds, int count);

/// Opens a sock_diag(7) socket in a network namespace, for `isl_socket_memory` and `isl_find_listening`. Gives the
/// descriptor, or -errno.
int isl_open_socket_table(int user_namespace, int network_namespace);

/// Opens the table of System V shared memory segments (sysvipc(7), /proc/sysvipc/shm) of the IPC namespace
/// that the process of a pidfd is in (Linux 5.8). The descriptor shows that namespace for as long as it is open.
/// Gives the descriptor, or -errno.
int isl_open_segments(int user_namespace, int process);
