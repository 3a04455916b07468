// The socket on which a service tells its manager how it is (sd_notify(3)).
#pragma once

#include <stdint.h>

/// A datagram socket with this name in a folder, in place of one that is there; it does not block. Returns it or
/// -errno.
int isl_notify_listen(const char *folder, const char *name);

/// Sends one datagram to a manager's socket, named as in NOTIFY_SOCKET. Returns 0 or -errno.
int isl_notify_send(const char *socket_address, const void *text, uint32_t count);
