// Processes by descriptor, so that a number that comes to mean another one does no harm.
#include "isl_child.h"
#include "isl_refused.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

int isl_pidfd_open(pid_t pid) {
  if (isl_was_refused(ISL_CALL_PIDFD_OPEN)) return -ENOSYS;
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  return fd < 0 ? isl_refusal(ISL_CALL_PIDFD_OPEN, errno) : fd;
}

int isl_open_process(pid_t pid) {
  char path[32];
  int fd = isl_pidfd_open(pid);
  if (fd != -ENOSYS) return fd;
  // As pidfd_send_signal(2) took it before there was pidfd_open(2): it stays that process's.
  snprintf(path, sizeof path, "/proc/%d", pid);
  fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return fd < 0 ? errno == ENOENT ? -ESRCH : -errno : fd;
}

int isl_is_process_folder(int process) {
  struct stat st;
  return fstat(process, &st) == 0 && S_ISDIR(st.st_mode);
}

/// The number of a process that has not been waited for; -ESRCH for every other, -ENOSYS without /proc.
static pid_t number_of(int process) {
  char path[64], text[512];
  if (isl_is_process_folder(process)) {
    isl_fd_path(path, process);
    ssize_t length = readlink(path, text, sizeof text - 1);
    if (length < 0) return -ENOSYS;
    text[length] = 0;
    const char *name = strrchr(text, '/');
    int pid = name ? atoi(name + 1) : 0;
    return pid > 0 && faccessat(process, "stat", F_OK, 0) == 0 ? pid : -ESRCH;
  }
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", process);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -ENOSYS;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  text[length < 0 ? 0 : length] = 0;
  const char *line = strstr(text, "Pid:\t");
  int pid = line ? atoi(line + 5) : 0;
  return pid > 0 ? pid : -ESRCH;
}

int isl_pidfd_send_signal(int process, int signal) {
  if (!isl_was_refused(ISL_CALL_PIDFD_SEND_SIGNAL)) {
    if (syscall(SYS_pidfd_send_signal, process, signal, NULL, 0) == 0) return 0;
    int error = errno;
    if (!isl_is_refused(ISL_CALL_PIDFD_SEND_SIGNAL, error)) return -error;
  }
  pid_t pid = number_of(process);
  if (pid < 0) return pid;
  return kill(pid, signal) < 0 ? -errno : 0;
}

int isl_signal_child(int process, pid_t pid, int signal) {
  int r = isl_pidfd_send_signal(process, signal);
  if (r != -ENOSYS) return r;
  // Its number is its own until we have waited for it, and nobody's child of ours after that.
  siginfo_t end;
  if (waitid(P_PID, (id_t)pid, &end, WEXITED | WNOHANG | WNOWAIT) < 0) return -ESRCH;
  return kill(pid, signal) < 0 ? -errno : 0;
}

/// Whether the process of a folder of /proc has ended (proc_pid_stat(5)).
static int has_ended(int folder) {
  char text[1024];
  int fd = openat(folder, "stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 1;
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count <= 0) return 1;
  text[count] = 0;
  const char *name_end = strrchr(text, ')');
  return !name_end || name_end[1] == 0 || name_end[2] == 'Z' || name_end[2] == 'X';
}

int isl_await_end(int process, int milliseconds) {
  struct timespec now, begin;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  int is_folder = isl_is_process_folder(process);
  for (int left = milliseconds;;) {
    if (is_folder && has_ended(process)) return 1;
    struct pollfd watched = {.fd = is_folder ? -1 : process, .events = POLLIN};
    int count = poll(&watched, 1, is_folder && (left < 0 || left > 10) ? 10 : left);
    if (count > 0) return 1;
    if (count < 0 && errno != EINTR) return -errno;
    if (milliseconds < 0) continue;
    clock_gettime(CLOCK_MONOTONIC, &now);
    left = milliseconds - (int)((now.tv_sec - begin.tv_sec) * 1000 + (now.tv_nsec - begin.tv_nsec) / 1000000);
    if (left <= 0) return is_folder && has_ended(process);
  }
}

int isl_wait(int pidfd, int block, struct isl_exit *out) {
  siginfo_t info;
  struct rusage usage;
  long r;
  memset(&info, 0, sizeof info);
  do
    r = syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | (block ? 0 : WNOHANG), &usage);
  while (r < 0 && errno == EINTR);
  if (r < 0) return -errno;
  if (info.si_pid == 0) return 0;
  out->exited = info.si_code == CLD_EXITED;
  out->code = info.si_status;
  out->cpu_microseconds = (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000LL +
                          usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
  out->peak_resident_kib = usage.ru_maxrss;
  return 1;
}
