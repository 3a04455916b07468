#include "isl_hook.h"

#include "isl_child.h"
#include "isl_refused.h"
#include "isl_stub.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

/// The child: everything is put in its place, and an error goes to `report`, which execve closes.
static void become(const struct isl_hook *hook, pid_t parent, int report) {
  sigset_t none;
  sigemptyset(&none);
  // It must not outlive a runtime that is killed meanwhile; the runtime may be gone already.
  int error = 0;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) error = errno;
  if (error == 0 && getppid() != parent) _exit(1);
  if (error == 0 && setpgid(0, 0) < 0) error = errno;
  // Ignored signals would stay ignored in the program, caught ones do not (execve(2)).
  for (int number = 1; number < 65; number++)
    if (number != SIGKILL && number != SIGSTOP) (void)signal(number, SIG_DFL);
  if (error == 0 && chdir(hook->directory) < 0) error = errno;
  // Ours may be among 0, 1 and 2 where a caller closed those: first out of the way.
  int input = fcntl(hook->input, F_DUPFD_CLOEXEC, 3), output = fcntl(hook->output, F_DUPFD_CLOEXEC, 3);
  int out = fcntl(report, F_DUPFD_CLOEXEC, 3);
  if (error == 0 && (input < 0 || output < 0 || out < 0)) error = errno;
  if (error == 0 && (dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)) error = errno;
  // Nothing of the container's or the caller's gets to the hook.
  if (error == 0) error = -isl_close_range(3, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */);
  (void)sigprocmask(SIG_SETMASK, &none, NULL);
  if (error == 0 && hook->stub > 0) {
    char **arguments = (char **)(uintptr_t)hook->arguments;
    arguments[-1] = (char *)(uintptr_t)hook->path;
    (void)fcntl(out, F_SETFD, 0);
    error = -isl_stub_execute(hook->stub, out, 1, 1, arguments, hook->environment);
  } else if (error == 0) {
    execve(hook->path, hook->arguments, hook->environment);
    error = errno;
  }
  struct isl_message message = {.type = ISL_MESSAGE_FAILED, .error = error}; // as the stub says it
  while (write(out >= 0 ? out : report, &message, sizeof message) < 0 && errno == EINTR) {}
  _exit(127);
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

/// Waits for the end; 0 when the time is over.
static int ends_in_time(int pidfd, int32_t timeout) {
  int64_t deadline = now() + timeout;
  for (;;) {
    struct pollfd watched = {.fd = pidfd, .events = POLLIN};
    int64_t left = timeout < 0 ? -1 : deadline - now();
    if (timeout >= 0 && left < 0) left = 0;
    int count = poll(&watched, 1, (int)left);
    if (count > 0) return 1;
    if (count == 0) return 0;
    if (errno != EINTR) return 1; // waitid(2) then does the waiting
  }
}

int isl_run_hook(const struct isl_hook *hook, int32_t *code) {
  int report[2], pidfd = -1;
  if (pipe2(report, O_CLOEXEC) < 0) return -errno;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t parent = getpid();
  // The raw call: fork(3) would run handlers of the process we copy.
  long pid = syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
  int error = pid < 0 ? errno : 0;
  if (pid == 0) become(hook, parent, report[1]);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  if (pid < 0) {
    close(report[0]);
    return -error;
  }
  struct isl_message message;
  ssize_t count;
  do
    count = read(report[0], &message, sizeof message);
  while (count < 0 && errno == EINTR);
  close(report[0]);
  error = count == sizeof message ? message.error : 0;
  int in_time = ends_in_time(pidfd, hook->timeout);
  // The leader is not waited for yet, so nobody else can have the group's number.
  if (!in_time) (void)kill((pid_t)-pid, SIGKILL);
  struct isl_exit end = {0};
  int waited = isl_wait(pidfd, 1, &end);
  close(pidfd);
  if (error) return -error;
  if (waited < 0) return waited;
  *code = end.code;
  if (!in_time) return ISL_HOOK_TIMED_OUT;
  return end.exited ? ISL_HOOK_EXITED : ISL_HOOK_SIGNALLED;
}
