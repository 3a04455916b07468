// System calls of a program and all it makes, counted with ptrace(2).
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct tracer {
  pid_t first;
  int began; // the program itself has been executed
  int ended;
  uint64_t device, inode;
  struct ben_trace *trace;
};

/// Whether a process runs the payload: by its file, since its path is another one in every root.
static int runs_payload(const struct tracer *tracer, pid_t pid) {
  char path[64];
  struct stat status;
  snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
  return stat(path, &status) == 0 && status.st_dev == tracer->device && status.st_ino == tracer->inode;
}

static void resume(const struct tracer *tracer, pid_t pid, int signal) {
  int counts = tracer->began && !tracer->trace->reached;
  ptrace(counts ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, (void *)(intptr_t)signal);
}

/// One change of one traced task.
static void handle(struct tracer *tracer, pid_t pid, int status) {
  struct ben_trace *trace = tracer->trace;
  if (WIFEXITED(status) || WIFSIGNALED(status)) {
    if (pid != tracer->first) return;
    tracer->ended = 1;
    trace->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return;
  }
  int signal = WSTOPSIG(status), event = status >> 16;
  if (signal == (SIGTRAP | 0x80)) {
    struct __ptrace_syscall_info info;
    memset(&info, 0, sizeof info);
    if (!trace->reached && ptrace(PTRACE_GET_SYSCALL_INFO, pid, (void *)sizeof info, &info) > 0 &&
        info.op == PTRACE_SYSCALL_INFO_ENTRY)
      trace->calls++;
    resume(tracer, pid, 0);
    return;
  }
  switch (event) {
    case 0: // a signal on its way
      resume(tracer, pid, signal);
      return;
    case PTRACE_EVENT_EXEC:
      if (!tracer->began)
        tracer->began = 1;
      else if (runs_payload(tracer, pid))
        trace->reached = 1;
      break;
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      if (!trace->reached) trace->processes++;
      break;
    case PTRACE_EVENT_STOP:
      if (signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
        ptrace(PTRACE_LISTEN, pid, NULL, NULL);
        return;
      }
      break;
  }
  resume(tracer, pid, 0);
}

static int follow(struct tracer *tracer, int children, int stop, int64_t deadline) {
  struct pollfd watched[2] = {{stop, POLLIN, 0}, {children, POLLIN, 0}};
  while (!tracer->ended) {
    int status;
    pid_t pid = waitpid(-1, &status, WNOHANG | __WALL);
    if (pid > 0) {
      handle(tracer, pid, status);
      continue;
    }
    if (pid < 0 && errno != EINTR) return -errno;
    int64_t left = (deadline - ben_now()) / 1000000;
    if (left <= 0) return -ETIMEDOUT;
    // Not longer than a moment: a change that came before the descriptor was drained is not told again.
    if (poll(watched, 2, left < 20 ? (int)left : 20) < 0 && errno != EINTR) return -errno;
    if (watched[0].revents) return -EINTR;
    struct signalfd_siginfo drained;
    while (watched[1].revents && read(children, &drained, sizeof drained) > 0) {}
  }
  return 0;
}

/// The traced program's first moments: waits until it is traced, then executes.
static void become(char *const *arguments, char *const *environment, int output, int errors, int gate) {
  char byte;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGXFSZ, SIG_DFL);
  setpgid(0, 0);
  int null = open("/dev/null", O_RDWR);
  if (null < 0 || read(gate, &byte, 1) != 1) _exit(127);
  if (dup2(null, 0) < 0 || dup2(output < 0 ? null : output, 1) < 0 || dup2(errors < 0 ? null : errors, 2) < 0)
    _exit(127);
  if (null > 2) close(null);
  execve(arguments[0], arguments, environment);
  _exit(127);
}

int ben_count_calls(char *const *arguments, char *const *environment, int output, int errors, uint64_t device,
                    uint64_t inode, int stop, int milliseconds, struct ben_trace *trace) {
  struct tracer tracer = {-1, 0, 0, device, inode, trace};
  memset(trace, 0, sizeof *trace);
  int64_t deadline = ben_now() + (int64_t)milliseconds * 1000000;
  sigset_t set, before;
  int gate[2], result = 0;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  if (pipe2(gate, O_CLOEXEC) < 0) return -errno;
  sigprocmask(SIG_BLOCK, &set, &before);
  int children = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
  tracer.first = children < 0 ? -1 : fork();
  if (tracer.first == 0) become(arguments, environment, output, errors, gate[0]);
  if (tracer.first < 0) {
    result = -errno;
  } else if (ptrace(PTRACE_SEIZE, tracer.first, NULL,
                    (void *)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                             PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) < 0) {
    result = -errno;
  } else if (write(gate[1], "", 1) != 1) {
    result = -errno;
  } else {
    result = follow(&tracer, children, stop, deadline);
  }
  close(gate[0]);
  close(gate[1]);
  if (children >= 0) close(children);
  if (tracer.first > 0) ben_end_children(2000);
  sigprocmask(SIG_SETMASK, &before, NULL);
  return result;
}
