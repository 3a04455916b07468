// Where pivot_root(2) is impossible, as on an initial ramdisk: the new root is moved onto / (switch_root(8)), and
// what was there stays below it.
#include "isl_child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/// A line of mountinfo is longer only if it is that of an overlay of many layers, and such a one is passed over.
#define ISL_MOUNT_LINE 8192

/// What ends at a blank; gives what is behind it.
static char *word(char *text, char **rest) {
  char *blank = strchr(text, ' ');
  if (blank) *blank++ = 0;
  *rest = blank ? blank : text + strlen(text);
  return text;
}

/// "\\040" as the byte that it stands for (proc_pid_mountinfo(5)).
static void unescape(char *text) {
  char *out = text;
  for (; *text; text++) {
    int is_code = text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] && text[3];
    *out++ = is_code ? (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0')) : *text;
    if (is_code) text += 3;
  }
  *out = 0;
}

/// Takes a mount away, or covers it where a user namespace has it locked.
static int hide(const char *path) {
  // Not on the host as well, where the mount is shared with it.
  if (mount(NULL, path, NULL, MS_REC | MS_SLAVE, NULL) < 0) return errno == ENOENT || errno == EINVAL ? 0 : -errno;
  if (umount2(path, MNT_DETACH) == 0) return 0;
  if (errno != EINVAL && errno != EPERM) return -errno;
  return mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "size=0,mode=000") < 0 ? -errno : 0;
}

/// Hides the mount of a line when it is a whole procfs or sysfs outside of the new root.
static int hide_line(char *line, const char *root) {
  char *rest = line, *top, *path;
  for (int i = 0; i < 3; i++) word(rest, &rest);
  top = word(rest, &rest);
  path = word(rest, &rest);
  char *type = strstr(rest, " - ");
  if (!type || strcmp(top, "/") != 0) return 0;
  word(type += 3, &rest);
  if (strcmp(type, "proc") != 0 && strcmp(type, "sysfs") != 0) return 0;
  unescape(path);
  size_t length = strlen(root);
  if (strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0)) return 0;
  return hide(path);
}

/// A payload that makes a user namespace may mount a procfs or a sysfs of its own, without what is masked here, as
/// long as one without masks is mounted anywhere in its mount namespace, also where no path leads (fs/namespace.c,
/// mount_too_revealing).
static int hide_host(const struct isl_child *child) {
  static char text[ISL_MOUNT_LINE];
  static char lines[4 << 20];
  char link[40], root[4096];
  ssize_t length = readlink(isl_fd_path(link, child->root), root, sizeof root - 1);
  if (length < 0) return -errno;
  root[length] = 0;
  // Over / itself there is no path to what is below.
  if (strcmp(root, "/") == 0) return 0;
  // As a whole first, since it changes with each mount that goes, and /proc goes too.
  int file = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  if (file < 0) return -errno;
  size_t count = 0;
  for (ssize_t got = 1; got > 0 && count < sizeof lines;) {
    got = read(file, lines + count, sizeof lines - count);
    if (got < 0 && errno != EINTR) count = 0;
    if (got > 0) count += (size_t)got;
  }
  close(file);
  if (count == 0 || count == sizeof lines) return -E2BIG;
  for (size_t at = 0; at < count;) {
    char *end = memchr(lines + at, '\n', count - at);
    size_t size = end ? (size_t)(end - (lines + at)) : count - at;
    if (size < sizeof text) {
      memcpy(text, lines + at, size);
      text[size] = 0;
      int r = hide_line(text, root);
      if (r < 0) return r;
    }
    at += size + 1;
  }
  return 0;
}

int isl_move_root(const struct isl_child *child, int hides_host) {
  int r = hides_host ? hide_host(child) : 0;
  if (r < 0) return r;
  return mount(".", "/", NULL, MS_MOVE, NULL) < 0 ? -errno : 0;
}
