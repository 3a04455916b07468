// File work in one folder: on an overlay inside a sandbox, on the same filesystem outside.
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t ben_create_files(struct ben_place *place, long count) {
  char name[32];
  int64_t failure = 0, begin = ben_now();
  for (long i = 0; i < count && failure == 0; i++) {
    snprintf(name, sizeof name, "new-%ld", i);
    int file = openat(place->folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (file < 0) failure = -errno;
    if (file >= 0) close(file);
  }
  int64_t spent = ben_now() - begin;
  for (long i = 0; i < count; i++) {
    snprintf(name, sizeof name, "new-%ld", i);
    unlinkat(place->folder, name, 0);
  }
  return failure ? failure : spent;
}

int64_t ben_stat_file(struct ben_place *place, long count) {
  struct stat status;
  int64_t begin = ben_now();
  for (long i = 0; i < count; i++)
    if (fstatat(place->folder, "lower", &status, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  return ben_now() - begin;
}

/// Opens, reads 4 KiB and closes.
int64_t ben_read_file(struct ben_place *place, long count) {
  char buffer[4096];
  int64_t begin = ben_now();
  for (long i = 0; i < count; i++) {
    int file = openat(place->folder, "lower", O_RDONLY | O_CLOEXEC);
    if (file < 0) return -errno;
    ssize_t got = read(file, buffer, sizeof buffer);
    int error = errno;
    close(file);
    if (got != (ssize_t)sizeof buffer) return got < 0 ? -error : -EIO;
  }
  return ben_now() - begin;
}

/// Writes 4 KiB to an open file, which stays below 1 MiB.
int64_t ben_write_file(struct ben_place *place, long count) {
  char buffer[4096] = {1};
  int file = openat(place->folder, "written", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return -errno;
  int64_t failure = 0, begin = ben_now();
  for (long i = 0; i < count && failure == 0; i++)
    if (pwrite(file, buffer, sizeof buffer, (i & 255) * 4096) != (ssize_t)sizeof buffer) failure = -errno;
  int64_t spent = ben_now() - begin;
  close(file);
  unlinkat(place->folder, "written", 0);
  return failure ? failure : spent;
}

int64_t ben_rename_file(struct ben_place *place, long count) {
  static const char *const names[] = {"here", "there"};
  int file = openat(place->folder, names[0], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return -errno;
  close(file);
  int64_t failure = 0, begin = ben_now();
  for (long i = 0; i < count && failure == 0; i++)
    if (renameat(place->folder, names[i & 1], place->folder, names[!(i & 1)]) < 0) failure = -errno;
  int64_t spent = ben_now() - begin;
  unlinkat(place->folder, names[0], 0);
  unlinkat(place->folder, names[1], 0);
  return failure ? failure : spent;
}
