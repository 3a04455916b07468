// Whole trees on disk.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Removes what is at `name` in the folder `parent`, with all that is below it, following no link; what is not
/// writable is made so. Names ".deep-N" are used in the folder while deep ones are removed. 0 or -errno.
int isl_remove_tree(int parent, const char *name);

/// Makes a tree a user's, with the group of the same number, following no link. 0 or -errno.
int isl_give_tree(const char *path, unsigned user);

/// Makes a tree the caller's, to be read by everybody who reaches it and written to by nobody else, without set-id
/// bits. 0 or -errno.
int isl_settle_tree(const char *path);

/// What a tree is like: each change of anything in it, attributes included, changes it.
struct isl_seal {
  uint64_t entries, sum; // of names, modes, sizes and times of change
  int64_t seconds;       // the latest time of change
  uint32_t nanoseconds;
};

/// Looks at a tree. 0 or -errno: EXDEV where somebody else owns a part, a file has two names, or one is no file,
/// folder or link.
int isl_seal_tree(const char *path, struct isl_seal *seal);

/// Waits until what is changed from now on has another time. Returns 0 where that cannot be known.
int isl_seal_is_past(const struct isl_seal *seal);

/// An O_PATH descriptor of the folder `name` in `parent` that is no link; -1 and errno otherwise.
int isl_open_folder(int parent, const char *name);
/// Whether `name` in `folder` is one of overlay's whiteouts: a character device 0/0, or, where such cannot be made,
/// an empty file with the attribute user.overlay.whiteout (Linux 6.7).
int isl_is_whiteout(int folder, const char *name);
/// Makes a whiteout: 0, or -1 and errno.
int isl_make_whiteout(int folder, const char *name);
/// Whether a folder hides what layers below have at its place.
int isl_is_opaque(int folder);
/// fsetxattr(2): 0, or -1 and errno.
int isl_set_attribute(int fd, const char *name, const void *value, size_t count);
/// llistxattr(2): the length of the names, each ended by NUL, or -1 and errno.
int isl_list_attributes(const char *path, char *names, size_t count);
/// lgetxattr(2): the length, or -1 and errno.
int isl_get_attribute(const char *path, const char *name, void *value, size_t count);
/// Copies a file's contents from the beginning, its holes as holes (lseek(2), SEEK_DATA), by copy_file_range(2) where
/// that is possible. 0 or -errno.
int isl_copy_sparse(int from, int to);
/// Copies extended attributes, without overlay's own and those that the filesystem or the kernel refuses. 0 or -errno.
int isl_copy_attributes(int from, int to);
