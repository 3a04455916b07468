// Device nodes for containers with a user namespace of their own, whose processes may make none (mknod(2), EPERM): the
// caller makes them in a filesystem that is mounted nowhere, and its process binds them from there.
#include "isl_launch.h"
#include "isl_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int isl_device_filesystem(void) { return isl_mount_make_filesystem("tmpfs", "tmpfs", "mode=755", 0); }

int isl_device_node(int filesystem, unsigned number, unsigned mode, uint64_t rdev, unsigned uid, unsigned gid) {
  char name[16];
  snprintf(name, sizeof name, "%u", number);
  if (mknodat(filesystem, name, mode, rdev) < 0) return -errno;
  if (fchownat(filesystem, name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0) return -errno;
  // Last: the umask and the change of owner may have taken bits away.
  return fchmodat(filesystem, name, mode & 07777, 0) < 0 ? -errno : 0;
}
