// Paths inside the rootfs, resolved so that no symbolic link can lead out of it. openat2(2), Linux
// 5.6, with RESOLVE_IN_ROOT; where that is missing, a walk that refuses every symbolic link.
#include "isl_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *isl_fd_path(char buffer[40], int fd) {
  static const char prefix[] = "/proc/self/fd/";
  char digits[12];
  int n = 0;
  unsigned value = (unsigned)fd;
  do
    digits[n++] = (char)('0' + value % 10);
  while (value /= 10);
  memcpy(buffer, prefix, sizeof prefix - 1);
  char *out = buffer + sizeof prefix - 1;
  while (n) *out++ = digits[--n];
  *out = 0;
  return buffer;
}

static int walk(int root, const char *path) {
  int at = fcntl(root, F_DUPFD_CLOEXEC, 3);
  if (at < 0) return -errno;
  while (*path) {
    char name[256];
    size_t n = 0;
    while (*path == '/') path++;
    while (path[n] && path[n] != '/') n++;
    if (n == 0) break;
    if (n >= sizeof name) {
      close(at);
      return -ENAMETOOLONG;
    }
    memcpy(name, path, n);
    name[n] = 0;
    path += n;
    if (strcmp(name, "..") == 0) {
      close(at);
      return -EXDEV;
    }
    int next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    int error = errno;
    close(at);
    if (next < 0) return -error;
    struct stat st;
    if (fstat(next, &st) < 0 || S_ISLNK(st.st_mode)) {
      close(next);
      return -ELOOP;
    }
    at = next;
  }
  return at;
}

int isl_resolve(const struct isl_child *child, int root, const char *path, int no_symlinks) {
  if (!(child->plan->flags & ISL_PLAN_FORCE_NO_OPENAT2)) {
    struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    if (no_symlinks) how.resolve |= RESOLVE_NO_SYMLINKS;
    const char *relative = path;
    while (*relative == '/') relative++;
    if (!*relative) relative = ".";
    int tries = 32; // a rename elsewhere in the tree makes IN_ROOT answer EAGAIN
    long fd;
    do
      fd = syscall(SYS_openat2, root, relative, &how, sizeof how);
    while (fd < 0 && (errno == EAGAIN || errno == EINTR) && --tries);
    if (fd >= 0) return (int)fd;
    if (errno != ENOSYS) return -errno;
  }
  return walk(root, path);
}

/// Ends `prefix` (a copy of the path) after its next component; returns that component's start.
static char *next_component(char *prefix, char **rest) {
  char *start = *rest;
  while (*start == '/') start++;
  if (!*start) return NULL;
  char *end = start;
  while (*end && *end != '/') end++;
  *rest = end;
  (void)prefix;
  return start;
}

int isl_resolve_or_make(
    const struct isl_child *child, int root, const char *path, int no_symlinks, int directory, mode_t mode) {
  int found = isl_resolve(child, root, path, no_symlinks);
  if (found != -ENOENT) return found;
  char prefix[4096];
  size_t length = strlen(path);
  if (length >= sizeof prefix) return -ENAMETOOLONG;
  memcpy(prefix, path, length + 1);
  int at = fcntl(root, F_DUPFD_CLOEXEC, 3);
  if (at < 0) return -errno;
  char *rest = prefix, *name;
  while ((name = next_component(prefix, &rest))) {
    char saved = *rest;
    *rest = 0;
    char *after = rest + (saved != 0);
    while (*after == '/') after++;
    int last = saved == 0 || *after == 0;
    if (strcmp(name, "..") == 0) {
      close(at);
      return -EXDEV;
    }
    int next = isl_resolve(child, root, prefix, no_symlinks);
    if (next == -ENOENT) {
      // Made by file descriptor and never through a link: what appears meanwhile is not followed.
      int made = 0;
      if (!last || directory)
        made = mkdirat(at, name, last ? mode : 0755);
      else if ((made = openat(at, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, mode)) >= 0)
        close(made);
      int error = made < 0 ? errno : 0;
      next = error && error != EEXIST ? -error : openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
      if (next == -1) next = -errno;
      struct stat st;
      if (next >= 0 && (fstat(next, &st) < 0 || S_ISLNK(st.st_mode))) {
        close(next);
        next = -ELOOP;
      }
    }
    close(at);
    if (next < 0) return next;
    at = next;
    *rest = saved;
  }
  return at;
}

const char *isl_leaf_below(const char *directory, const char *path) {
  size_t length = strlen(directory);
  if (strncmp(path, directory, length) != 0 || path[length] != '/') return NULL;
  const char *leaf = path + length + 1;
  if (!*leaf || strchr(leaf, '/') || strcmp(leaf, ".") == 0 || strcmp(leaf, "..") == 0) return NULL;
  return leaf;
}

int isl_resolve_parent(const struct isl_child *child, int root, const char *path, const char **leaf) {
  char parent[4096];
  const char *slash = strrchr(path, '/');
  *leaf = slash ? slash + 1 : path;
  if (!**leaf || strcmp(*leaf, "..") == 0 || strcmp(*leaf, ".") == 0) return -EINVAL;
  size_t length = slash ? (size_t)(slash - path) : 0;
  if (length >= sizeof parent) return -ENAMETOOLONG;
  memcpy(parent, path, length);
  parent[length] = 0;
  return isl_resolve_or_make(child, root, parent, 0, 1, 0755);
}
