// The root: a mount of its own first, what is seen as / in the end (pivot_root(2)).
#include "isl_child.h"

#include "isl_mount.h"
#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int isl_set_propagation(const char *path, unsigned long flags) {
  unsigned long depth = flags & MS_REC;
  // A mount can be a slave and shared too, and becomes so in this order (mount_namespaces(7)).
  static const unsigned long kinds[] = {MS_PRIVATE, MS_UNBINDABLE, MS_SLAVE, MS_SHARED};
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (flags & kinds[i] && mount(NULL, path, NULL, kinds[i] | depth, NULL) < 0) return -errno;
  return 0;
}

int isl_mount_set_propagation(int mount_fd, unsigned long flags) {
  char path[40];
  return flags ? isl_set_propagation(isl_fd_path(path, mount_fd), flags) : 0;
}

static int mount_of(int fd, uint64_t *number) {
  struct statx st;
  if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0x1000 /* STATX_MNT_ID, Linux 5.8 */, &st) < 0) return -errno;
  if (!(st.stx_mask & 0x1000)) return -EOPNOTSUPP;
  *number = st.stx_mnt_id;
  return 0;
}

/// Keeps what will be mounted on a directory from appearing elsewhere: pivot_root(2) asks for it too.
static int make_parent_private(int directory) {
  uint64_t mount_id, above_id;
  int at = fcntl(directory, F_DUPFD_CLOEXEC, 3);
  if (at < 0) return -errno;
  int r = mount_of(at, &mount_id);
  for (int depth = 0; r == 0 && depth < 4096; depth++) {
    int above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat here, there;
    if (above < 0 || fstat(at, &here) < 0 || fstat(above, &there) < 0) r = -errno;
    if (r == 0) r = mount_of(above, &above_id);
    int is_root = r == 0 && (above_id != mount_id || (here.st_ino == there.st_ino && here.st_dev == there.st_dev));
    if (r < 0 || is_root) {
      if (above >= 0) close(above);
      break;
    }
    close(at);
    at = above;
  }
  if (r == 0) r = isl_mount_set_propagation(at, MS_PRIVATE);
  close(at);
  return r;
}

/// Layers are named relative to a directory: the mount table then shows no host path, and no name needs escaping.
static int mount_overlay(struct isl_child *child, const struct isl_step *step, int target) {
  char path[40];
  if (step->d) {
    if (mount("tmpfs", isl_fd_path(path, target), "tmpfs", MS_NODEV | MS_NOSUID, isl_text(child, step->d)) < 0) return -errno;
    if (chdir(isl_text(child, step->a)) < 0 || mkdir("upper", 0755) < 0 || mkdir("work", 0700) < 0) return -errno;
  }
  if (chdir(isl_text(child, step->c)) < 0) return -errno;
  int r = mount("overlay", isl_fd_path(path, target), "overlay", MS_NODEV | MS_NOSUID, isl_text(child, step->b)) < 0 ? -errno : 0;
  if (r == 0) {
    child->root = open(isl_text(child, step->a), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (child->root < 0) r = -errno;
  }
  return chdir("/") < 0 && r == 0 ? -errno : r;
}

/// The tree is copied first, so it is the one that becomes /, whatever the path leads to by then.
static int attach_copy(struct isl_child *child, const char *path) {
  int tree = isl_mount_clone_tree(AT_FDCWD, path, AT_RECURSIVE);
  if (tree < 0) return tree;
  int r = isl_mount_move(tree, AT_FDCWD, path, 0x14 /* F_EMPTY_PATH, T_SYMLINKS */);
  if (r == 0) child->root = tree;
  else close(tree);
  return r;
}

/// A copy that the caller has made, where the path cannot be reached any more. It is attached where everybody is,
/// over the root that is left anyway.
static int attach_prepared(struct isl_child *child, uint64_t number) {
  if (number > (uint64_t)child->mount_count) return -EINVAL;
  int tree = child->mounts[number - 1];
  int r = isl_mount_move(tree, AT_FDCWD, "/", 0x04 /* MOVE_MOUNT_F_EMPTY_PATH */);
  if (r < 0) return r;
  child->root = tree;
  child->mounts[number - 1] = -1;
  return 0;
}

int isl_step_root(struct isl_child *child, const struct isl_step *step) {
  const char *path = isl_text(child, step->a);
  if (step->w && !step->b) return attach_prepared(child, step->w);
  if (!step->v && !step->b && !(step->flags & ISL_FLAG_SHARED) && isl_mount_new_api(child)) {
    int done = attach_copy(child, path);
    if (done != -ENOSYS) return done;
  }
  int target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (target < 0) return -errno;
  int r = step->v ? make_parent_private(target) : 0;
  if (r < 0) {
    close(target);
    return r;
  }
  if (step->b) {
    r = mount_overlay(child, step, target);
    close(target);
    return r;
  }
  int tree = isl_mount_new_api(child) ? isl_mount_clone_tree(target, "", AT_EMPTY_PATH | AT_RECURSIVE) : -ENOSYS;
  if (tree >= 0) {
    r = isl_mount_attach(tree, target);
    if (r == 0) child->root = tree;
    else close(tree);
  }
  if (tree == -ENOSYS || r == -ENOSYS) {
    r = isl_mount_legacy_bind(target, target, 1);
    if (r == 0) {
      child->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
      if (child->root < 0) r = -errno;
    }
  } else if (tree < 0) {
    r = tree;
  }
  close(target);
  // What is mounted below it is nobody else's.
  if (r == 0 && step->flags & ISL_FLAG_SHARED) r = isl_mount_set_propagation(child->root, MS_REC | MS_PRIVATE);
  return r;
}

static int change_root(void) {
  if (chroot(".") < 0) return -errno;
  return chdir("/") < 0 ? -errno : 0;
}

static int enter_by_move(struct isl_child *child, int hides_host) {
  int r = isl_move_root(child, hides_host);
  if (r == 0) r = change_root();
  if (r == 0) isl_close_others(child);
  return r;
}

int isl_step_pivot(struct isl_child *child, const struct isl_step *step) {
  // pivot_root(2), NOTES: with new_root and put_old the same directory, the old root ends up on top
  // of the new one, and one lazy unmount uncovers it. No directory for the old root is needed.
  int old = step->v ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
  if (step->v && old < 0) return -errno;
  if (fchdir(child->root) < 0) return -errno;
  if (step->flags & ISL_FLAG_MOVE_ROOT) return enter_by_move(child, !(step->flags & ISL_FLAG_SHARED));
  if (step->flags & ISL_FLAG_SHARED) {
    int r = change_root();
    if (r == 0) isl_close_others(child);
    return r;
  }
  if (syscall(SYS_pivot_root, ".", ".") < 0) {
    // Docker's filter has no pivot_root(2) among what CAP_SYS_ADMIN adds to it.
    int error = errno;
    if (!(step->flags & ISL_FLAG_BORROW) || !isl_is_refused(ISL_CALL_PIVOT_ROOT, error)) return -error;
    int r = enter_by_move(child, 1);
    return r < 0 ? r : isl_tell_refused(child, step, EPERM);
  }
  // What is shared with the host must not be unmounted there as well.
  if (step->v && (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_REC | MS_SLAVE, NULL) < 0)) return -errno;
  if (umount2(".", MNT_DETACH) < 0) return -errno;
  // Out of the old root, which is the host's: it is detached, but whoever is in it can still look around.
  if (step->v && chdir("/") < 0) return -errno;
  // The working directory is the new root. Descriptors of the host's tree are closed before a working directory is
  // entered that may lead to one (CVE-2024-21626).
  isl_close_others(child);
  return 0;
}

int isl_step_root_readonly(struct isl_child *child) {
  struct isl_mount_attr attr = {.set = ISL_ATTR_RDONLY};
  if (isl_mount_new_api(child)) {
    if (syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof attr) == 0) return 0;
    if (!isl_is_refused(ISL_CALL_MOUNT_SETATTR, errno)) return -errno;
  }
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return -errno;
  int r = isl_mount_legacy_remount(root, ISL_ATTR_RDONLY);
  close(root);
  return r;
}
