// What a container takes, each tried in a process that ends with it.
#pragma once

enum isl_attempt_kind {
  ISL_ATTEMPT_USER, // a user namespace (user_namespaces(7))
  ISL_ATTEMPT_MAP, // the caller's own ids in it
  ISL_ATTEMPT_NAMESPACES, // mount, PID, IPC, UTS and cgroup namespaces (namespaces(7))
  ISL_ATTEMPT_NETWORK, // a network namespace
  ISL_ATTEMPT_MOUNT, // a filesystem of its own: tmpfs
  ISL_ATTEMPT_ROOT, // that becomes the root (pivot_root(2))
  ISL_ATTEMPT_PROC, // a proc of its own
  ISL_ATTEMPT_SYSFS, // a sysfs of its own
  ISL_ATTEMPT_OVERLAY, // an overlay whose upper layer is a tmpfs
  ISL_ATTEMPT_TIME, // a time namespace (Linux 5.6)
  ISL_ATTEMPT_FILTER, // a filter of system calls (seccomp(2))
  ISL_ATTEMPT_LANDLOCK, // no access to files but what is named (landlock(7))
  ISL_ATTEMPT_LENT_SOCKETS, // sockets made by another process, by way of a filter (seccomp_unotify(2), Linux 5.9)
  ISL_ATTEMPT_CONTAINER, // all namespaces, the map and a fresh proc at once
  ISL_ATTEMPT_OTHER_USER, // another user, for good, without capabilities
};

/// What ISL_ATTEMPT_CONTAINER gives where the kernel refuses the proc alone, and a tmpfs in its place is mounted. No
/// errno; it fits an exit status.
#define ISL_ATTEMPT_ALL_BUT_PROC 255

/// Tries it. Returns 0 or -errno.
int isl_attempt(enum isl_attempt_kind kind);

/// The version of Landlock that the kernel has (landlock_create_ruleset(2)), or -errno.
int isl_landlock_version(void);
