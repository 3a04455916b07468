// Starting programs, awaiting them, and leaving none behind.
#include "bench.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t ben_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int ben_adopt_orphans(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0 ? -errno : 0; }

/// The parent of a process, from the field after its name in /proc/PID/stat (proc(5)); 0 when it has gone.
static pid_t parent_of(const char *pid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count <= 0) return 0;
  text[count] = 0;
  const char *end = strrchr(text, ')');
  return end && strlen(end) > 4 ? (pid_t)strtol(end + 4, NULL, 10) : 0;
}

static int kill_children(void) {
  DIR *processes = opendir("/proc");
  if (!processes) return 0;
  int found = 0;
  for (struct dirent *entry; (entry = readdir(processes));) {
    if (!isdigit((unsigned char)entry->d_name[0]) || parent_of(entry->d_name) != getpid()) continue;
    kill((pid_t)strtol(entry->d_name, NULL, 10), SIGKILL);
    found++;
  }
  closedir(processes);
  return found;
}

int ben_end_children(int milliseconds) {
  int64_t deadline = ben_now() + (int64_t)milliseconds * 1000000;
  for (;;) {
    // The orphans of a killed child become children, and are found in the next round.
    int found = kill_children();
    while (waitpid(-1, NULL, WNOHANG | __WALL) > 0) {}
    if (!found || ben_now() >= deadline) return found;
    poll(NULL, 0, 1);
  }
}

int ben_spawn(char *const *arguments, char *const *environment, int output, int errors, struct ben_process *process) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  pid_t pid = -1;
  int error = posix_spawn_file_actions_init(&actions);
  if (error) return -error;
  error = posix_spawnattr_init(&attributes);
  if (error) {
    posix_spawn_file_actions_destroy(&actions);
    return -error;
  }
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDWR, 0);
  posix_spawn_file_actions_adddup2(&actions, output < 0 ? 0 : output, 1);
  posix_spawn_file_actions_adddup2(&actions, errors < 0 ? 0 : errors, 2);
  process->started = ben_now();
  error = posix_spawn(&pid, arguments[0], &actions, &attributes, arguments, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error) return -error;
  process->pid = pid;
  process->pidfd = (int32_t)syscall(SYS_pidfd_open, pid, 0);
  if (process->pidfd < 0) {
    error = errno;
    ben_kill(process);
    return -error;
  }
  return 0;
}

int ben_await(struct ben_process *process, int stop, int milliseconds, struct ben_ending *ending) {
  struct pollfd watched[2] = {{process->pidfd, POLLIN, 0}, {stop, POLLIN, 0}};
  int64_t deadline = ben_now() + (int64_t)milliseconds * 1000000;
  while (!(watched[0].revents & POLLIN)) {
    int64_t left = (deadline - ben_now() + 999999) / 1000000;
    int ready = poll(watched, 2, left > 0 ? (int)left : 0);
    if (ready < 0 && errno != EINTR) return -errno;
    if (ready == 0) return 0;
    if (ready > 0 && watched[1].revents) return -EINTR;
  }
  int status = 0;
  while (waitpid(process->pid, &status, 0) < 0 && errno == EINTR) {}
  ending->ended = ben_now();
  ending->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  close(process->pidfd);
  process->pidfd = -1;
  return 1;
}

void ben_kill(struct ben_process *process) {
  kill(-process->pid, SIGKILL);
  kill(process->pid, SIGKILL);
  while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR) {}
  if (process->pidfd >= 0) close(process->pidfd);
  process->pidfd = -1;
}

struct search {
  int left;
  char *path;
  int size;
  int length;
};

static int visit(struct dl_phdr_info *object, size_t size, void *argument) {
  (void)size;
  struct search *search = argument;
  if (search->left-- > 0) return 0;
  search->length = snprintf(search->path, (size_t)search->size, "%s", object->dlpi_name) + 1;
  return 1;
}

int ben_loaded_object(int index, char *path, int size) {
  struct search search = {index, path, size, 0};
  dl_iterate_phdr(visit, &search);
  return search.length;
}
