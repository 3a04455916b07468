// A program of the host that ends with whoever started it, if it is wanted in namespaces of its own.
#include "isl_child.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct program {
  char *const *arguments, *const *environment;
  int input, output, errors;
  const struct isl_id_range *ids;
  /// Milliseconds between SIGTERM and SIGKILL.
  int grace;
};

/// Waits for the maps of the user namespace, which the guardian writes, and becomes its root.
static int enter(int maps) {
  char byte;
  ssize_t count;
  while ((count = read(maps, &byte, 1)) < 0 && errno == EINTR) continue;
  if (count != 1) return -1;
  // The calls themselves: those of the C library would wait for threads of the process that was cloned.
  if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, 0, 0, 0) < 0) return -1;
  if (syscall(SYS_setresuid, 0, 0, 0) < 0) return -1;
  return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

/// Between fork and exec: only async-signal-safe calls. `maps` hangs up when the guardian ends.
static void execute(const struct program *program, int maps) {
  sigset_t none;
  if (setpgid(0, 0) < 0) _exit(127);
  if (program->ids && enter(maps) < 0) {
    static const char text[] = "E: cannot enter a user namespace of its own\n";
    (void)!write(program->errors, text, sizeof text - 1);
    _exit(127);
  }
  // Forgotten when the ids change, so only now (PR_SET_PDEATHSIG(2const)).
  struct pollfd guardian = {.fd = maps, .events = POLLIN};
  if (prctl(PR_SET_PDEATHSIG, program->grace ? SIGTERM : SIGKILL) < 0 || poll(&guardian, 1, 0) != 0) _exit(127);
  if (dup2(program->input, 0) < 0 || dup2(program->output, 1) < 0 || dup2(program->errors, 2) < 0) _exit(127);
  if (chdir("/") < 0) _exit(127);
  umask(022);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execve(program->arguments[0], program->arguments, program->environment);
  _exit(127);
}

static int write_map(pid_t process, const char *name, uint32_t start, uint32_t count) {
  char path[64], text[64];
  snprintf(path, sizeof path, "/proc/%d/%s", process, name);
  int length = snprintf(text, sizeof text, "0 %u %u\n", start, count);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t written = write(fd, text, (size_t)length);
  close(fd);
  return written == length ? 0 : -1;
}

/// Waits for a child's end at most so long; it is still to be collected then.
static void await_end(pid_t child, int pidfd, int milliseconds) {
  struct pollfd watched = {.fd = pidfd, .events = POLLIN};
  if (pidfd >= 0) poll(&watched, 1, milliseconds);
  for (int left = pidfd < 0 ? milliseconds : 0; left > 0; left -= 20) {
    siginfo_t end = {0};
    if (waitid(P_PID, (id_t)child, &end, WEXITED | WNOHANG | WNOWAIT) < 0 || end.si_pid == child) return;
    poll(NULL, 0, 20);
  }
}

/// The guardian: ends the program's group when the lifeline hangs up, and what the program leaves when it ends.
static void guard(const struct program *program, int lifeline) {
  int maps[2];
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
  if (setsid() < 0 || pipe2(maps, O_CLOEXEC) < 0) _exit(127);
  // The first process of a process namespace takes all others with it.
  unsigned long namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
  pid_t child = (pid_t)syscall(SYS_clone, (program->ids ? namespaces : 0) | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    close(maps[1]);
    execute(program, maps[0]);
  }
  if (child < 0) _exit(127);
  close(maps[0]);
  if (program->ids) {
    const struct isl_id_range *ids = program->ids;
    int isMapped = write_map(child, "uid_map", ids->user, ids->count) == 0 &&
                   write_map(child, "gid_map", ids->group, ids->count) == 0;
    if (!isMapped || write(maps[1], "", 1) != 1) kill(child, SIGKILL);
  }
  setpgid(child, child);
  close(program->errors);
  struct pollfd watched[2] = {{.fd = lifeline, .events = POLLIN}, {.fd = isl_pidfd_open(child), .events = POLLIN}};
  siginfo_t end = {0};
  while (end.si_pid != child) {
    int count = poll(watched, 2, watched[1].fd < 0 ? 100 : -1);
    if (waitid(P_PID, (id_t)child, &end, WEXITED | WNOHANG | WNOWAIT) < 0) break;
    if (watched[0].revents || (count < 0 && errno != EINTR)) break;
  }
  int ended = end.si_pid == child;
  if (!ended && program->grace) {
    kill(-child, SIGTERM);
    await_end(child, watched[1].fd, program->grace);
  }
  kill(-child, SIGKILL);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  _exit(ended && WIFEXITED(status) ? WEXITSTATUS(status) : 128 + (WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL));
}

int isl_spawn_guarded(
    char *const *arguments, char *const *environment, int output, int errors, int lifeline, int lifeline_end,
    const struct isl_id_range *ids, int grace) {
  sigset_t all, before;
  int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (input < 0) return -errno;
  struct program program = {arguments, environment, input, output, errors, ids, grace};
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_t pid = _Fork();
  if (pid == 0) {
    close(lifeline_end);
    guard(&program, lifeline);
  }
  int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(input);
  return pid < 0 ? -error : pid;
}
