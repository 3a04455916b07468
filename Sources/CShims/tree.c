// Removal of a whole tree by descriptors: no link is followed, no depth is too deep.
#include "isl_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

// Open descriptors and stack frames at once; what is deeper is moved up first.
#define DEEPEST 64

static int open_folder(int parent, const char *name) {
  int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 || errno != EACCES) return fd < 0 ? -errno : fd;
  char path[40];
  int handle = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (handle < 0) return -errno;
  snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
  int r = chmod(path, 0700) < 0 ? -errno : 0;
  if (r == 0) {
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) r = -errno;
  }
  close(handle);
  return r < 0 ? r : fd;
}

static int empty(int top, DIR *folder, int depth, unsigned *moved);

static int remove_entry(int top, int parent, const char *name, int depth, unsigned *moved) {
  if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return 0;
  if (errno != EISDIR && errno != EPERM) return -errno;
  if (unlinkat(parent, name, AT_REMOVEDIR) == 0) return 0;
  if (depth >= DEEPEST) {
    char place[32];
    int r;
    do { // whoever made the tree may have used such a name
      snprintf(place, sizeof place, ".deep-%u", (*moved)++);
      r = renameat(parent, name, top, place);
    } while (r < 0 && (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR));
    return r < 0 ? -errno : 0;
  }
  int fd = open_folder(parent, name);
  if (fd < 0) return fd;
  DIR *folder = fdopendir(fd);
  if (!folder) {
    int error = errno;
    close(fd);
    return -error;
  }
  int r = empty(top < 0 ? fd : top, folder, depth + 1, moved);
  closedir(folder);
  return r == 0 && unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : r;
}

static int empty(int top, DIR *folder, int depth, unsigned *moved) {
  int fd = dirfd(folder);
  struct stat st;
  // Each change is a transaction of the filesystem's. Where it fails, removing what is in it says why.
  if (fstat(fd, &st) < 0 || (st.st_mode & 0700) != 0700) (void)fchmod(fd, 0700);
  for (;;) {
    unsigned count = 0, before = *moved;
    int failed = 0;
    struct dirent *entry;
    rewinddir(folder);
    while ((errno = 0, entry = readdir(folder)) != NULL) {
      if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
      // What cannot be removed keeps nothing else from it.
      int r = remove_entry(top, fd, entry->d_name, depth, moved);
      if (r == 0) count++;
      else if (failed == 0) failed = r;
    }
    if (errno) return -errno;
    // Another look: a filesystem may leave entries out while others are removed, and deep ones were moved here.
    if (count == 0 || (top != fd && *moved == before)) return failed;
  }
}

int isl_remove_tree(int parent, const char *name) {
  unsigned moved = 0;
  return remove_entry(-1, parent, name, 0, &moved);
}

int isl_open_folder(int parent, const char *name) {
  return openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int isl_set_attribute(int fd, const char *name, const void *value, size_t count) {
  return fsetxattr(fd, name, value, count, 0);
}

int isl_get_attribute(const char *path, const char *name, void *value, size_t count) {
  return (int)lgetxattr(path, name, value, count);
}

int isl_list_attributes(const char *path, char *names, size_t count) {
  return (int)llistxattr(path, names, count);
}

int isl_is_whiteout(int folder, const char *name) {
  struct stat st;
  if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0) return 0;
  if (S_ISCHR(st.st_mode)) return st.st_rdev == 0;
  if (!S_ISREG(st.st_mode) || st.st_size != 0) return 0;
  int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return 0;
  int is = fgetxattr(fd, "user.overlay.whiteout", NULL, 0) >= 0;
  close(fd);
  return is;
}

int isl_is_opaque(int folder) {
  char value;
  return fgetxattr(folder, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

int isl_make_whiteout(int folder, const char *name) {
  if (mknodat(folder, name, S_IFCHR, 0) == 0) return 0;
  // An overlay below ours keeps such devices to itself.
  if (errno != EPERM) return -1;
  int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return -1;
  int r = fsetxattr(fd, "user.overlay.whiteout", "y", 1, 0);
  close(fd);
  int above = r < 0 ? -1 : openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (above < 0) return -1;
  // overlayfs looks for such files only in folders that say so; one that hides everything below need not.
  char known;
  if (fgetxattr(above, "user.overlay.opaque", &known, 1) != 1 || known != 'y')
    r = fsetxattr(above, "user.overlay.opaque", "x", 1, 0);
  close(above);
  return r;
}

static int copy_range(int from, int to, off_t at, off_t end) {
  static const size_t piece = 1 << 16;
  char buffer[1 << 16];
  int by_reading = 0;
  while (at < end) {
    ssize_t count;
    if (!by_reading) {
      off_t in = at, out = at;
      count = copy_file_range(from, &in, to, &out, (size_t)(end - at), 0);
      if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP)) {
        by_reading = 1;
        continue;
      }
    } else {
      count = pread(from, buffer, (size_t)(end - at) < piece ? (size_t)(end - at) : piece, at);
      for (ssize_t done = 0; done < count;) {
        ssize_t put = pwrite(to, buffer + done, (size_t)(count - done), at + done);
        if (put < 0 && errno != EINTR) return -errno;
        if (put > 0) done += put;
      }
    }
    if (count < 0 && errno != EINTR) return -errno;
    if (count == 0) return 0;
    if (count > 0) at += count;
  }
  return 0;
}

int isl_copy_sparse(int from, int to) {
  struct stat st;
  if (fstat(from, &st) < 0) return -errno;
  for (off_t at = 0; at < st.st_size;) {
    off_t data = lseek(from, at, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break; // nothing but a hole is left
    if (data < 0) data = at;               // a filesystem that knows of no holes
    off_t end = lseek(from, data, SEEK_HOLE);
    if (end < 0) end = st.st_size;
    int r = copy_range(from, to, data, end);
    if (r < 0) return r;
    at = end;
  }
  return ftruncate(to, st.st_size) < 0 ? -errno : 0;
}

int isl_copy_attributes(int from, int to) {
  char names[1 << 16], value[1 << 16];
  ssize_t count = flistxattr(from, names, sizeof names);
  if (count < 0) return errno == EOPNOTSUPP ? 0 : -errno;
  for (const char *name = names; name < names + count; name += strlen(name) + 1) {
    if (!strncmp(name, "user.overlay.", 13) || !strncmp(name, "trusted.overlay.", 16)) continue;
    ssize_t length = fgetxattr(from, name, value, sizeof value);
    if (length < 0) continue;
    if (fsetxattr(to, name, value, (size_t)length, 0) < 0 && errno != EPERM && errno != EOPNOTSUPP && errno != EINVAL)
      return -errno;
  }
  return 0;
}
