// Device nodes: made where the kernel lets us, bound from the host where it does not.
#include "isl_child.h"

#include "isl_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define ISL_NULL_DEVICE ((1u << 8) | 3)

/// Opens the host's node of that type and number. A container's owner could have put another one into our way.
static int host_device(const char *path, mode_t type, uint64_t rdev) {
  int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct stat st;
  if (fstat(fd, &st) < 0 || (st.st_mode & S_IFMT) != type || st.st_rdev != rdev) {
    close(fd);
    return -ENODEV;
  }
  return fd;
}

static int bind_host_device(struct isl_child *child, const char *host, const char *path, mode_t type, uint64_t rdev) {
  int source = host_device(host, type, rdev);
  if (source < 0) return source;
  int target = isl_resolve_or_make(child, child->root, path, 1, 0, 0666);
  int r = target;
  if (target >= 0) {
    r = isl_bind_descriptor(child, source, target, path, isl_device_attributes(child), 0, 0);
    close(target);
  }
  close(source);
  return r;
}

/// The same in a filesystem that holds nothing but what we put there: what was copied is verified, and
/// ISL_STEP_DEVICE_ATTRIBUTES makes all of them read-only at once. -EEXIST where it is another one.
static int bind_in_fresh(struct isl_child *child, const char *host, const char *path, uint64_t rdev) {
  const char *leaf = child->fresh < 0 || !isl_mount_new_api(child) ? NULL : isl_leaf_below(child->fresh_path, path);
  if (!leaf) return -EEXIST;
  int tree = isl_mount_clone_tree(AT_FDCWD, host, AT_SYMLINK_NOFOLLOW);
  if (tree < 0) return tree == -ENOSYS ? -EEXIST : tree;
  struct stat st;
  int r = fstat(tree, &st) < 0 ? -errno : (st.st_mode & S_IFMT) != S_IFCHR || st.st_rdev != rdev ? -ENODEV : 0;
  if (r == 0 && mknodat(child->fresh, leaf, S_IFREG | 0666, 0) < 0) r = -errno;
  if (r == 0) r = isl_mount_move(tree, child->fresh, leaf, 0x04 /* MOVE_MOUNT_F_EMPTY_PATH */);
  if (r == 0 && rdev == ISL_NULL_DEVICE) child->null_mount = tree;
  else isl_leave_open(tree);
  return r;
}

/// The same one by one, by mount(2).
static int remount_devices(const struct isl_child *child, uint64_t attributes) {
  int r = 0;
  for (uint32_t i = 0; i < child->plan->step_count && r == 0; i++) {
    const char *path = isl_text(child, child->steps[i].a);
    if (child->steps[i].kind != ISL_STEP_DEVICE || !isl_leaf_below(child->fresh_path, path)) continue;
    int device = isl_resolve(child, child->root, path, 1);
    if (device < 0) return device;
    r = isl_mount_legacy_remount(device, attributes);
    isl_leave_open(device);
  }
  return r;
}

int isl_step_device_attributes(struct isl_child *child, const struct isl_step *step) {
  if (child->fresh < 0) return 0;
  uint64_t attributes = isl_device_attributes(child);
  if (!isl_mount_new_api(child)) return remount_devices(child, attributes);
  int r = isl_mount_set_attributes(child->fresh, attributes, 0, 1);
  return r < 0 ? r : isl_mount_set_attributes(child->fresh, 0, attributes & ~step->v, 0);
}

int isl_step_device(struct isl_child *child, const struct isl_step *step) {
  const char *path = isl_text(child, step->a), *name = strrchr(path, '/');
  char host[64] = "/dev/";
  size_t length = name ? strlen(++name) : sizeof host;
  if (length >= sizeof host - 5) return -EINVAL;
  memcpy(host + 5, name, length + 1);
  int r = bind_in_fresh(child, host, path, step->v);
  if (r == -EEXIST) r = bind_host_device(child, host, path, S_IFCHR, step->v);
  // The machine itself may have less than containers usually get.
  const char *leaf = r == -ENOENT && child->fresh >= 0 ? isl_leaf_below(child->fresh_path, path) : NULL;
  if (leaf) (void)unlinkat(child->fresh, leaf, 0);
  return r;
}

/// Opens what is there, which must be the device itself and no link (config-linux.md, "Devices").
static int same_device(int parent, const char *leaf, mode_t type, uint64_t rdev) {
  struct stat st;
  int node = openat(parent, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC);
  if (node < 0) return -errno;
  int r = fstat(node, &st) < 0 ? -errno : 0;
  if (r == 0 && ((st.st_mode & S_IFMT) != type || (type != S_IFIFO && st.st_rdev != rdev))) r = -EEXIST;
  if (r == 0) return node;
  close(node);
  return r;
}

/// By descriptor: another container on the same tree may put a link to the host's files in its place meanwhile.
static int give(int node, uid_t uid, gid_t gid, mode_t mode) {
  char path[40];
  if (fchownat(node, "", uid, gid, AT_EMPTY_PATH) < 0) return -errno;
  // chmod(2) last: the change of owner may have taken bits away.
  return chmod(isl_fd_path(path, node), mode) < 0 ? -errno : 0;
}

/// Binds a node that the caller has made. Its filesystem is mounted over the root meanwhile, since before Linux 6.15
/// there are no copies of what is mounted nowhere; who looks from the root's descriptor does not see it. -ENOSYS
/// without the new mount API.
static int bind_made_device(struct isl_child *child, const struct isl_step *step, const char *path) {
  if (step->d > (uint32_t)child->mount_count) return -EINVAL;
  int filesystem = child->mounts[step->d - 1];
  if (!child->devices_over_root) {
    int r = isl_mount_attach(filesystem, child->root);
    if (r < 0) return r;
    child->devices_over_root = step->d;
  }
  int target = isl_resolve_or_make(child, child->root, path, 1, 0, 0666);
  if (target < 0) return target;
  char name[16];
  snprintf(name, sizeof name, "%u", step->index);
  int tree = isl_mount_clone_tree(filesystem, name, AT_SYMLINK_NOFOLLOW);
  int r = tree < 0 ? tree : isl_mount_set_attributes(tree, isl_device_attributes(child), 0, 0);
  if (r == 0) r = isl_mount_attach(tree, target);
  if (tree >= 0) close(tree);
  close(target);
  return r;
}

static int forget_made_devices(struct isl_child *child) {
  if (!child->devices_over_root) return 0;
  char path[40];
  int filesystem = child->mounts[child->devices_over_root - 1];
  child->devices_over_root = 0;
  return umount2(isl_fd_path(path, filesystem), MNT_DETACH) < 0 ? -errno : 0;
}

int isl_step_node(struct isl_child *child, const struct isl_step *step) {
  const char *path = isl_text(child, step->a), *leaf;
  mode_t mode = (mode_t)step->w, type = mode & S_IFMT;
  int parent = isl_resolve_parent(child, child->root, path, &leaf);
  if (parent < 0) return parent;
  int r = mknodat(parent, leaf, mode, step->v) < 0 ? -errno : 0;
  if (r == 0 || r == -EEXIST) {
    int made = r == 0, node = same_device(parent, leaf, type, step->v);
    r = node < 0 ? node : made ? give(node, step->b, step->c, mode & 07777) : 0;
    if (node >= 0) close(node);
  } else if (r == -EPERM && type != S_IFIFO) {
    // mknod(2) needs CAP_MKNOD in the first user namespace.
    r = step->d ? bind_made_device(child, step, path) : -ENOSYS;
    if (r == -ENOSYS) r = bind_host_device(child, path, path, type, step->v);
  }
  close(parent);
  return r == 0 && step->flags & ISL_FLAG_LAST ? forget_made_devices(child) : r;
}

int isl_null_device(struct isl_child *child) {
  if (child->null_device < 0) child->null_device = host_device("/dev/null", S_IFCHR, ISL_NULL_DEVICE);
  return child->null_device;
}
