// The program's own beginning, without Foundation.
#pragma once

#include <stdint.h>

/// The arguments main got, the program's name first; valid as long as the process.
char *const *isl_arguments(int *count);

/// The effective ids that the program was started with, without a system call (getauxval(3)).
uint32_t isl_callers_user(void);
uint32_t isl_callers_group(void);

/// 1 where the program's file has lent it a user or a group (set-user-ID, set-group-ID; execve(2)).
int isl_has_borrowed_ids(void);

/// Says that main runs: from here on the functions of Sources/CShims/startup.c do what they always do.
void isl_begin(void);

/// Undoes that a caller has left SIGCHLD ignored to `isolate`: the kernel would keep no child for waitid(2). A launch
/// sees to it by itself. Nothing in another program, whose signals are its own.
void isl_keep_children(void);
