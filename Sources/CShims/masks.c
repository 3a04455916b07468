// Masked and read-only paths (config-linux.md). What is covered lies on the kernel's own filesystems as a rule: then
// names in a verified directory are enough, one lookup serves all of them, and nobody can swap what they mean.
#include "isl_child.h"

#include "isl_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define ISL_MOVE_TO_NAME 0x04 /* MOVE_MOUNT_F_EMPTY_PATH */
#define ISL_MOVE_TO_LINKED_NAME 0x14 /* MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS */

/// The root of the proc that is mounted at /proc, when `path` is right below it; -1 when it is not. Looked up after all
/// mounts have been made, so that it is the one on top, without following a link, and verified.
static int proc_folder(struct isl_child *child, const char *path, const char **leaf) {
  *leaf = isl_leaf_below("/proc", path);
  if (!*leaf || !isl_mount_new_api(child)) return -1;
  if (child->proc >= 0) return child->proc;
  int fd = isl_resolve(child, child->root, "/proc", 1);
  if (fd < 0) return -1;
  struct statfs fs;
  if (fstatfs(fd, &fs) < 0 || fs.f_type != ISL_PROC_MAGIC) {
    close(fd);
    return -1;
  }
  child->proc = fd;
  return fd;
}

#define ISL_EMPTY_OPTIONS "nr_blocks=1,nr_inodes=1"
#define ISL_EMPTY_FLAGS (MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)

/// A detached copy of a mount of an empty read-only directory, once there is one; else -ENOENT.
static int empty_directory(const struct isl_child *child) {
  if (!child->mask_name || !isl_mount_new_api(child)) return -ENOENT;
  return isl_mount_clone_tree(child->proc, child->mask_name, 0);
}

/// A detached read-only mount of the null device; -ENOSYS without the new mount API. The first is kept, the others are
/// copies of it.
static int null_file(struct isl_child *child) {
  if (!isl_mount_new_api(child)) return -ENOSYS;
  if (child->null_mask >= 0) return isl_mount_clone_tree(child->null_mask, "", AT_EMPTY_PATH);
  // The device's own mount may have attributes that a mask has not, and that the kernel has locked on the host's.
  int is_plain = child->null_mount >= 0 && !isl_device_attributes(child);
  int source = is_plain ? child->null_mount : isl_null_device(child);
  if (source < 0) return source;
  int tree = isl_mount_clone_tree(source, "", AT_EMPTY_PATH);
  int r = tree < 0 ? tree : isl_mount_set_attributes(tree, ISL_ATTR_RDONLY, 0, 0);
  if (r < 0) {
    if (tree >= 0) close(tree);
    return r;
  }
  child->null_mask = tree;
  return tree;
}

static int attach(int tree, int at, const char *name, unsigned flags) {
  return isl_mount_move(tree, at, name, flags);
}

/// Covers a name of proc's root. mount(2) takes one call where a detached filesystem takes six.
static int cover_in_proc(struct isl_child *child, int is_directory, const char *leaf) {
  int tree = is_directory ? empty_directory(child) : null_file(child);
  if (tree == -ENOENT && is_directory) {
    if (fchdir(child->proc) < 0 || mount("tmpfs", leaf, "tmpfs", ISL_EMPTY_FLAGS, ISL_EMPTY_OPTIONS) < 0) return -errno;
    child->mask_name = leaf;
    return 0;
  }
  if (tree < 0) return tree;
  int r = attach(tree, child->proc, leaf, ISL_MOVE_TO_NAME);
  if (tree != child->null_mask) isl_leave_open(tree);
  return r;
}

static int cover(struct isl_child *child, int is_directory, int target, const char *path) {
  char link[40];
  int tree = is_directory ? empty_directory(child) : null_file(child);
  if (tree >= 0) {
    int r = attach(tree, target, "", ISL_MOVE_EMPTY);
    if (tree != child->null_mask) isl_leave_open(tree);
    return r;
  }
  if (is_directory && tree == -ENOENT)
    return mount("tmpfs", isl_fd_path(link, target), "tmpfs", ISL_EMPTY_FLAGS, ISL_EMPTY_OPTIONS) < 0 ? -errno : 0;
  if (is_directory || tree != -ENOSYS) return tree;
  int null = isl_null_device(child);
  return null < 0 ? null : isl_bind_descriptor(child, null, target, path, ISL_ATTR_RDONLY, 0, 0);
}

int isl_step_mask(struct isl_child *child, const struct isl_step *step) {
  const char *path = isl_text(child, step->a), *leaf;
  struct stat st;
  int proc = proc_folder(child, path, &leaf);
  if (proc >= 0) {
    if (fstatat(proc, leaf, &st, AT_SYMLINK_NOFOLLOW) < 0)
      return errno == ENOENT || errno == ENOTDIR ? 0 : -errno; // nothing there to hide
    if (!S_ISLNK(st.st_mode)) return cover_in_proc(child, S_ISDIR(st.st_mode), leaf);
  }
  int target = isl_resolve(child, child->root, path, 0);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return target;
  // As a rule it is a directory; a mount of one on anything else is refused.
  int r = cover(child, 1, target, path);
  if (r == -ENOTDIR || r == -EINVAL) r = cover(child, 0, target, path);
  isl_leave_open(target);
  return r;
}

/// A detached read-only copy of what is at a name of proc's root.
static int readonly_copy(struct isl_child *child, const char *leaf) {
  if (child->proc_copy < 0 && child->proc_copy != -EINVAL) {
    // One copy of the whole for all, where copies of detached mounts can be made (Linux 6.15).
    int copy = isl_mount_clone_tree(child->proc, "", AT_EMPTY_PATH | AT_RECURSIVE);
    if (copy < 0) return copy;
    int r = isl_mount_set_attributes(copy, ISL_ATTR_RDONLY, 0, 1);
    if (r < 0) return r;
    child->proc_copy = copy;
  }
  int tree = child->proc_copy < 0 ? -EINVAL : isl_mount_clone_tree(child->proc_copy, leaf, AT_RECURSIVE);
  if (tree != -EINVAL) return tree;
  child->proc_copy = -EINVAL;
  tree = isl_mount_clone_tree(child->proc, leaf, AT_RECURSIVE);
  int r = tree < 0 ? tree : isl_mount_set_attributes(tree, ISL_ATTR_RDONLY, 0, 1);
  if (r < 0 && tree >= 0) close(tree);
  return r < 0 ? r : tree;
}

int isl_step_readonly(struct isl_child *child, const struct isl_step *step) {
  const char *path = isl_text(child, step->a), *leaf;
  // The links of proc's own root stay in proc.
  if (proc_folder(child, path, &leaf) >= 0) {
    int tree = readonly_copy(child, leaf);
    if (tree < 0) return tree == -ENOENT ? 0 : tree;
    int r = attach(tree, child->proc, leaf, ISL_MOVE_TO_LINKED_NAME);
    isl_leave_open(tree);
    return r;
  }
  int target = isl_resolve(child, child->root, path, 0);
  if (target == -ENOENT || target == -ENOTDIR) return 0;
  if (target < 0) return target;
  int r = isl_bind_descriptor(child, target, target, path, ISL_ATTR_RDONLY, 0, 1);
  isl_leave_open(target);
  return r;
}
