// What a process keeps in memory, read without a word of text becoming a string: a watchdog looks again and again.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/sock_diag.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "isl_held_memory.h"
#include "isl_syscalls.h"

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

// Adds a line's size, in kB (proc(5)), where it has that name.
static void take_size(const char *line, const char *name, long *bytes) {
  size_t length = strlen(name);
  if (strncmp(line, name, length) == 0) *bytes = strtol(line + length, NULL, 10) * 1024;
}

// Reads the beginning of a file of a process, and ends it with a zero.
static int read_text(int process, const char *name, char *text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", process, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t count = read(fd, text, size - 1);
  int error = errno;
  close(fd);
  text[count < 0 ? 0 : count] = 0;
  return count < 0 ? -error : 0;
}

int isl_memory_share(int process, long *own, long *shared) {
  char text[4096];
  int r = read_text(process, "smaps_rollup", text, sizeof text);
  if (r < 0) return r;
  long all = 0, anonymous = -1, file = -1, memory = 0;
  for (char *line = text; line && *line; line = strchr(line, '\n'), line += line != NULL) {
    take_size(line, "Pss:", &all);
    take_size(line, "Pss_Anon:", &anonymous);
    take_size(line, "Pss_File:", &file);
    take_size(line, "Pss_Shmem:", &memory);
  }
  // Linux before 5.4 has one sum for all.
  bool is_told_apart = anonymous >= 0 && file >= 0;
  *own = is_told_apart ? anonymous + file : all;
  *shared = is_told_apart ? memory : 0;
  return 0;
}

// Pages that a pipe holds (pipe(7)).
static long pipe_bytes(int fd) {
  int queued = 0, capacity = fcntl(fd, F_GETPIPE_SZ), flags = fcntl(fd, F_GETFL);
  if (ioctl(fd, FIONREAD, &queued) < 0 || capacity < 0 || queued <= 0) return 0;
  // In packet mode each write has a page of its own, however short it is.
  if (flags >= 0 && flags & O_DIRECT) return capacity;
  long page = sysconf(_SC_PAGESIZE), held = (queued + page - 1) / page * page + page;
  return held < capacity ? held : capacity;
}

// What is in a socket's queues (sock_diag(7), SO_MEMINFO).
static long socket_bytes(int fd) {
  uint32_t info[SK_MEMINFO_VARS] = {0};
  socklen_t size = sizeof info;
  return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0 ? 0 : isl_queued_bytes(info);
}

// Tells whether a file has no name left, and what it takes; `path` leads to it in /proc.
static bool is_nameless(int folder, const char *path, const struct stat *status, struct isl_held_file *held) {
  if (!S_ISREG(status->st_mode) || status->st_nlink > 0) return false;
  char target[16] = {0};
  bool is_memory = readlinkat(folder, path, target, sizeof target - 1) > 0 && strncmp(target, "/memfd:", 7) == 0;
  *held = (struct isl_held_file){
      .kind = is_memory ? ISL_HELD_MEMORY : ISL_HELD_DISK,
      .device = status->st_dev,
      .inode = status->st_ino,
      .bytes = status->st_blocks * 512,
  };
  return true;
}

// Tells what a descriptor keeps that we were given a copy of; false where that is nothing of its own.
static bool look_at(int fd, struct isl_held_file *held) {
  struct stat status;
  if (fstat(fd, &status) < 0) return false;
  *held = (struct isl_held_file){.device = status.st_dev, .inode = status.st_ino};
  if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) {
    held->kind = S_ISFIFO(status.st_mode) ? ISL_HELD_PIPE : ISL_HELD_SOCKET;
    held->bytes = held->kind == ISL_HELD_PIPE ? pipe_bytes(fd) : socket_bytes(fd);
    return true;
  }
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return is_nameless(AT_FDCWD, path, &status, held);
}

// The size of a process's table of descriptors (proc(5), "FDSize"); 0 where it cannot be told.
static long table_size(int process) {
  char text[4096];
  if (read_text(process, "status", text, sizeof text) < 0) return 0;
  const char *line = strstr(text, "\nFDSize:");
  return line ? strtol(line + 8, NULL, 10) : 0;
}

// Finds what has no name left where descriptors are not given away: what pipes and sockets hold is not seen then.
static long nameless_files(int process, struct isl_held_file *files, long capacity) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", process);
  DIR *folder = opendir(path);
  if (!folder) return -errno;
  long found = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    struct stat status;
    struct isl_held_file held;
    if (fstatat(dirfd(folder), entry->d_name, &status, 0) < 0) continue;
    if (!is_nameless(dirfd(folder), entry->d_name, &status, &held)) continue;
    if (found < capacity) files[found] = held;
    found++;
  }
  closedir(folder);
  return found;
}

long isl_held_files(int process, struct isl_held_file *files, long capacity) {
  int pidfd = isl_pidfd_open(process);
  long found = 0, seen = 0, open_files = isl_open_file_count(process), size = table_size(process);
  // One number after the other: reading the folder /proc/PID/fd makes an inode for each.
  for (long number = 0; number < size && (open_files == 0 || seen < open_files); number++) {
    int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    if (fd < 0) {
      // The descriptors of a number that is not open, or of O_PATH, are EBADF (pidfd_getfd(2)).
      if (errno == EBADF && pidfd >= 0) continue;
      if (pidfd >= 0) close(pidfd);
      return nameless_files(process, files, capacity);
    }
    seen++;
    struct isl_held_file held;
    if (look_at(fd, &held)) {
      if (found < capacity) files[found] = held;
      found++;
    }
    close(fd);
  }
  if (pidfd >= 0) close(pidfd);
  return found;
}

long isl_open_file_count(int process) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/fd", process);
  struct stat status;
  return stat(path, &status) < 0 ? 0 : (long)status.st_size;
}
