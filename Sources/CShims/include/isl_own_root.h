// A folder that becomes the root of processes by chroot(2) (own_root.c).
#pragma once

/// What is at a path in a root, as an O_PATH descriptor: no link on the way leads out of it. With `makes` folders that
/// are missing are made. Returns it, or -errno.
int isl_open_in_root(const char *root, const char *path, int makes);

/// Makes the devices that hold nothing and those of random numbers, to be used by everybody, in an empty folder.
/// Returns 0 or -errno: EPERM where none can be made, EACCES where none can be opened there.
int isl_make_devices(const char *folder);
