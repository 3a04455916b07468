// Moving network interfaces between network namespaces: rtnetlink(7), IFLA_NET_NS_FD since Linux 3.0.
#pragma once

#include <stdint.h>

/// How long an interface's name may be with its NUL (IFNAMSIZ).
#define ISL_INTERFACE_NAME 16

enum isl_network_stage {
  ISL_NETWORK_ENTER = 1, // the other namespace could not be entered
  ISL_NETWORK_FIND, // no such interface
  ISL_NETWORK_READ, // its addresses could not be read
  ISL_NETWORK_NAME, // its new name is taken, or no number is left for "%d"
  ISL_NETWORK_MOVE, // it could not be moved or renamed
  ISL_NETWORK_UP, // it could not be brought up
  ISL_NETWORK_ADDRESS, // an address was refused
};

struct isl_network_move {
  int32_t network_namespace; // the other one
  int32_t is_return; // from there to the caller's instead of there
  int32_t brings_up; // or leaves it down
  // Outcome:
  int32_t was_up;
  int32_t stage; // enum isl_network_stage of a failure
};

/// Moves one interface with its permanent addresses of global scope. `new_name` may end in "%d", for which the first
/// free number stands then; `resolved` gets the name it has there. Returns 0, or -errno: then it is where it was, as
/// it was.
int isl_move_network_interface(
    struct isl_network_move *move, const char *name, const char *new_name, char resolved[ISL_INTERFACE_NAME]);

/// One packet that a container sent to the outside (ISL_STEP_OUTSIDE), from its IP header on and cut to `size`;
/// returns the count of bytes or -errno (EAGAIN: there is none).
ssize_t isl_outside_receive(int socket, void *buffer, size_t size);

/// Lets an IPv4 packet arrive in the container; returns 0 or -errno.
int isl_outside_answer(int socket, const void *packet, size_t size);

/// How many packets were lost since the last call, because nobody had read those before them.
uint32_t isl_outside_lost(int socket);
