// Which TCP sockets listen (listening.c).
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// A TCP socket that listens. `address` is in the network's order; of IPv4 the first four bytes are.
struct isl_listening {
  uint64_t inode;
  uint16_t port;
  bool is_version6;
  uint8_t address[16];
};

/// Gives the TCP sockets that listen in a network namespace; `table` is a sock_diag(7) socket made there. Writes up to
/// `capacity` of them, and gives how many there are, or -errno where the kernel does not tell.
long isl_find_listening(int table, struct isl_listening *into, long capacity);
