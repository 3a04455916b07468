// The first process of a container that has no PID namespace (keeper.c).
#pragma once

#include <stdint.h>

/// What asks it to end everything, with a SIGTERM that is queued (sigqueue(3)); others are the payload's.
#define ISL_KEEPER_END 0x6b656570

/// Asks a child of ours so, by its pidfd. Returns 0 or -errno.
int isl_keeper_end(int keeper, int32_t pid);
