// tmpcopyup: a tmpfs that begins as a copy of the directory it covers (config.md, "Linux mount options").
#include "isl_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ISL_COPY_DEPTH 64

struct isl_entry { // struct linux_dirent64 (getdents(2))
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[];
};

static int copy_contents(int from, int to) {
  char buffer[16384];
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got == 0) return 0;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -errno;
    for (ssize_t done = 0; done < got;) {
      ssize_t put = write(to, buffer + done, (size_t)(got - done));
      if (put < 0 && errno != EINTR) return -errno;
      if (put > 0) done += put;
    }
  }
}

/// Owners that the namespace does not map cannot be given to a file, and stay with whoever copies.
static int copy_attributes(int to, const struct stat *st) {
  if (fchown(to, st->st_uid, st->st_gid) < 0 && errno != EPERM && errno != EINVAL) return -errno;
  if (fchmod(to, st->st_mode & 07777) < 0) return -errno;
  struct timespec times[2] = {st->st_atim, st->st_mtim};
  return futimens(to, times) < 0 ? -errno : 0;
}

static int copy_file(int from_directory, int to_directory, const char *name) {
  int from = openat(from_directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (from < 0) return -errno;
  struct stat st;
  int r = fstat(from, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -ELOOP;
  int to = r < 0 ? r : openat(to_directory, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (r == 0 && to < 0) r = -errno;
  if (r == 0) r = copy_contents(from, to);
  if (r == 0) r = copy_attributes(to, &st);
  if (to >= 0) close(to);
  close(from);
  return r;
}

static int copy_link(int from_directory, int to_directory, const char *name, const struct stat *st) {
  char contents[4096];
  ssize_t n = readlinkat(from_directory, name, contents, sizeof contents - 1);
  if (n < 0) return -errno;
  contents[n] = 0;
  if (symlinkat(contents, to_directory, name) < 0) return -errno;
  int r = fchownat(to_directory, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW);
  return r < 0 && errno != EPERM && errno != EINVAL ? -errno : 0;
}

static int copy_directory(int from, int to, int depth);

static int copy_subdirectory(int from_directory, int to_directory, const char *name, int depth) {
  int from = openat(from_directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0) return -errno;
  int r = mkdirat(to_directory, name, 0700) < 0 ? -errno : 0;
  int to = r < 0 ? r : openat(to_directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (r == 0 && to < 0) r = -errno;
  if (r == 0) r = copy_directory(from, to, depth + 1);
  struct stat st;
  if (r == 0) r = fstat(from, &st) < 0 ? -errno : copy_attributes(to, &st);
  if (to >= 0) close(to);
  close(from);
  return r;
}

static int copy_entry(int from, int to, const char *name, int depth) {
  struct stat st;
  if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return 0;
  if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  switch (st.st_mode & S_IFMT) {
  case S_IFREG: return copy_file(from, to, name);
  case S_IFLNK: return copy_link(from, to, name, &st);
  case S_IFDIR: return copy_subdirectory(from, to, name, depth);
  default: return 0; // devices, sockets and FIFOs mean something only where they are
  }
}

static int copy_directory(int from, int to, int depth) {
  if (depth > ISL_COPY_DEPTH) return -ELOOP;
  union {
    char bytes[2048];
    struct isl_entry align;
  } buffer;
  for (;;) {
    long n = syscall(SYS_getdents64, from, buffer.bytes, sizeof buffer.bytes);
    if (n < 0) return -errno;
    if (n == 0) return 0;
    for (long at = 0; at < n;) {
      const struct isl_entry *entry = (const struct isl_entry *)(const void *)(buffer.bytes + at);
      int r = copy_entry(from, to, entry->name, depth);
      if (r < 0) return r;
      at += entry->length;
    }
  }
}

int isl_copy_up(int source, int mount, int keeps_mode) {
  int from = openat(source, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (from < 0) return -errno;
  int to = openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int r = to < 0 ? -errno : copy_directory(from, to, 0);
  struct stat st;
  if (r == 0 && !keeps_mode) r = fstat(from, &st) < 0 ? -errno : copy_attributes(to, &st);
  if (to >= 0) close(to);
  close(from);
  return r;
}
