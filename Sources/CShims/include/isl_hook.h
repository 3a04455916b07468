// A program of the host that is run beside a container (config.md, "POSIX-platform Hooks").
#pragma once

#include <stdint.h>

struct isl_hook {
  const char *path;
  char *const *arguments;
  char *const *environment; // the whole of it
  const char *directory; // its working directory
  int input, output; // its standard input; its standard output and error
  int32_t timeout; // milliseconds, -1 = none
  int32_t stub; // the program that executes it (stub.c), with two free pointers before `arguments`; 0 = none
};

/// Where the numbers of a hook's outcome begin that the child reports in place of an errno: outcome << 8 | code.
#define ISL_HOOK_FAILED 0x10000

enum isl_hook_outcome { ISL_HOOK_EXITED, ISL_HOOK_SIGNALLED, ISL_HOOK_TIMED_OUT };

/// Runs a hook in a process group of its own until it ends; when its time is over the whole group is killed.
/// Returns an outcome with the exit status or signal in `code`, or -errno when it could not be executed.
int isl_run_hook(const struct isl_hook *hook, int32_t *code);
