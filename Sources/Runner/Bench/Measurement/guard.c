// A process that waits for the benchmark's end, and cleans up where that did not come to do it itself (SIGKILL).
#include "bench.h"
#include "isl_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/// Whether a process runs a program that lies in the root filesystem below `directory`: payloads have no other mark.
static int runs_payload(const char *pid, const char *directory) {
  static const char *const payloads[] = {"first", "wait", "exit"};
  char path[4200];
  struct stat program, payload;
  snprintf(path, sizeof path, "/proc/%.20s/exe", pid);
  if (stat(path, &program) < 0) return 0;
  for (int i = 0; i < 3; i++) {
    snprintf(path, sizeof path, "%s/rootfs/%s", directory, payloads[i]);
    if (stat(path, &payload) == 0 && payload.st_ino == program.st_ino && payload.st_dev == program.st_dev) return 1;
  }
  return 0;
}

/// Whether the directory is in a process's environment, as it is in that of everything the benchmark starts.
static int is_marked(const char *pid, const char *directory) {
  static char text[65536];
  char path[64];
  snprintf(path, sizeof path, "/proc/%.20s/environ", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t count = read(fd, text, sizeof text);
  close(fd);
  return count > 0 && memmem(text, (size_t)count, directory, strlen(directory)) != NULL;
}

static int kill_marked(const char *directory) {
  DIR *processes = opendir("/proc");
  if (!processes) return 0;
  int found = 0;
  for (struct dirent *entry; (entry = readdir(processes));) {
    pid_t pid = isdigit((unsigned char)entry->d_name[0]) ? (pid_t)strtol(entry->d_name, NULL, 10) : 0;
    if (pid <= 1 || pid == getpid()) continue;
    if (!is_marked(entry->d_name, directory) && !runs_payload(entry->d_name, directory)) continue;
    kill(pid, SIGKILL);
    found++;
  }
  closedir(processes);
  return found;
}

static void guard(int end, const char *directory) {
  char byte;
  ssize_t count;
  do
    count = read(end, &byte, 1);
  while (count < 0 && errno == EINTR);
  if (count > 0) return;
  // What is killed may just have started something: two empty rounds end it.
  for (int empty = 0, round = 0; empty < 2 && round < 500; round++) {
    empty = kill_marked(directory) ? 0 : empty + 1;
    poll(NULL, 0, 10);
  }
  isl_remove_tree(AT_FDCWD, directory);
}

int ben_guard(const char *directory) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  pid_t pid = fork();
  if (pid < 0) {
    int error = errno;
    close(ends[0]);
    close(ends[1]);
    return -error;
  }
  if (pid == 0) {
    // The benchmark's children are ended by the benchmark: the guard must be none.
    if (fork() != 0) _exit(0);
    setsid();
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; fd < 3 && null >= 0; fd++) dup2(null, fd);
    // Only the benchmark may hold the other end, and nothing of the caller's is kept open.
    int end = dup2(ends[0], 3);
    close_range(4, ~0u, 0);
    if (chdir("/") == 0 && end == 3) guard(end, directory);
    _exit(0);
  }
  while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  close(ends[0]);
  return ends[1];
}

void ben_dismiss(int guard) {
  if (guard < 0) return;
  while (write(guard, "", 1) < 0 && errno == EINTR) {}
  close(guard);
}
