// The host's own programs, for what we do not do ourselves.
#include "isl_child.h"
#include "isl_refused.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/// A project's own settings in the working directory must not choose the program for us.
#define AT_ROOT 1
/// What we ignore it shall not.
static const int usual[] = {SIGINT, SIGTERM, SIGPIPE};

static int by_library(const char *path, char *const *arguments, char *const *environment, const int streams[3], int flags) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  pid_t pid = -1;
  sigset_t none, defaults;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return -error;
  error = posix_spawnattr_init(&attributes);
  if (error) {
    posix_spawn_file_actions_destroy(&actions);
    return -error;
  }
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  sigemptyset(&defaults);
  for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) sigaddset(&defaults, usual[i]);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  for (int i = 0; i < 3; i++)
    if (streams[i] >= 0) posix_spawn_file_actions_adddup2(&actions, streams[i], i);
  if (flags & AT_ROOT) posix_spawn_file_actions_addchdir_np(&actions, "/");
  error = posix_spawn(&pid, path, &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error ? -error : pid;
}

/// The library's posix_spawn(3) begins with clone3(2), and takes clone(2) only where the answer is ENOSYS.
static int by_clone(const char *path, char *const *arguments, char *const *environment, const int streams[3], int flags) {
  int report[2], error = 0;
  if (pipe2(report, O_CLOEXEC) < 0) return -errno;
  long pid = isl_fork(0);
  if (pid == 0) {
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) (void)signal(usual[i], SIG_DFL);
    int out = fcntl(report[1], F_DUPFD_CLOEXEC, 3);
    if (isl_take_streams(streams) == 0 && !(flags & AT_ROOT && chdir("/") < 0)) {
      (void)sigprocmask(SIG_SETMASK, &none, NULL);
      execve(path, arguments, environment);
    }
    error = errno;
    (void)!write(out, &error, sizeof error);
    _exit(127);
  }
  close(report[1]);
  ssize_t count = 0;
  if (pid > 0)
    while ((count = read(report[0], &error, sizeof error)) < 0 && errno == EINTR) {}
  close(report[0]);
  if (pid < 0 || count != (ssize_t)sizeof error) return (int)pid;
  while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {}
  return -error;
}

static int spawn(const char *path, char *const *arguments, char *const *environment, const int streams[3], int flags) {
  int r = isl_was_refused(ISL_CALL_CLONE3) ? -ENOSYS : by_library(path, arguments, environment, streams, flags);
  if (r >= 0 || (r != -ENOSYS && !isl_is_refused(ISL_CALL_CLONE3, -r))) return r;
  return by_clone(path, arguments, environment, streams, flags);
}

int isl_spawn(const char *path, char *const *arguments, char *const *environment, const int streams[3]) {
  return spawn(path, arguments, environment, streams, 0);
}

int isl_spawn_host_program(char *const *arguments, int input, int output) {
  int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (nothing < 0) return -errno;
  const int streams[3] = {input < 0 ? nothing : input, output, nothing};
  int r = spawn(arguments[0], arguments, environ, streams, AT_ROOT);
  close(nothing);
  return r;
}
