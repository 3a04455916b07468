// Processes that are no container's: one that holds namespaces, one that outlives the caller to end a container.
#include "isl_child.h"
#include "isl_launch.h"
#include "isl_refused.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

long isl_fork(uint64_t flags) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  // The raw call: fork(3) would run handlers of the process we copy.
  long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);
  int error = errno;
  if (pid == 0) return 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return pid < 0 ? -error : pid;
}

int isl_spawn_placeholder(uint64_t flags) {
  pid_t parent = getpid();
  long pid = isl_fork(flags);
  if (pid != 0) return (int)pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(0);
  (void)isl_close_range(0, ~0u, 0);
  for (;;) pause();
}

int isl_spawn_guardian(int pidfd, int lifeline) {
  long pid = isl_fork(0);
  if (pid != 0) return (int)pid;
  // Signals stay blocked: what ends the caller (Ctrl-C, SIGTERM) must not end its guardian first.
  syscall(SYS_setsid);
  // Everything else is closed, or a pipe of the payload's would never end while we hold it.
  int low = pidfd < lifeline ? pidfd : lifeline, high = pidfd < lifeline ? lifeline : pidfd;
  if (low > 0) (void)isl_close_range(0, (unsigned)low - 1, 0);
  (void)isl_close_range((unsigned)low + 1, (unsigned)high - 1, 0);
  (void)isl_close_range((unsigned)high + 1, ~0u, 0);
  struct pollfd watched[2] = {{.fd = pidfd, .events = POLLIN}, {.fd = lifeline, .events = POLLIN}};
  for (;;) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) _exit(1);
    if (watched[0].revents) _exit(0);
    if (watched[1].revents & (POLLHUP | POLLERR)) {
      isl_pidfd_send_signal(pidfd, SIGKILL);
      _exit(0);
    }
  }
}
