// A thin handle on libseccomp(3), which compiles filters; Linux 3.5 (5.0 for notifications).
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <linux/audit.h>
#include <linux/seccomp.h>

struct isl_seccomp; // a scmp_filter_ctx

struct isl_seccomp_argument {
  uint32_t index; // of the system call's argument
  uint32_t operation; // enum scmp_compare
  uint64_t value, value_two;
};

/// Action words as in seccomp.h of libseccomp, for Swift, which sees no function-like macros.
uint32_t isl_seccomp_action_errno(uint32_t number);
uint32_t isl_seccomp_action_trace(uint32_t number);
uint32_t isl_seccomp_action_allow(void);
uint32_t isl_seccomp_action_kill_process(void);
uint32_t isl_seccomp_action_kill_thread(void);
uint32_t isl_seccomp_action_trap(void);
uint32_t isl_seccomp_action_log(void);
uint32_t isl_seccomp_action_notify(void);

int isl_seccomp_open(uint32_t default_action, struct isl_seccomp **filter);
void isl_seccomp_close(struct isl_seccomp *filter);
/// The token of an architecture (seccomp_arch_add(3)), `name` as in the runtime-spec ("SCMP_ARCH_X86_64"); 0 when
/// libseccomp does not know it.
uint32_t isl_seccomp_architecture(const char *name);
uint32_t isl_seccomp_native_architecture(void);
int isl_seccomp_add_architecture(struct isl_seccomp *filter, uint32_t architecture);
/// The number of a call, whose name has `length` bytes (seccomp_syscall_resolve_name(3)); negative where the
/// architecture has none: -1 for a name that nobody knows, below that libseccomp's own numbers for calls that are
/// made through others.
int32_t isl_seccomp_resolve(uint32_t architecture, const char *name, size_t length);
/// The same by a table of our own; negative also for what the table does not have.
int32_t isl_call_number(uint32_t architecture, const char *name, size_t length);
/// -ENOENT when no kernel this libseccomp knows has a call of that name.
int isl_seccomp_add_rule(
    struct isl_seccomp *filter, uint32_t action, const char *call,
    const struct isl_seccomp_argument *arguments, uint32_t count);
/// Compiles to a balanced tree and gives an fd (memfd) with the struct sock_filter array.
int isl_seccomp_export(struct isl_seccomp *filter);

#define ISL_TERMINAL_GUARD_LENGTH 8
/// Writes that many struct sock_filter: EPERM for ioctl(2) with TIOCSTI or TIOCLINUX, and on with what follows for
/// every other call.
void isl_seccomp_terminal_guard(void *instructions);
/// Whether the kernel knows an action (SECCOMP_GET_ACTION_AVAIL, Linux 4.14); 1 or 0.
int isl_seccomp_action_available(uint32_t action);
/// Whether the kernel knows a flag of SECCOMP_SET_MODE_FILTER; 1 or 0.
int isl_seccomp_flag_available(uint32_t flag);
/// Major, minor and micro version of libseccomp, 8 bits each.
uint32_t isl_seccomp_library_version(void);

/// Answers to one seccomp notification (seccomp_unotify(2)); see isl_seccomp_receive.
struct isl_seccomp_event {
  uint64_t id;
  uint32_t pid;
  int32_t call;
  uint64_t arguments[6];
};
int isl_seccomp_receive(int listener, struct isl_seccomp_event *event);
/// Lets the call go on as if there were no filter: only for calls the kernel itself refuses or that
/// need no decision, since the caller's memory may change after we read it.
int isl_seccomp_continue(int listener, uint64_t id);
int isl_seccomp_still_valid(int listener, uint64_t id);
