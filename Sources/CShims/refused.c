#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_uint refused, found;

/// A call that no kernel grants and that has no effect: its flags do not exist, or its structure has no size. Every
/// kernel that knows the call says EINVAL (or EFAULT, to a path that is none) to that before it asks for privileges,
/// but for those of mounts, which need them anyway.
static long ask_in_vain(enum isl_call call) {
  const long all = 0xffffffffL;
  switch (call) {
  case ISL_CALL_PIDFD_OPEN: return syscall(SYS_pidfd_open, -1, all);
  case ISL_CALL_PIDFD_SEND_SIGNAL: return syscall(SYS_pidfd_send_signal, -1, 0, NULL, all);
  case ISL_CALL_OPEN_TREE: return syscall(SYS_open_tree, -1, NULL, all);
  case ISL_CALL_MOVE_MOUNT: return syscall(SYS_move_mount, -1, NULL, -1, NULL, all);
  case ISL_CALL_MOUNT_SETATTR: return syscall(SYS_mount_setattr, -1, NULL, all, NULL, 0);
  case ISL_CALL_FSOPEN: return syscall(SYS_fsopen, NULL, all);
  case ISL_CALL_FSCONFIG: return syscall(SYS_fsconfig, -1, all, NULL, NULL, 0);
  case ISL_CALL_FSMOUNT: return syscall(SYS_fsmount, -1, all, 0);
  case ISL_CALL_OPENAT2: return syscall(SYS_openat2, -1, NULL, NULL, 0);
  case ISL_CALL_CLOSE_RANGE: return syscall(SYS_close_range, 1, 0, 0);
  case ISL_CALL_CLONE3: return syscall(SYS_clone3, NULL, 0);
  case ISL_CALL_MEMFD_CREATE: return syscall(SYS_memfd_create, NULL, all);
  case ISL_CALL_PIVOT_ROOT: return syscall(SYS_pivot_root, NULL, NULL);
  case ISL_CALL_COUNT: break;
  }
  return 0;
}

int isl_is_refused(enum isl_call call, int error) {
  if (error != ENOSYS && error != EPERM && error != EACCES) return 0;
  // ENOSYS speaks of the call as a whole; the others may speak of what it was asked for.
  if (error != ENOSYS) {
    int before = errno, is_refused = ask_in_vain(call) < 0 && errno == error;
    errno = before;
    if (!is_refused) return 0;
  }
  unsigned bit = 1u << call;
  if (!(atomic_fetch_or(&refused, bit) & bit)) atomic_store(&found, 1);
  return 1;
}

int isl_was_refused(enum isl_call call) { return (atomic_load(&refused) >> call & 1) != 0; }

int isl_found_refusal(void) { return atomic_load(&found) && atomic_exchange(&found, 0); }

int isl_refusal(enum isl_call call, int error) { return isl_is_refused(call, error) ? -ENOSYS : -error; }

/// As many numbers as a process may have unless the host's root has changed that (proc_sys_fs(5), nr_open).
#define MOST_DESCRIPTORS (1u << 20)

int isl_close_range(unsigned first, unsigned last, unsigned flags) {
  if (first > last) return 0;
  if (!isl_was_refused(ISL_CALL_CLOSE_RANGE)) {
    if (syscall(SYS_close_range, first, last, flags) == 0) return 0;
    // EINVAL: the flag came with Linux 5.11.
    if (errno != EINVAL && !isl_is_refused(ISL_CALL_CLOSE_RANGE, errno)) return -errno;
  }
  struct rlimit limit;
  rlim_t end = MOST_DESCRIPTORS;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < end) end = limit.rlim_cur;
  for (unsigned fd = first; fd <= last && fd < end; fd++) {
    if (flags) (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
    else close((int)fd);
  }
  return 0;
}
