// Files of a process whose calls another one makes for it, as the kernel reports them (seccomp_unotify(2)).
//
// Memory that such a call names may change after it was looked at. What is decided on is a descriptor of ours, and
// what is done is done to that.
#include "isl_lent_files.h"

#include "isl_child.h"
#include "isl_lent_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int isl_read_text(int32_t pid, uint64_t address, char *text, size_t size) {
  int64_t count = isl_read_memory(pid, address, text, size);
  if (count < 0) return count == -EIO ? -EFAULT : (int)count;
  const char *end = memchr(text, 0, (size_t)count);
  if (!end) return (size_t)count < size ? -EFAULT : -ENAMETOOLONG;
  return (int)(end - text);
}

static int open_number(int32_t pid, int number) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, number);
  int fd = open(path, O_PATH | O_CLOEXEC);
  return fd >= 0 ? fd : errno == ENOENT ? -EBADF : -errno;
}

/// The number in a path that stands for a descriptor, or -1: for us it would be another one.
static int number_in(const char *path) {
  static const char *const prefixes[] = {"/proc/self/fd/", "/proc/thread-self/fd/", "/dev/fd/"};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
    size_t length = strlen(prefixes[i]);
    if (strncmp(path, prefixes[i], length) != 0) continue;
    char *end;
    long number = strtol(path + length, &end, 10);
    return end != path + length && *end == 0 && number >= 0 && number <= INT32_MAX ? (int)number : -1;
  }
  return -1;
}

int isl_open_named(int32_t pid, int folder, const char *path, int follows) {
  if (!path) return open_number(pid, folder);
  if (!*path) return -ENOENT;
  int number = follows ? number_in(path) : -1;
  if (number >= 0) return open_number(pid, number);
  int base = AT_FDCWD;
  if (path[0] != '/') {
    char text[32];
    snprintf(text, sizeof text, "/proc/%d/cwd", pid);
    base = folder != AT_FDCWD ? open_number(pid, folder) : open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (base < 0) return folder != AT_FDCWD ? base : -errno;
  }
  int fd = openat(base, path, O_PATH | O_CLOEXEC | (follows ? 0 : O_NOFOLLOW)), error = errno;
  if (base != AT_FDCWD) close(base);
  return fd < 0 ? -error : fd;
}

int isl_change_mode(int file, unsigned mode) {
  char path[40];
  isl_fd_path(path, file);
  return chmod(path, mode) < 0 ? -errno : 0;
}

int isl_change_times(int file, const int64_t times[4]) {
  struct timespec both[2];
  if (times)
    for (int i = 0; i < 2; i++) both[i] = (struct timespec){.tv_sec = times[2 * i], .tv_nsec = times[2 * i + 1]};
  char path[40];
  isl_fd_path(path, file);
  return utimensat(AT_FDCWD, path, times ? both : NULL, 0) < 0 ? -errno : 0;
}

int isl_open_in(int folder, const char *name, int flags, unsigned mode) {
  if (strchr(name, '/')) return -EACCES;
  // A FIFO would make us wait.
  int fd = openat(folder, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
  if (fd < 0) return -errno;
  struct stat st;
  if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
    (void)fcntl(fd, F_SETFL, flags & (O_APPEND | O_NONBLOCK));
    return fd;
  }
  close(fd);
  return -EACCES;
}

static long process_of(int32_t thread) {
  char path[32], text[1024];
  snprintf(path, sizeof path, "/proc/%d/status", thread);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count < 0) return -1;
  text[count] = 0;
  const char *line = strstr(text, "\nTgid:");
  return line ? strtol(line + 6, NULL, 10) : -1;
}

int isl_is_same_process(int32_t one, int32_t other) {
  long process = process_of(one);
  return process > 0 && process == process_of(other);
}
