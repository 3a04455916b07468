// A root of a container's own where nothing can be mounted: a folder that its processes enter by chroot(2).
#include "isl_own_root.h"

#include "isl_child.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/// Who has lost CAP_SYS_CHROOT, has no folder outside open and is in none comes out by no call (chroot(2), "NOTES").
/// The caller's descriptors are closed by now, but for the standard streams.
int isl_step_own_root(const char *root) {
  struct stat st;
  for (int fd = 0; fd < 3; fd++)
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) return -EISDIR;
  return chdir(root) < 0 || chroot(".") < 0 || chdir("/") < 0 ? -errno : 0;
}

int isl_open_in_root(const char *root, const char *path, int makes) {
  static const struct isl_plan_header usual;
  struct isl_child child = {.plan = &usual};
  int at = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (at < 0) return -errno;
  int fd = makes ? isl_resolve_or_make(&child, at, path, 0, 1, 0755) : isl_resolve(&child, at, path, 0);
  close(at);
  return fd;
}

int isl_make_devices(const char *folder) {
  static const struct {
    const char *name;
    unsigned minor;
  } devices[] = {{"null", 3}, {"zero", 5}, {"full", 7}, {"random", 8}, {"urandom", 9}};
  int at = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), r = 0;
  if (at < 0) return -errno;
  for (size_t i = 0; i < sizeof devices / sizeof *devices && r == 0; i++) {
    const char *name = devices[i].name;
    if (mknodat(at, name, S_IFCHR | 0666, makedev(1, devices[i].minor)) < 0 || fchmodat(at, name, 0666, 0) < 0) {
      r = -errno;
      break;
    }
    // One on a filesystem that is mounted nodev is there and cannot be opened.
    int fd = openat(at, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) r = -errno;
    else close(fd);
  }
  close(at);
  return r;
}
