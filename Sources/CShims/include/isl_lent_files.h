// Files of a process whose calls another one makes for it (lent_files.c).
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Reads a text of a process's memory that ends with NUL. Returns its length, or -errno: ENAMETOOLONG where it does
/// not end within `size`.
int isl_read_text(int32_t pid, uint64_t address, char *text, size_t size);

/// What a process names by a path, below a folder of its descriptors or below its working directory (AT_FDCWD), as an
/// O_PATH descriptor; without a path it is the descriptor itself. `follows` is for a link at its end. Returns it, or
/// -errno.
int isl_open_named(int32_t pid, int folder, const char *path, int follows);

/// chmod(2) of an O_PATH descriptor's file. Returns 0 or -errno.
int isl_change_mode(int file, unsigned mode);

/// utimensat(2) of it: seconds and nanoseconds of access, then of change; NULL is now. Returns 0 or -errno.
int isl_change_times(int file, const int64_t times[4]);

/// Opens or makes a regular file in a folder, by a name without a slash. Returns it, or -errno.
int isl_open_in(int folder, const char *name, int flags, unsigned mode);

/// Whether two threads are of one process.
int isl_is_same_process(int32_t one, int32_t other);
