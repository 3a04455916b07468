// A container's /sys.
#include "isl_child.h"

#include "isl_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statfs.h>
#include <unistd.h>

#define ISL_SYSFS_MAGIC 0x62656572

/// The kernel mounts no sysfs for who does not own the network namespace, nor one that shows more than the caller's own
/// (mount_namespaces(7)). What the caller has at /sys is shown in its place, read-only with all that is mounted below
/// it:
/// none of it is the container's.
int isl_bind_callers_sysfs(struct isl_child *child, const struct isl_step *step) {
  const char *path = isl_text(child, step->c);
  const uint64_t attributes = ISL_ATTR_RDONLY | ISL_ATTR_NOSUID | ISL_ATTR_NODEV | ISL_ATTR_NOEXEC;
  int source = open("/sys", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (source < 0) return -errno;
  struct statfs fs;
  int r = fstatfs(source, &fs) < 0 ? -errno : fs.f_type == ISL_SYSFS_MAGIC ? 0 : -ENODEV;
  int target = r < 0 ? r : isl_resolve_or_make(child, child->root, path, 1, 1, 0755);
  if (target >= 0) r = isl_bind_descriptor(child, source, target, path, attributes << 32 | attributes, 0, 1);
  else r = target;
  if (target >= 0) isl_leave_open(target);
  isl_leave_open(source);
  return r;
}
