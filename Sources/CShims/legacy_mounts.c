// mount(2) where there is no newer way: it takes no attributes with a bind, and changes one mount at a time.
#include "isl_child.h"

#include "isl_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

unsigned long isl_mount_legacy_flags(uint64_t attributes) {
  unsigned long flags = 0;
  if (attributes & ISL_ATTR_RDONLY) flags |= MS_RDONLY;
  if (attributes & ISL_ATTR_NOSUID) flags |= MS_NOSUID;
  if (attributes & ISL_ATTR_NODEV) flags |= MS_NODEV;
  if (attributes & ISL_ATTR_NOEXEC) flags |= MS_NOEXEC;
  if (attributes & ISL_ATTR_NODIRATIME) flags |= MS_NODIRATIME;
  if ((attributes & ISL_ATTR_ATIME_MASK) == ISL_ATTR_NOATIME) flags |= MS_NOATIME;
  if ((attributes & ISL_ATTR_ATIME_MASK) == ISL_ATTR_STRICTATIME) flags |= MS_STRICTATIME;
  if (attributes & ISL_ATTR_NOSYMFOLLOW) flags |= 256; // MS_NOSYMFOLLOW, Linux 5.10
  return flags;
}

int isl_mount_legacy_remount(int target, uint64_t set) {
  char path[40];
  struct statvfs fs;
  isl_fd_path(path, target);
  if (statvfs(path, &fs) < 0) return -errno;
  unsigned long flags = isl_mount_legacy_flags(set);
  if (fs.f_flag & ST_RDONLY) flags |= MS_RDONLY;
  if (fs.f_flag & ST_NOSUID) flags |= MS_NOSUID;
  if (fs.f_flag & ST_NODEV) flags |= MS_NODEV;
  if (fs.f_flag & ST_NOEXEC) flags |= MS_NOEXEC;
  if (fs.f_flag & ST_NOATIME) flags |= MS_NOATIME;
  if (fs.f_flag & ST_NODIRATIME) flags |= MS_NODIRATIME;
  return mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | flags, NULL) < 0 ? -errno : 0;
}

int isl_mount_legacy_bind(int source, int target, int recursive) {
  char from[40], to[40];
  isl_fd_path(from, source);
  isl_fd_path(to, target);
  if (mount(from, to, NULL, MS_BIND | (recursive ? MS_REC : 0), NULL) < 0) return -errno;
  return 0;
}

/// The number of the mount that a descriptor lies on (proc_pid_fdinfo(5)), or -1.
static long mount_of(int fd) {
  char path[48], text[512];
  isl_fd_path(path, fd);
  // "/proc/self/fd/N" and "/proc/self/fdinfo/N"
  memmove(path + 17, path + 13, strlen(path + 13) + 1);
  memcpy(path + 13, "info", 4);
  int info = open(path, O_RDONLY | O_CLOEXEC);
  if (info < 0) return -1;
  ssize_t count = read(info, text, sizeof text - 1);
  close(info);
  text[count < 0 ? 0 : count] = 0;
  const char *line = strstr(text, "mnt_id:\t");
  return line ? strtol(line + 8, NULL, 10) : -1;
}

/// Undoes proc_pid_mountinfo(5)'s way to write blanks.
static void unescape(char *path) {
  char *out = path;
  for (const char *in = path; *in; out++) {
    if (in[0] == '\\' && in[1] && in[2] && in[3]) {
      *out = (char)((in[1] - '0') << 6 | (in[2] - '0') << 3 | (in[3] - '0'));
      in += 4;
    } else {
      *out = *in++;
    }
  }
  *out = 0;
}

/// A line's mount point; 0 for a line that has none, or one that is too long to be reached by its path.
static int mount_point(const char *line, char path[4096]) {
  const char *at = line;
  for (int field = 1; field < 5; field++) {
    at = strchr(at, ' ');
    if (!at++) return 0;
  }
  size_t length = strcspn(at, " \n");
  if (length >= 4096) return 0;
  memcpy(path, at, length);
  path[length] = 0;
  unescape(path);
  return 1;
}

static int is_below(const char *path, const char *above) {
  size_t length = strlen(above);
  return strncmp(path, above, length) == 0 && (length == 1 || path[length] == '/');
}

/// Whether a later mount has covered the one at `path`, so that nobody can reach it: the mount `number` in its place,
/// or one on a folder on the way.
static int is_covered(const char *later, long number, const char *path, const char *above) {
  static char other[4096];
  for (const char *line = later, *end; (end = strchr(line, '\n')); line = end + 1) {
    if (!mount_point(line, other)) continue;
    if (strcmp(other, path) == 0 && strtol(line, NULL, 10) == number) return 1;
    if (is_below(other, above) && is_below(path, other)) return 1;
  }
  return 0;
}

/// One line of the table, for a mount below the folder `above`. What is at the path must be that mount, or one on top
/// of it:
/// whoever owns the folder could have exchanged it.
static int remount_line(const char *line, const char *later, const char *above, uint64_t set) {
  static char path[4096];
  if (!mount_point(line, path) || !is_below(path, above)) return 0;
  int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), r = fd < 0 ? -errno : 0;
  long number = fd < 0 ? -1 : mount_of(fd);
  if (r == 0 && number == strtol(line, NULL, 10)) r = isl_mount_legacy_remount(fd, set);
  else if (is_covered(later, number, path, above)) r = 0;
  else if (r == 0) r = -EBUSY;
  if (fd >= 0) close(fd);
  return r;
}

int isl_mount_legacy_remount_below(int mounted, uint64_t set) {
  static char text[1 << 18];
  char path[40], above[4096];
  ssize_t length = readlink(isl_fd_path(path, mounted), above, sizeof above - 1), size = 0, count;
  if (length < 0) return -errno;
  above[length] = 0;
  int table = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  if (table < 0) return -errno;
  while ((count = read(table, text + size, sizeof text - 1 - (size_t)size)) > 0) size += count;
  close(table);
  if (count < 0 || size == (ssize_t)sizeof text - 1) return -E2BIG;
  text[size] = 0;
  int r = 0;
  for (char *line = text, *end; r == 0 && (end = strchr(line, '\n')); line = end + 1)
    r = remount_line(line, end + 1, above, set);
  return r;
}
