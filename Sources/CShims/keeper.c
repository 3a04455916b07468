// The first process of a container without namespaces. What a PID namespace does for one this process does: whatever
// the payload starts becomes its child when it loses its parent (prctl(2), PR_SET_CHILD_SUBREAPER), and ends with it.
#include "isl_child.h"

#include "isl_keeper.h"
#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct keeper {
  pid_t payload;
  uid_t user; // of the payload and of nobody else, or our own
  int signals, lifeline;
  int children; // its own, as the kernel lists them (proc_tid_children(5)); -1 where it does not
  int status; // the payload's, once it has ended
  int has_ended;
};

/// Takes in those that have ended. Returns 0 when no child is left.
static int reap(struct keeper *keeper) {
  for (;;) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == EINTR) continue;
    if (pid <= 0) return pid == 0;
    if (pid != keeper->payload) continue;
    keeper->status = status;
    keeper->has_ended = 1;
  }
}

/// All processes of a user who is nobody else's, in one call that no fork(2) can outrun (kill(2), "-1").
static void kill_user(uid_t user) {
  long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid == 0) {
    if (syscall(SYS_setresuid, user, user, user) == 0) kill(-1, SIGKILL);
    _exit(0);
  }
  while (pid > 0 && waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {}
}

static void kill_child(pid_t pid) {
  // What it would still start until the signal reaches it.
  struct rlimit none = {0, 0};
  (void)syscall(SYS_prlimit64, pid, RLIMIT_NPROC, &none, NULL);
  kill(pid, SIGKILL);
}

/// Its children now; those of theirs become its own as these end.
static void kill_children(const struct keeper *keeper) {
  char text[4096];
  pid_t pid = 0;
  ssize_t count;
  off_t at = 0;
  while ((count = pread(keeper->children, text, sizeof text, at)) > 0) {
    at += count;
    for (ssize_t i = 0; i < count; i++) {
      if (text[i] >= '0' && text[i] <= '9') {
        pid = pid * 10 + (text[i] - '0');
      } else if (pid > 0) {
        kill_child(pid);
        pid = 0;
      }
    }
  }
}

/// Until nothing is left that the payload has started.
static void end_all(struct keeper *keeper) {
  struct timespec moment = {0, 200000};
  while (reap(keeper)) {
    if (keeper->user != getuid()) kill_user(keeper->user);
    else if (keeper->children >= 0) kill_children(keeper);
    else kill(-getpgrp(), SIGKILL);
    nanosleep(&moment, NULL);
    if (moment.tv_nsec < 20000000) moment.tv_nsec *= 2;
  }
}

/// Ends as the payload did.
__attribute__((noreturn)) static void end_alike(const struct keeper *keeper) {
  if (!keeper->has_ended || WIFEXITED(keeper->status)) _exit(keeper->has_ended ? WEXITSTATUS(keeper->status) : 127);
  int signal = WTERMSIG(keeper->status);
  struct rlimit none = {0, 0};
  (void)setrlimit(RLIMIT_CORE, &none);
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, signal);
  kill(getpid(), signal);
  sigprocmask(SIG_SETMASK, &all, NULL);
  _exit(128 + signal);
}

__attribute__((noreturn)) static void keep(struct keeper *keeper) {
  struct pollfd watched[2] = {{.fd = keeper->signals, .events = POLLIN}, {.fd = keeper->lifeline, .events = POLLIN}};
  for (;;) {
    if (poll(watched, 2, -1) < 0 && errno != EINTR) break;
    if (watched[1].revents & (POLLHUP | POLLERR)) break;
    struct signalfd_siginfo info;
    if (!watched[0].revents || read(keeper->signals, &info, sizeof info) != (ssize_t)sizeof info) continue;
    if (info.ssi_signo == SIGCHLD) {
      (void)reap(keeper);
      if (keeper->has_ended) break;
    } else if (info.ssi_code == SI_QUEUE && info.ssi_int == ISL_KEEPER_END) {
      break;
    } else {
      kill(keeper->payload, (int)info.ssi_signo);
    }
  }
  end_all(keeper);
  end_alike(keeper);
}

int isl_end_with_keeper(const struct isl_child *child) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  return getppid() == child->keeper ? 0 : -ECHILD;
}

/// Closes all descriptors but a few, in ascending order of which -1 comes first.
static void close_all_but(int kept[], int count) {
  for (int i = 0; i < count; i++)
    for (int j = i + 1; j < count; j++)
      if (kept[j] < kept[i]) {
        int lower = kept[j];
        kept[j] = kept[i];
        kept[i] = lower;
      }
  unsigned next = 0;
  for (int i = 0; i < count; i++) {
    if (kept[i] < 0) continue;
    if ((unsigned)kept[i] > next) (void)isl_close_range(next, (unsigned)kept[i] - 1, 0);
    next = (unsigned)kept[i] + 1;
  }
  (void)isl_close_range(next, ~0u, 0);
}

int isl_step_keep(struct isl_child *child, const struct isl_step *step) {
  struct keeper keeper = {.user = (uid_t)step->v, .lifeline = child->lifeline, .children = -1};
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return -errno;
  prctl(PR_SET_NAME, "keeper", 0, 0, 0);
  // Before we are hidden, as files of /proc/self are the host's root's then.
  keeper.children = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
  keeper.signals = signalfd(-1, &all, SFD_CLOEXEC);
  if (keeper.signals < 0) return -errno;
  isl_hide(child);
  // Our command line may hold values of --env.
  volatile char *byte = (volatile char *)child->arguments;
  while ((uintptr_t)byte < child->arguments_end) *byte++ = 0;
  pid_t own = getpid();
  long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid < 0) return -errno;
  if (pid == 0) {
    // Whatever ends its keeper ends it.
    child->keeper = own;
    if (isl_end_with_keeper(child) < 0) _exit(127);
    syscall(SYS_setsid);
    close(keeper.signals);
    if (keeper.children >= 0) close(keeper.children);
    if (child->lifeline >= 0) close(child->lifeline);
    child->lifeline = -1;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return 0;
  }
  keeper.payload = (pid_t)pid;
  int kept[3] = {keeper.signals, keeper.lifeline, keeper.children};
  close_all_but(kept, 3);
  keep(&keeper);
}

int isl_keeper_end(int keeper, int32_t pid) {
  union sigval value = {.sival_int = ISL_KEEPER_END};
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGTERM;
  info.si_code = SI_QUEUE;
  info.si_pid = getpid();
  info.si_uid = getuid();
  info.si_value = value;
  if (syscall(SYS_pidfd_send_signal, keeper, SIGTERM, &info, 0) == 0) return 0;
  if (errno != ENOSYS && errno != EPERM) return -errno;
  // Its number is its own until we have waited for it.
  return sigqueue(pid, SIGTERM, value) < 0 ? -errno : 0;
}
