// Private to CShims: the mount calls that several steps make. Async-signal-safe code only.
#pragma once

#include "isl_child.h"

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define ISL_MOVE_EMPTY 0x44 /* MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH */

struct isl_mount_attr {
  uint64_t set, clear, propagation, userns;
};

/// open_tree(2) with OPEN_TREE_CLONE: a detached copy, or -errno.
int isl_mount_clone_tree(int at, const char *path, unsigned flags);
/// move_mount(2) of a detached mount onto what a descriptor names.
int isl_mount_attach(int mount_fd, int target);
/// The same onto a path; -ENOSYS, as from all of these, where the call is refused as a whole.
int isl_mount_move(int mount_fd, int at, const char *path, unsigned flags);
/// mount_setattr(2).
int isl_mount_set_attributes(int mount_fd, uint64_t set, uint64_t clear, int recursive);
/// A detached mount of a new filesystem; `options` as mount(8) takes them.
int isl_mount_make_filesystem(const char *type, const char *source, const char *options, uint64_t attributes);
/// Whether the new mount API is to be tried.
int isl_mount_new_api(const struct isl_child *child);
/// mount(2) with MS_BIND.
int isl_mount_legacy_bind(int source, int target, int recursive);
/// mount(2) with MS_REMOUNT, keeping the flags that the kernel locked when it copied the tree.
int isl_mount_legacy_remount(int target, uint64_t set);
/// The same for every mount below one.
int isl_mount_legacy_remount_below(int mounted, uint64_t set);
/// MS_RDONLY and its like for MOUNT_ATTR_*.
unsigned long isl_mount_legacy_flags(uint64_t attributes);
/// Changes how a mount and those of other namespaces follow each other; 0 leaves it.
int isl_mount_set_propagation(int mount_fd, unsigned long flags);
