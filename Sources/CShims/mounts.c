// Mount steps: the new mount API (fsopen(2), open_tree(2), move_mount(2), Linux 5.2;
// mount_setattr(2), 5.12) with detached mounts attached to verified descriptors; mount(2) on
// /proc/self/fd/N where the kernel lacks it.
#include "isl_child.h"

#include "isl_mount.h"
#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ISL_FSCONFIG_FLAG 0
#define ISL_FSCONFIG_STRING 1
#define ISL_FSCONFIG_CREATE 6

int isl_mount_clone_tree(int at, const char *path, unsigned flags) {
  long fd = syscall(SYS_open_tree, at, path, flags | OPEN_TREE_CLONE | O_CLOEXEC);
  return fd < 0 ? isl_refusal(ISL_CALL_OPEN_TREE, errno) : (int)fd;
}

int isl_mount_attach(int mount_fd, int target) {
  return isl_mount_move(mount_fd, target, "", ISL_MOVE_EMPTY);
}

int isl_mount_move(int mount_fd, int at, const char *path, unsigned flags) {
  return syscall(SYS_move_mount, mount_fd, "", at, path, flags) < 0 ? isl_refusal(ISL_CALL_MOVE_MOUNT, errno) : 0;
}

int isl_mount_set_attributes(int mount_fd, uint64_t set, uint64_t clear, int recursive) {
  if (!set && !clear) return 0;
  struct isl_mount_attr attr = {.set = set, .clear = clear};
  unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return syscall(SYS_mount_setattr, mount_fd, "", flags, &attr, sizeof attr) < 0 ? isl_refusal(ISL_CALL_MOUNT_SETATTR, errno) : 0;
}

int isl_mount_new_api(const struct isl_child *child) {
  return !(child->plan->flags & ISL_PLAN_FORCE_LEGACY_MOUNT) && !isl_was_refused(ISL_CALL_OPEN_TREE) &&
         !isl_was_refused(ISL_CALL_MOVE_MOUNT) && !isl_was_refused(ISL_CALL_MOUNT_SETATTR);
}

/// The target of a mount, made when the step says so.
static int target_of(struct isl_child *child, const struct isl_step *step, int directory) {
  const char *path = isl_text(child, step->c);
  int plain = (step->flags & ISL_FLAG_NO_SYMLINKS) != 0;
  if (step->flags & ISL_FLAG_CREATE)
    return isl_resolve_or_make(child, child->root, path, plain, directory, directory ? 0755 : 0644);
  return isl_resolve(child, child->root, path, plain);
}

/// Feeds "key=value,flag" to fsconfig(2). A value over 255 bytes does not fit: -E2BIG.
static int configure(int fs, const char *options) {
  char item[512];
  while (*options) {
    size_t n = 0;
    while (options[n] && options[n] != ',') n++;
    if (n >= sizeof item) return -E2BIG;
    memcpy(item, options, n);
    item[n] = 0;
    options += n + (options[n] == ',');
    if (n == 0) continue;
    char *value = strchr(item, '=');
    if (value) *value++ = 0;
    if (value && strlen(value) > 255) return -E2BIG;
    long r = value ? syscall(SYS_fsconfig, fs, ISL_FSCONFIG_STRING, item, value, 0)
                   : syscall(SYS_fsconfig, fs, ISL_FSCONFIG_FLAG, item, NULL, 0);
    if (r < 0) return isl_refusal(ISL_CALL_FSCONFIG, errno);
  }
  return 0;
}

int isl_mount_make_filesystem(const char *type, const char *source, const char *options, uint64_t attributes) {
  if (isl_was_refused(ISL_CALL_FSOPEN) || isl_was_refused(ISL_CALL_FSCONFIG) || isl_was_refused(ISL_CALL_FSMOUNT))
    return -ENOSYS;
  long fs = syscall(SYS_fsopen, type, 1 /* FSOPEN_CLOEXEC */);
  if (fs < 0) return isl_refusal(ISL_CALL_FSOPEN, errno);
  int r = 0;
  if (*source && syscall(SYS_fsconfig, fs, ISL_FSCONFIG_STRING, "source", source, 0) < 0)
    r = isl_refusal(ISL_CALL_FSCONFIG, errno);
  if (r == 0) r = configure((int)fs, options);
  if (r == 0 && syscall(SYS_fsconfig, fs, ISL_FSCONFIG_CREATE, NULL, NULL, 0) < 0) r = isl_refusal(ISL_CALL_FSCONFIG, errno);
  if (r == 0) {
    r = (int)syscall(SYS_fsmount, fs, 1 /* FSMOUNT_CLOEXEC */, (unsigned)attributes);
    if (r < 0) r = isl_refusal(ISL_CALL_FSMOUNT, errno);
  }
  close((int)fs);
  return r;
}

/// Fills what has just been mounted: `covered` still names the directory below it.
static int legacy_copy_up(struct isl_child *child, const struct isl_step *step, int covered) {
  int plain = (step->flags & ISL_FLAG_NO_SYMLINKS) != 0;
  int mounted = isl_resolve(child, child->root, isl_text(child, step->c), plain);
  if (mounted < 0) return mounted;
  int r = isl_copy_up(covered, mounted, strstr(isl_text(child, step->d), "mode=") != NULL);
  if (r == 0 && (step->v & ISL_ATTR_RDONLY)) r = isl_mount_legacy_remount(mounted, step->v);
  close(mounted);
  return r;
}

/// The same for the mount that a path leads to, for what mount(2) has put there.
static int propagation_at(struct isl_child *child, const char *path, unsigned long flags) {
  if (!flags) return 0;
  int mounted = isl_resolve(child, child->root, path, 0);
  if (mounted < 0) return mounted;
  int r = isl_mount_set_propagation(mounted, flags);
  close(mounted);
  return r;
}

/// mount(2) on the working directory or on a name in it: descriptors and names made by us, so that nothing is
/// followed, and one call where the new mount API takes five.
static int mount_here(const struct isl_child *child, const struct isl_step *step, const char *name, const char *options) {
  const char *type = isl_text(child, step->a), *source = isl_text(child, step->b);
  // The kernel would take the first page of it.
  if (strlen(options) >= 4095) return -E2BIG;
  unsigned long flags = isl_mount_legacy_flags(step->v) | (unsigned long)(uint32_t)step->w;
  if (step->flags & ISL_FLAG_COPY_UP) flags &= ~(unsigned long)MS_RDONLY;
  return mount(*source ? source : type, name, type, flags, options) < 0 ? -errno : 0;
}

/// A filesystem with options that are relative to its source: the mount table then shows no host path.
static int mount_relative(const struct isl_child *child, const struct isl_step *step, int target) {
  char path[40];
  const char *type = isl_text(child, step->a);
  if (chdir(isl_text(child, step->b)) < 0) return -errno;
  unsigned long flags = isl_mount_legacy_flags(step->v) | (unsigned long)(uint32_t)step->w;
  return mount(type, isl_fd_path(path, target), type, flags, isl_text(child, step->d)) < 0 ? -errno : 0;
}

/// A filesystem that is made read-only as a mount, not as a whole, as mount(2) would make it. One that is filled first
/// becomes so before it is attached; every other is so from the beginning, without which the kernel refuses a sysfs
/// or a proc where the caller's own is read-only (mount_namespaces(7), "Restrictions on mount namespaces").
static int mount_detached(const struct isl_child *child, const struct isl_step *step, int target, const char *options) {
  int copies = (step->flags & ISL_FLAG_COPY_UP) != 0;
  uint64_t later = copies ? step->v & ISL_ATTR_RDONLY : 0;
  int made = isl_mount_make_filesystem(isl_text(child, step->a), isl_text(child, step->b), options, step->v & ~later);
  if (made < 0) return made;
  int r = copies ? isl_copy_up(target, made, strstr(options, "mode=") != NULL) : 0;
  if (r == 0) r = isl_mount_set_attributes(made, later, 0, 0);
  if (r == 0) r = isl_mount_attach(made, target);
  if (r == 0) r = isl_mount_set_propagation(made, (unsigned long)(step->w >> 32));
  close(made);
  return r;
}

/// On a directory that did not exist, in a filesystem that holds nothing but what we put there; -EEXIST where it is
/// another one.
static int mount_in_fresh(struct isl_child *child, const struct isl_step *step) {
  const char *leaf = child->fresh < 0 ? NULL : isl_leaf_below(child->fresh_path, isl_text(child, step->c));
  if (!leaf || step->flags & (ISL_FLAG_COPY_UP | ISL_FLAG_RELATIVE | ISL_FLAG_FRESH) || step->v & ISL_ATTR_RDONLY) return -EEXIST;
  if (mkdirat(child->fresh, leaf, 0755) < 0) return -errno;
  if (!child->is_in_fresh && fchdir(child->fresh) < 0) return -errno;
  child->is_in_fresh = 1;
  return mount_here(child, step, leaf, isl_text(child, step->d));
}

/// Writes "NAME=" and a number; gives where it ends.
static char *put_option(char *out, const char *name, unsigned number, unsigned base) {
  char digits[24];
  int count = 0;
  while (*name) *out++ = *name++;
  do
    digits[count++] = (char)('0' + number % base);
  while (number /= base);
  while (count) *out++ = digits[--count];
  *out++ = ',';
  return out;
}

/// A tmpfs over a directory that is there has its mode and owner where the options name no mode, as by other
/// runtimes: its users may need them. The last word of several of one name counts, so ours come first.
static const char *covering_options(
    const struct isl_child *child, const struct isl_step *step, int target, char *buffer, size_t size) {
  const char *options = isl_text(child, step->d);
  struct stat st;
  size_t length = strlen(options);
  if (strcmp(isl_text(child, step->a), "tmpfs") != 0 || step->flags & ISL_FLAG_COPY_UP || length + 64 > size || strstr(options, "mode=")) return options;
  if (fstat(target, &st) < 0) return options;
  char *out = put_option(buffer, "mode=", st.st_mode & 07777, 8);
  // An owner that the user namespace does not map shows as this number, and cannot be given (user_namespaces(7)).
  if (st.st_uid != 0 && st.st_uid != 65534) out = put_option(out, "uid=", st.st_uid, 10);
  if (st.st_gid != 0 && st.st_gid != 65534) out = put_option(out, "gid=", st.st_gid, 10);
  memcpy(out, options, length + 1);
  if (length == 0) out[-1] = 0;
  return buffer;
}

static int mount_on_target(struct isl_child *child, const struct isl_step *step) {
  char buffer[4096];
  const char *options = isl_text(child, step->d);
  int target = isl_resolve(child, child->root, isl_text(child, step->c), (step->flags & ISL_FLAG_NO_SYMLINKS) != 0);
  if (target >= 0) options = covering_options(child, step, target, buffer, sizeof buffer);
  if (target == -ENOENT) target = target_of(child, step, 1);
  if (target < 0) return target;
  int copies = (step->flags & ISL_FLAG_COPY_UP) != 0, r = -ENOSYS, is_done = 0;
  if ((copies || step->v & ISL_ATTR_RDONLY) && isl_mount_new_api(child) && !(step->flags & ISL_FLAG_LEGACY)) {
    r = mount_detached(child, step, target, options);
    is_done = r != -ENOSYS && r != -E2BIG;
  }
  if (!is_done && step->flags & ISL_FLAG_RELATIVE) r = mount_relative(child, step, target);
  else if (!is_done) r = fchdir(target) < 0 ? -errno : mount_here(child, step, ".", options);
  if (!is_done && r == 0 && copies) r = legacy_copy_up(child, step, target);
  isl_leave_open(target);
  return r;
}

/// What is mounted there already gets other flags and options, as mount(8) has "remount".
static int remount(struct isl_child *child, const struct isl_step *step) {
  char path[40];
  int target = isl_resolve(child, child->root, isl_text(child, step->c), (step->flags & ISL_FLAG_NO_SYMLINKS) != 0);
  if (target < 0) return target;
  unsigned long flags = isl_mount_legacy_flags(step->v) | (unsigned long)(uint32_t)step->w | MS_REMOUNT;
  int r = mount(NULL, isl_fd_path(path, target), NULL, flags, isl_text(child, step->d)) < 0 ? -errno : 0;
  isl_leave_open(target);
  return r;
}

int isl_step_mount(struct isl_child *child, const struct isl_step *step) {
  const char *path = isl_text(child, step->c);
  int r = step->flags & ISL_FLAG_REMOUNT ? remount(child, step) : mount_in_fresh(child, step);
  if (r == -EEXIST) {
    // What is mounted from here on may cover it.
    child->fresh = -1;
    child->is_in_fresh = 0;
    r = mount_on_target(child, step);
    if (r == -EPERM && isl_borrow(child, step) == 0) r = 0;
  }
  if (r == 0) r = propagation_at(child, path, (unsigned long)(step->w >> 32));
  if (r == 0 && step->flags & ISL_FLAG_FRESH && isl_mount_new_api(child)) {
    child->fresh = isl_resolve(child, child->root, path, 1);
    child->fresh_path = path;
    if (child->fresh < 0) r = child->fresh;
  }
  return r;
}

/// When access times are noted protects nothing, and the kernel locks it in mounts that come from another user
/// namespace (mount_namespaces(7)): there it stays as it is. So do "ro" and its like on the mount itself, as a bind
/// mount that asks for "rw" is not refused where its source is read-only. Every other attribute is set or the mount
/// fails.
static int set_bind_attributes(int tree, uint64_t set, uint64_t clear, int recursive) {
  const uint64_t times = ISL_ATTR_ATIME_MASK | ISL_ATTR_NODIRATIME;
  int r = isl_mount_set_attributes(tree, set, clear, recursive);
  if (r == -EPERM && (set | clear) & times) {
    set &= ~times;
    clear &= ~times;
    r = isl_mount_set_attributes(tree, set, clear, recursive);
  }
  return r == -EPERM && clear && !recursive ? isl_mount_set_attributes(tree, set, 0, 0) : r;
}

/// What a bind mount that names attributes does not name is cleared, as by other runtimes (runc and crun set the flags
/// by a remount); what the kernel has locked stays, and so does all of it where the kernel knows less of them.
static int set_exact_attributes(int tree, const struct isl_step *step) {
  const uint64_t locked = ISL_ATTR_RDONLY | ISL_ATTR_NOSUID | ISL_ATTR_NODEV | ISL_ATTR_NOEXEC;
  uint64_t set = (uint32_t)step->v, clear = (uint32_t)step->w;
  if (step->flags & ISL_FLAG_REMOUNT) {
    int r = isl_mount_set_attributes(tree, set, clear | ((locked | ISL_ATTR_NOSYMFOLLOW) & ~set), 0);
    if (r == -EPERM) r = isl_mount_set_attributes(tree, set, clear | (ISL_ATTR_NOSYMFOLLOW & ~set), 0);
    if (r != -EPERM && r != -EINVAL) return r;
  }
  return set_bind_attributes(tree, set, clear, 0);
}

int isl_bind_descriptor(
    struct isl_child *child, int source, int target, const char *path, uint64_t set, uint64_t clear, int recursive) {
  int tree = isl_mount_new_api(child) ? isl_mount_clone_tree(source, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0)) : -ENOSYS;
  int r = tree;
  if (tree >= 0) {
    r = set_bind_attributes(tree, (uint32_t)set, (uint32_t)clear, recursive);
    if (r == 0) r = set_bind_attributes(tree, set >> 32, clear >> 32, 1);
    if (r == 0) r = isl_mount_attach(tree, target);
    isl_leave_open(tree);
  }
  // mount(2) takes nothing back from what is mounted below.
  if (r != -ENOSYS || clear >> 32) return r;
  r = isl_mount_legacy_bind(source, target, recursive);
  if (r < 0 || !set) return r;
  // mount(2) takes no attributes with a bind. The bind covers the target: the path now leads to it.
  int mounted = isl_resolve(child, child->root, path, 0);
  if (mounted < 0) return mounted;
  r = isl_mount_legacy_remount(mounted, (uint32_t)set | set >> 32);
  if (r == 0 && recursive && set >> 32) r = isl_mount_legacy_remount_below(mounted, set >> 32);
  close(mounted);
  return r;
}

/// Attaches a mount that the caller has made.
static int attach_prepared(struct isl_child *child, const struct isl_step *step) {
  if (step->d > (uint32_t)child->mount_count) return -EINVAL;
  int tree = child->mounts[step->d - 1];
  struct stat st;
  if (fstat(tree, &st) < 0) return -errno;
  int target = target_of(child, step, S_ISDIR(st.st_mode));
  if (target < 0) return target;
  int r = set_bind_attributes(tree, (uint32_t)step->v, (uint32_t)step->w, 0);
  if (r == 0) r = set_bind_attributes(tree, step->v >> 32, step->w >> 32, 1);
  if (r == 0) r = isl_mount_attach(tree, target);
  if (r == 0) r = isl_mount_set_propagation(tree, step->b);
  close(target);
  close(tree);
  child->mounts[step->d - 1] = -1;
  return r;
}

/// Attaches a copy of what is at the source's path; its type is asked for where the target has to be made. -ENOSYS
/// without the new mount API.
static int bind_copy(struct isl_child *child, const struct isl_step *step) {
  int recursive = (step->flags & ISL_FLAG_RECURSIVE) != 0;
  int tree = isl_mount_new_api(child) ? isl_mount_clone_tree(AT_FDCWD, isl_text(child, step->a), recursive ? AT_RECURSIVE : 0) : -ENOSYS;
  if (tree < 0) return tree;
  struct stat st;
  int target = isl_resolve(child, child->root, isl_text(child, step->c), (step->flags & ISL_FLAG_NO_SYMLINKS) != 0);
  if (target == -ENOENT && step->flags & ISL_FLAG_CREATE)
    target = fstat(tree, &st) < 0 ? -errno : target_of(child, step, S_ISDIR(st.st_mode));
  int r = target < 0 ? target : set_exact_attributes(tree, step);
  if (r == 0) r = set_bind_attributes(tree, step->v >> 32, step->w >> 32, 1);
  if (r == 0) r = isl_mount_attach(tree, target);
  if (r == 0) r = isl_mount_set_propagation(tree, step->b);
  if (target >= 0) isl_leave_open(target);
  isl_leave_open(tree);
  return r;
}

static int legacy_bind(struct isl_child *child, const struct isl_step *step) {
  int source = open(isl_text(child, step->a), O_PATH | O_CLOEXEC);
  if (source < 0) return -errno;
  struct stat st;
  int r = fstat(source, &st) < 0 ? -errno : 0;
  int target = r < 0 ? r : target_of(child, step, S_ISDIR(st.st_mode));
  r = target;
  if (target >= 0) {
    int recursive = (step->flags & ISL_FLAG_RECURSIVE) != 0;
    r = isl_bind_descriptor(child, source, target, isl_text(child, step->c), step->v, step->w, recursive);
    if (r == 0) r = propagation_at(child, isl_text(child, step->c), step->b);
    isl_leave_open(target);
  }
  isl_leave_open(source);
  return r;
}

int isl_step_bind(struct isl_child *child, const struct isl_step *step) {
  // What is mounted from here on may cover it.
  child->fresh = -1;
  child->is_in_fresh = 0;
  if (step->d) return attach_prepared(child, step);
  int r = bind_copy(child, step);
  return r == -ENOSYS ? legacy_bind(child, step) : r;
}

int isl_bind_onto(struct isl_child *child, int source, const char *path) {
  int target = isl_resolve_or_make(child, child->root, path, 1, 0, 0600);
  if (target < 0) return target;
  int r = isl_bind_descriptor(child, source, target, path, 0, 0, 0);
  close(target);
  return r;
}
