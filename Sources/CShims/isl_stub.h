// Private to CShims: the program by which a container's process becomes its payload (stub.c). Async-signal-safe.
#pragma once

#include <stdint.h>

struct sock_filter;

/// What the stub says when it could not execute the payload: an isl_message with this as its step.
#define ISL_STUB_STEP INT32_MAX

/// Pointers that stand before the first argument, for what the stub is told: `paths_count` and this many more.
#define ISL_STUB_SLOTS 1

/// A new stub: a sealed memfd, close-on-exec. Returns -errno; -ENOSYS on other processors than x86-64 and ARM64.
int isl_stub_make(void);

/// Executes the first of `count` paths that is a program, by way of the stub. The stub says on `report` why not; a
/// successful execve(2) closes that, as a failure here makes it do; it comes without FD_CLOEXEC. The paths stand
/// right before `argv`, behind ISL_STUB_SLOTS. Returns only -errno.
/// `hides`: others with the same rights may be there.
int isl_stub_execute(int stub, int report, int hides, uint32_t count, char **argv, char *const *envp);

/// Whether a filter lets the stub do what it has to. `count` 0 is no filter.
int isl_stub_is_allowed(const struct sock_filter *filter, uint32_t count);
