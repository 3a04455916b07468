// PID 1 of a PID namespace: reaps what is left to it and forwards signals to the payload.
// pid_namespaces(7): signals without a handler never reach PID 1, orphans become its children, and
// when it ends the kernel kills the rest.
#include "isl_child.h"
#include "isl_refused.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int is_fault(int signal) {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL || signal == SIGTRAP ||
         signal == SIGSYS;
}

__attribute__((noreturn)) static void run_init(pid_t payload, const sigset_t *all) {
  for (;;) {
    siginfo_t info;
    int signal = sigwaitinfo(all, &info);
    if (signal < 0) continue;
    if (signal != SIGCHLD) {
      if (!is_fault(signal)) kill(payload, signal);
      continue;
    }
    for (;;) {
      int status;
      pid_t pid = waitpid(-1, &status, WNOHANG);
      if (pid <= 0) break;
      if (pid == payload) _exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    }
  }
}

int isl_step_init(struct isl_child *child) {
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  // Not the payload's to look into, it has the same ids: /proc/1/exe is the runtime's own program
  // (CVE-2019-5736). Before the fork, or the payload could be first; execve(2) undoes it there.
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // /proc/1/cmdline is readable all the same, and our command line may hold values of --env.
  volatile char *byte = (volatile char *)child->arguments;
  while ((uintptr_t)byte < child->arguments_end) *byte++ = 0;
  // The raw call: fork(3) would run handlers of the process we are a copy of.
  long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) return -errno;
  if (pid == 0) {
    // A terminal's keys are for the payload: we would hand it each of their signals a second time. Stopping for
    // changing the terminal's group (SIGTTOU) is blocked here.
    if (tcgetpgrp(0) >= 0 && setpgid(0, 0) == 0) (void)tcsetpgrp(0, getpid());
    sigprocmask(SIG_SETMASK, &before, NULL);
    return 0;
  }
  close(child->sync);
  (void)isl_close_range(0, ~0u, 0);
  run_init((pid_t)pid, &all);
}
