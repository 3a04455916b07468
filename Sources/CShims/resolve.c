// Paths inside the rootfs, resolved so that no symbolic link can lead out of it. openat2(2), Linux
// 5.6, with RESOLVE_IN_ROOT; where that is missing, a walk that follows every link itself.
#include "isl_child.h"
#include "isl_refused.h"

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

/// A walk has as many folders open, to go back to by "..": a folder may be moved meanwhile, and its parent with it.
#define ISL_MAX_DEPTH 100
/// How many links a walk follows, and how many dangling ones are made after each other: the latter on a stack of
/// limited size (shared_memory.c). The kernel follows forty (path_resolution(7)).
#define ISL_MAX_LINKS 20

/// A path on the way: the folders from the root on, and what is left of it.
struct walk {
  int folder[ISL_MAX_DEPTH], depth, links;
  char rest[4096];
};

/// Puts what a link holds before what is left.
static int follow(struct walk *walk, int link) {
  char text[4096];
  ssize_t length = readlinkat(link, "", text, sizeof text);
  size_t behind = strlen(walk->rest);
  if (length < 0) return -errno;
  if (++walk->links > ISL_MAX_LINKS) return -ELOOP;
  if ((size_t)length + behind + 2 > sizeof walk->rest) return -ENAMETOOLONG;
  memmove(walk->rest + length + 1, walk->rest, behind + 1);
  memcpy(walk->rest, text, (size_t)length);
  walk->rest[length] = '/';
  if (text[0] == '/')
    while (walk->depth > 1) close(walk->folder[--walk->depth]);
  return 0;
}

/// One component.
static int go_on(struct walk *walk, const char *name, int no_symlinks) {
  if (strcmp(name, ".") == 0) return 0;
  if (strcmp(name, "..") == 0) {
    // Above the root there is the root.
    if (walk->depth > 1) close(walk->folder[--walk->depth]);
    return 0;
  }
  int next = openat(walk->folder[walk->depth - 1], name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  struct stat st;
  if (next < 0) return -errno;
  int r = fstat(next, &st) < 0 ? -errno : 0;
  if (r == 0 && !S_ISLNK(st.st_mode)) {
    if (walk->depth == ISL_MAX_DEPTH) r = -ENAMETOOLONG;
    else walk->folder[walk->depth++] = next;
    if (r == 0) return 0;
  } else if (r == 0) {
    r = no_symlinks ? -ELOOP : follow(walk, next);
  }
  close(next);
  return r;
}

/// By descriptors: the kernel follows no link, so that none leads out of the root, whatever is exchanged meanwhile.
static int walk(int root, const char *path, int no_symlinks) {
  struct walk walk;
  size_t length = strlen(path);
  if (length >= sizeof walk.rest) return -ENAMETOOLONG;
  memcpy(walk.rest, path, length + 1);
  walk.links = 0;
  walk.depth = 1;
  walk.folder[0] = fcntl(root, F_DUPFD_CLOEXEC, 3);
  int r = walk.folder[0] < 0 ? -errno : 0;
  while (r == 0) {
    char name[256];
    size_t start = strspn(walk.rest, "/"), count = strcspn(walk.rest + start, "/");
    if (count == 0) break;
    if (count >= sizeof name) r = -ENAMETOOLONG;
    if (r < 0) break;
    memcpy(name, walk.rest + start, count);
    name[count] = 0;
    memmove(walk.rest, walk.rest + start + count, strlen(walk.rest + start + count) + 1);
    r = go_on(&walk, name, no_symlinks);
  }
  if (r == 0) r = walk.folder[--walk.depth];
  while (walk.depth > 0) close(walk.folder[--walk.depth]);
  return r;
}

int isl_resolve(const struct isl_child *child, int root, const char *path, int no_symlinks) {
  if (!(child->plan->flags & ISL_PLAN_FORCE_NO_OPENAT2) && !isl_was_refused(ISL_CALL_OPENAT2)) {
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
    if (!isl_is_refused(ISL_CALL_OPENAT2, errno)) return -errno;
  }
  return walk(root, path, no_symlinks);
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

static int make(const struct isl_child *child, int root, const char *path, int no_symlinks, int directory, mode_t mode, int links);

/// What a dangling link leads to, made inside the root: `prefix` ends with the link's name, `rest` follows it.
static int make_behind_link(
    const struct isl_child *child, int root, int at, char *prefix, const char *name, const char *rest, int directory,
    mode_t mode, int links) {
  char path[4096];
  ssize_t length = readlinkat(at, name, path, sizeof path - 1);
  if (length < 0) return -errno;
  if (links == 0) return -ELOOP;
  path[length] = 0;
  size_t before = path[0] == '/' ? 0 : (size_t)(name - prefix), behind = strlen(rest);
  if (before + (size_t)length + behind + 2 > sizeof path) return -ENAMETOOLONG;
  memmove(path + before, path, (size_t)length + 1);
  memcpy(path, prefix, before);
  path[before + (size_t)length] = '/';
  memcpy(path + before + (size_t)length + 1, rest, behind + 1);
  return make(child, root, path, 0, directory, mode, links - 1);
}

/// Makes a component that is missing, by file descriptor and never through a link: what appears meanwhile is not
/// followed.
/// -ELOOP where there is a link, which leads nowhere.
static int make_component(int at, const char *name, int directory, mode_t mode) {
  int made = 0;
  if (directory)
    made = mkdirat(at, name, mode);
  else if ((made = openat(at, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, mode)) >= 0)
    close(made);
  if (made < 0 && errno != EEXIST) return -errno;
  int next = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (next < 0) return -errno;
  struct stat st;
  if (fstat(next, &st) == 0 && !S_ISLNK(st.st_mode)) return next;
  close(next);
  return -ELOOP;
}

static int make(const struct isl_child *child, int root, const char *path, int no_symlinks, int directory, mode_t mode, int links) {
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
    int next = isl_resolve(child, root, prefix, no_symlinks);
    if (next == -ENOENT && strcmp(name, "..") == 0) next = -EXDEV;
    if (next == -ENOENT) {
      next = make_component(at, name, !last || directory, last ? mode : 0755);
      if (next == -ELOOP && !no_symlinks) {
        next = make_behind_link(child, root, at, prefix, name, after, directory, mode, links);
        close(at);
        return next;
      }
    }
    close(at);
    if (next < 0) return next;
    at = next;
    *rest = saved;
  }
  return at;
}

int isl_resolve_or_make(
    const struct isl_child *child, int root, const char *path, int no_symlinks, int directory, mode_t mode) {
  return make(child, root, path, no_symlinks, directory, mode, ISL_MAX_LINKS);
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
