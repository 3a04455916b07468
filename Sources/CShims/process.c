// What the payload's process inherits: limits, working directory, descriptors.
#include "isl_child.h"
#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int isl_step_working_directory(struct isl_child *child, const struct isl_step *step) {
  if (child->is_in_directory) return 0;
  if (chdir(isl_text(child, step->a)) < 0) return step->v && (errno == EACCES || errno == EPERM) ? 0 : -errno;
  child->is_in_directory = 1;
  // CVE-2024-21626: a working directory outside the root shows as "(unreachable)...".
  char buffer[4096];
  long n = syscall(SYS_getcwd, buffer, sizeof buffer);
  if (n < 0) return -errno;
  return buffer[0] == '/' ? 0 : -ENOENT;
}

int isl_step_close_descriptors(int first) {
  return isl_close_range((unsigned)first, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
}

/// Enters a new time namespace: unshare(2) makes it for children only, and its offsets can be set until somebody
/// is in it (time_namespaces(7)). While /proc is the host's.
int isl_step_time_namespace(const struct isl_child *child, const char *offsets) {
  if (unshare(0x80 /* CLONE_NEWTIME */) < 0) return -errno;
  int r = *offsets ? isl_write_own(child, "/proc/self/timens_offsets", offsets) : 0;
  int made = r == 0 ? open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC) : -1;
  if (r == 0 && (made < 0 || setns(made, 0x80) < 0)) r = -errno;
  if (made >= 0) close(made);
  return r;
}

int isl_step_resource_limit(const struct isl_step *step) {
  struct rlimit limit = {step->v, step->w};
  return setrlimit((__rlimit_resource_t)step->index, &limit) < 0 ? -errno : 0;
}

static void end_by(int number) { _exit(128 + number); }

/// The kernel drops signals that the first process of a PID namespace has not asked for (pid_namespaces(7)): one that
/// has not begun is to be ended by those that end a program, as with other runtimes.
static void answer_signals(void (*handler)(int)) {
  static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
  struct sigaction action = {.sa_handler = handler};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaction(numbers[i], &action, NULL);
}

int isl_step_start_pipe(struct isl_child *child) {
  char byte;
  ssize_t count;
  if (getpid() == 1) answer_signals(end_by);
  do
    count = read(child->start_pipe, &byte, 1);
  while (count < 0 && errno == EINTR);
  if (getpid() == 1) answer_signals(SIG_DFL);
  // Left open until execve closes it: by that `start` sees that the program runs.
  return count == 1 ? 0 : count < 0 ? -errno : -EPIPE;
}
