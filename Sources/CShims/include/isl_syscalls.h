// System calls and macros that `import Glibc` does not show, each a plain function returning -errno.
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// pidfd_open(2), Linux 5.3; -ENOSYS where it is refused to everybody.
int isl_pidfd_open(pid_t pid);
/// A descriptor that stays one process's: a pidfd, or its folder in /proc where there are none.
int isl_open_process(pid_t pid);
/// Whether a descriptor of a process is its folder in /proc, which poll(2) says nothing of; 1 or 0.
int isl_is_process_folder(int process);
/// Waits until a process has ended, at most so long, or below 0 for ever: 1 when it has, else 0 or -errno.
int isl_await_end(int process, int milliseconds);
/// sched_setaffinity(2) of the calling thread, for a set of any size.
int isl_set_affinity(const uint64_t *words, uint32_t count);
/// sched_getaffinity(2); the number of bytes written, or -errno.
int isl_get_affinity(uint64_t *words, uint32_t count);
/// pidfd_send_signal(2), Linux 5.1, also to a process whose folder in /proc it is; kill(2) where that is refused.
/// -ENOSYS where the process then cannot be told without /proc.
int isl_pidfd_send_signal(int process, int signal);
/// The same for a child that has not been waited for.
int isl_signal_child(int process, pid_t pid, int signal);

/// What waitid(P_PIDFD) said of an ended child.
struct isl_exit {
  int32_t exited; // 1: `code` is an exit status; 0: `code` is a signal
  int32_t code;
  int64_t cpu_microseconds;
  int64_t peak_resident_kib; // of the largest process among the waited-for ones (getrusage(2))
};
/// waitid(2) with rusage. 1 = ended, 0 = still running (only with `block` zero).
int isl_wait(int pidfd, int block, struct isl_exit *result);

/// memfd_create(2) with MFD_CLOEXEC; a file without a name on a disk where that is refused.
int isl_memfd(const char *name);
/// flock(2), LOCK_EX, with LOCK_NB when `wait` is zero. -EWOULDBLOCK when another holds it.
int isl_lock(int fd, int wait);
/// The same with LOCK_SH.
int isl_lock_shared(int fd, int wait);
/// An AF_UNIX SOCK_STREAM pair or pipe, close-on-exec.
int isl_pipe(int fds[2]);

/// CLONE_NEW* word for "user", "mount", "pid", "ipc", "uts", "network", "cgroup", "time"; 0 = unknown.
uint64_t isl_namespace_flag(const char *type);
/// The name below /proc/PID/ns of a CLONE_NEW* flag, or NULL.
const char *isl_namespace_file(uint64_t flag);
/// The CLONE_NEW* flag of an open namespace (ioctl_ns(2), NS_GET_NSTYPE, Linux 4.11), or 0 when it is none.
uint64_t isl_namespace_type(int fd);
/// RLIMIT_* number for "RLIMIT_NOFILE" and its like; -1 = unknown.
int isl_rlimit_number(const char *name);
/// dev_t of a character device.
uint64_t isl_makedev(uint32_t major, uint32_t minor);
/// Whether the unified hierarchy of control groups is mounted there (statfs(2), CGROUP2_SUPER_MAGIC); 1 or 0.
int isl_is_cgroup2(const char *path);
/// A random 64-bit number from getrandom(2).
uint64_t isl_random(void);
/// signalfd(2) for the given signals, which are blocked in the calling thread.
int isl_signalfd(const int *signals, int count);
/// Reads one signal number from a signalfd; -EAGAIN when there is none.
int isl_signalfd_read(int fd);
/// copy_file_range(2) until the end of `from`; falls back to read and write where it is refused.
int isl_copy_contents(int from, int to);
/// posix_spawn(3) of a program by its path; -1 in `streams` keeps what the caller has there. Returns the pid.
int isl_spawn(const char *path, char *const *arguments, char *const *environment, const int streams[3]);
/// posix_spawn(3) of one of the host's own programs: in `/`, standard input `input` (/dev/null below 0),
/// standard output `output`, standard error /dev/null, our environment. Returns the pid.
int isl_spawn_host_program(char *const *arguments, int input, int output);
/// Ids of the host that become 0 to `count` - 1 in a user namespace.
struct isl_id_range {
  uint32_t user, group, count;
};
/// Runs a program under a guardian, which ends the program's process group with SIGKILL when `lifeline` hangs up, as
/// it does when nobody has `lifeline_end` any more, and when the program has ended. The program runs in `/`, in a
/// process group of its own without a terminal, with default signals, umask 022 and standard input /dev/null. Returns
/// the guardian's pid; it exits with the program's status, or 128 and the signal that ended it. With `ids`, for root
/// only, it runs as root of a user namespace that has these ids, with process, mount, IPC and UTS namespaces. With
/// `grace`, in milliseconds, it is sent SIGTERM first.
int isl_spawn_guarded(
    char *const *arguments, char *const *environment, int output, int errors, int lifeline, int lifeline_end,
    const struct isl_id_range *ids, int grace);
/// Loads a program for BPF_CGROUP_DEVICE (bpf(2)) and attaches it to the open directory of a cgroup, in place of
/// one that is there. `instructions` are `count` words of struct bpf_insn.
int isl_set_device_filter(int cgroup, const uint64_t *instructions, uint32_t count);
/// Asks that the calling thread waits for others as shortly as possible whenever it is woken: the kernel takes those
/// with a shorter slice first (sched_setattr(2), `sched_runtime` of SCHED_OTHER; Linux 6.12, before it does nothing).
/// Gives 0, or -errno.
int isl_run_soon(void);

/// 1 where there is mount_setattr(2) (Linux 5.12), 0 where there is not.
int isl_changes_mount_trees(void);
