// A container's /proc and /sys where the kernel mounts none of its own.
#include "isl_child.h"

#include "isl_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <unistd.h>

#define ISL_SYSFS_MAGIC 0x62656572

/// What the caller has at `source` is shown in the place of a step's mount, read-only with all that is mounted below
/// it: none of it is the container's.
static int bind_callers(struct isl_child *child, const struct isl_step *step, const char *source, long magic) {
  const char *path = isl_text(child, step->c);
  const uint64_t attributes = ISL_ATTR_RDONLY | ISL_ATTR_NOSUID | ISL_ATTR_NODEV | ISL_ATTR_NOEXEC;
  int from = open(source, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (from < 0) return -errno;
  struct statfs fs;
  int r = fstatfs(from, &fs) < 0 ? -errno : fs.f_type == magic ? 0 : -ENODEV;
  int target = r < 0 ? r : isl_resolve_or_make(child, child->root, path, 1, 1, 0755);
  if (target >= 0) r = isl_bind_descriptor(child, from, target, path, attributes << 32 | attributes, 0, 1);
  else r = target;
  if (target >= 0) isl_leave_open(target);
  isl_leave_open(from);
  return r;
}

/// Where the caller has none either, the folder is empty.
static int show_nothing(struct isl_child *child, const struct isl_step *step) {
  char path[40];
  int target = isl_resolve_or_make(child, child->root, isl_text(child, step->c), 1, 1, 0755);
  if (target < 0) return target;
  const unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
  int r = mount("tmpfs", isl_fd_path(path, target), "tmpfs", flags, "size=4k,mode=755") < 0 ? -errno : 0;
  isl_leave_open(target);
  return r < 0 ? r : isl_tell_refused(child, step, ENODEV);
}

/// The kernel mounts no sysfs for who does not own the network namespace, nor a proc or a sysfs that shows more than
/// the caller's own (mount_namespaces(7)). A proc of the caller's shows the processes of another PID namespace. It is
/// read-only, since what belongs to the caller's user could be written there, as another process's oom_score_adj.
int isl_borrow(struct isl_child *child, const struct isl_step *step) {
  const char *type = isl_text(child, step->a);
  if (strcmp(type, "sysfs") == 0) {
    int r = bind_callers(child, step, "/sys", ISL_SYSFS_MAGIC);
    return r == -ENOENT || r == -ENODEV ? show_nothing(child, step) : r;
  }
  if (strcmp(type, "proc") != 0 || !(step->flags & ISL_FLAG_BORROW)) return -EPERM;
  int r = bind_callers(child, step, "/proc", ISL_PROC_MAGIC);
  if (r < 0) return r;
  struct isl_message message = {.type = ISL_MESSAGE_BORROWED, .kind = step->kind, .index = (int32_t)step->index};
  return isl_send(child->sync, &message, -1);
}
