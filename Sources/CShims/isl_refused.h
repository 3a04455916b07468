// Private to CShims: calls that the kernel has not, or that a filter around us refuses (seccomp(2)). The older way is
// taken only after a first refusal, which is remembered. Async-signal-safe code only.
#pragma once

enum isl_call {
  ISL_CALL_PIDFD_OPEN, // Linux 5.3
  ISL_CALL_PIDFD_SEND_SIGNAL, // 5.1
  ISL_CALL_OPEN_TREE, // 5.2
  ISL_CALL_MOVE_MOUNT, // 5.2
  ISL_CALL_MOUNT_SETATTR, // 5.12
  ISL_CALL_FSOPEN, // 5.2
  ISL_CALL_FSCONFIG, // 5.2
  ISL_CALL_FSMOUNT, // 5.2
  ISL_CALL_OPENAT2, // 5.6
  ISL_CALL_CLOSE_RANGE, // 5.9
  ISL_CALL_CLONE3, // 5.3
  ISL_CALL_MEMFD_CREATE, // 3.17
  ISL_CALL_PIVOT_ROOT,
  ISL_CALL_COUNT
};

/// Whether a call that failed with `error` (an errno value) is not to be had at all, whatever it is asked for.
int isl_is_refused(enum isl_call call, int error);
/// Whether that is known of it.
int isl_was_refused(enum isl_call call);
/// Whether a refusal became known since this was asked last.
int isl_found_refusal(void);
/// What a failed call returns: -ENOSYS where it is refused, else -error.
int isl_refusal(enum isl_call call, int error);

/// close_range(2), or one call for each number.
int isl_close_range(unsigned first, unsigned last, unsigned flags);
