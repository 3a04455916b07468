// The launch plan: everything the child does after clone, as integers and offsets in one buffer.
//
// A plan is position independent and holds no pointers, so Swift can build it with safe code, print
// it and check its bounds, and the child can read it in a copy of any process, threaded or not.
//
//   struct isl_plan_header | struct isl_step[step_count] | arena (bytes; NUL-terminated strings)
//
// String operands are arena offsets. Offset 0 is always the empty string and means "absent".
#pragma once

#include <stdint.h>

#define ISL_PLAN_MAGIC 0x49534f50u /* "ISOP" */
#define ISL_MAX_NAMESPACES 8
#define ISL_MAX_MOUNTS 256
#define ISL_PLAN_MAX_BYTES (16u << 20)

enum isl_plan_flags {
  ISL_PLAN_CHILD_WRITES_MAPS = 1u << 0, // the child maps one id itself (user_namespaces(7))
  ISL_PLAN_PARENT_WRITES_MAPS = 1u << 1, // the parent writes the maps (directly or by newuidmap(1))
  ISL_PLAN_DENY_SETGROUPS = 1u << 2,
  ISL_PLAN_BECOME_ROOT = 1u << 3, // switch to container ids 0:0 for the set-up; they are mapped
  ISL_PLAN_ENTERS_USER = 1u << 6, // the first of `namespaces` is a user namespace
  ISL_PLAN_OPEN_NAMESPACES = 1u << 7, // the parent wants descriptors of the new user and network namespaces
  ISL_PLAN_OPENS_GATE_EARLY = 1u << 8, // the parent has nothing to do at the gate, there is one, and it writes no maps
  ISL_PLAN_HAS_EARLY_HOOKS = 1u << 9, // programs are run before the root is changed
  // the container may have the owner of the host's device nodes: they are bound read-only
  ISL_PLAN_OWNS_DEVICES = 1u << 10,
  ISL_PLAN_SHARES_MEMORY = 1u << 11, // the child may share the caller's memory, where its steps allow it
  ISL_PLAN_IN_PLACE = 1u << 12, // no step changes the root, or chroot(2) alone does: the caller's descriptors go at once
  ISL_PLAN_FORCE_LEGACY_MOUNT = 1u << 4, // tests: behave as if the new mount API did not exist
  ISL_PLAN_FORCE_NO_OPENAT2 = 1u << 5, // tests: behave as if openat2(2) did not exist
};

struct isl_plan_header {
  uint32_t magic;
  uint32_t size; // bytes of the whole plan
  uint32_t step_offset, step_count;
  uint32_t arena_offset, arena_size;
  uint64_t clone_flags; // CLONE_NEW*
  uint32_t flags; // enum isl_plan_flags
  uint32_t uid_map, gid_map; // strings, as written to /proc/PID/{u,g}id_map
  uint32_t argv, argv_count; // arena offset (4-aligned) of uint32_t[argv_count], each a string
  uint32_t envp, envp_count;
  uint32_t paths, paths_count; // candidates for execve, tried in order
  int32_t cgroup_fd; // directory of the cgroup to start in, or -1
  int32_t stdio[3]; // become fd 0, 1, 2; -1 keeps the caller's
  int32_t join_pidfd; // a process whose namespaces are joined instead of new ones made, or -1
  uint64_t join_flags; // CLONE_NEW* of the namespaces to join
  int32_t namespaces[ISL_MAX_NAMESPACES]; // entered before new ones are made (setns(2)); ends at -1
  int32_t held_user; // a user namespace within which the new one is made and given its maps, or -1
  uint32_t label_file, label; // strings: what is written where for a security module, or absent
  uint32_t seccomp_state; // string: the document that goes with the listener, or absent
  int32_t mounts[ISL_MAX_MOUNTS]; // detached mounts for ISL_STEP_BIND; ends at -1
  int32_t seccomp_socket; // who takes the filter's notification descriptor, or -1 for the parent
  uint64_t program_device, program_inode; // the runtime's own program, which no payload may be; 0 = no matter
  uint32_t preserved; // count of descriptors from 3 on that the payload gets
  int32_t lifeline; // the keeper ends all when its other end closes, or -1
  int32_t start_pipe; // a FIFO opened for both ways that ISL_STEP_START_PIPE reads, or -1
};

enum isl_step_kind {
  ISL_STEP_NONE = 0,
  ISL_STEP_PROPAGATION, // v = MS_* of / and all below it (mount_namespaces(7), "Shared subtrees")
  ISL_STEP_TIME_NAMESPACE, // a new one is entered; a = text for /proc/self/timens_offsets
  ISL_STEP_HOOK, // a = path, b = offset of uint32_t[c] arguments, d = offset of uint32_t[low half of v] environment,
                 // upper half of v = timeout in milliseconds or -1, w = state document
  ISL_STEP_ROOT, // a = path of the rootfs; it becomes a mount of its own; b = options of an overlay to be
                 // mounted there instead, or absent, c = the directory they are relative to,
                 // d = options of a tmpfs below the overlay that gets folders "upper" and "work", or absent;
                 // v = 1: the mount it lies on becomes private; w = 1 + place in the header's mounts of a copy
                 // that is there already, or 0
  ISL_STEP_MOUNT, // a = type, b = source, c = target, d = options, v = attributes, w = legacy MS_*, in its upper
                  // half propagation
  ISL_STEP_BIND, // a = source, b = propagation, c = target, d = 1 + place in the header's mounts or 0,
                 // v = attributes to set, w = attributes to clear; in their upper
                 // halves those of the mounts below as well
  ISL_STEP_LABEL, // a = SELinux context of c, the mount point of a filesystem that takes none as an option
  ISL_STEP_DIRECTORY, // a = path, v = mode
  ISL_STEP_SYMLINK, // a = path, b = contents
  ISL_STEP_DEVICE, // a = path, v = rdev of the host's node to bind (mknod(2) needs real root)
  ISL_STEP_DEVICE_ATTRIBUTES, // v = attributes of /dev itself: what DEVICE has bound becomes read-only and its like
  ISL_STEP_NODE, // a = path, v = rdev, w = type and mode (inode(7)), b = owner, c = group: made, or the host's bound;
                 // d = 1 + place in the header's mounts of a filesystem that has it, named by its index, or 0
  ISL_STEP_MASK, // a = path: hidden behind an empty read-only tmpfs or /dev/null
  ISL_STEP_READONLY, // a = path: bound over itself read-only
  ISL_STEP_PIVOT, // the rootfs becomes /, the host's tree is detached; v = 1: it is not private;
                  // flag MOVE_ROOT: moved and chroot(2)
  ISL_STEP_ROOT_PROPAGATION, // v = MS_* of the new /
  ISL_STEP_ROOT_READONLY,
  ISL_STEP_LOOPBACK, // v = IPv4 address to add to lo beside 127.0.0.1 (network order), 0 = none
  ISL_STEP_LISTEN, // v = IPv4 (network order), w = port; flags: datagram; index = tag of the fd sent
  ISL_STEP_OUTSIDE, // routes for everything outside lead to lo; v = source address (network order), index = tag of the
                    // packet socket sent
  ISL_STEP_SYSCTL, // a = path below /proc/sys, b = value; while /proc is still the host's
  // a pseudoterminal becomes 0, 1, 2: v = its owner, w = rows << 16 | columns and 1 << 32 where new lines stay as
  // they are, index = tag of the master sent; flag CREATE: also bound on /dev/console
  ISL_STEP_CONSOLE,
  ISL_STEP_HOSTNAME, // a
  ISL_STEP_DOMAINNAME, // a
  ISL_STEP_SESSION_KEYRING, // soft: a refusal is no failure (isolation-ladder, row 10)
  ISL_STEP_OOM_SCORE, // a = text for /proc/self/oom_score_adj
  ISL_STEP_RLIMIT, // v = soft, w = hard, index = RLIMIT_*
  ISL_STEP_IO_PRIORITY, // v = word of ioprio_set(2)
  ISL_STEP_SCHEDULER, // a = offset of uint64_t[7]: policy, flags, nice, priority, runtime, deadline, period
  ISL_STEP_AFFINITY, // a = offset of uint64_t[b], a set of processors
  ISL_STEP_MEMORY_POLICY, // v = mode and flags, a = offset of uint64_t[b], a set of memory nodes
  ISL_STEP_PERSONALITY, // v
  ISL_STEP_FIND_PROGRAM, // the payload's program must be there and executable: for those who start it later
  ISL_STEP_GATE, // says "ready" and waits for the parent's word
  ISL_STEP_ADOPT, // the last one of a prepared container: says "ready" and goes on with the plan it is sent
  ISL_STEP_START_PIPE, // waits for one byte of the header's start_pipe
  ISL_STEP_USER, // v = uid, w = gid, a = offset of uint32_t[b] additional gids; keeps capabilities
  ISL_STEP_CAPABILITIES, // a = offset of uint64_t[5]: bounding, permitted, effective, inheritable, ambient;
                         // v = 1: there are no ambient ones yet
  ISL_STEP_NO_NEW_PRIVILEGES,
  ISL_STEP_UMASK, // v
  ISL_STEP_WORKING_DIRECTORY, // a; v = 1: tried before the user is changed, for one that only root may enter
  ISL_STEP_HOME, // v = uid, whose HOME of the container's /etc/passwd replaces the last variable of the environment
  ISL_STEP_INIT, // fork: the caller stays as PID 1, reaps and forwards signals; the child goes on
  ISL_STEP_KEEP, // fork: the caller stays as keeper (keeper.c), the child goes on; v = uid of the payload
  ISL_STEP_OWN_ROOT, // a = folder that becomes the root by chroot(2)
  ISL_STEP_ALLOW, // a = path, v = enum isl_access, w = version of Landlock at most or 0
  ISL_STEP_LANDLOCK, // nothing but what ALLOW has named, from here on
  ISL_STEP_BELT, // no file outside of the root, from here on
  ISL_STEP_CLOSE_DESCRIPTORS, // every fd from 3 on becomes close-on-exec
  ISL_STEP_SECCOMP, // a = offset (8-aligned) of struct sock_filter[b]; flags: listener; v = SECCOMP_FILTER_FLAG_*
  ISL_STEP_EXEC,
  ISL_STEP_COUNT
};

enum isl_step_flags {
  ISL_FLAG_RECURSIVE = 1u << 0, // BIND: with submounts; READONLY: below as well
  ISL_FLAG_CREATE = 1u << 1, // make the target when it is absent
  ISL_FLAG_NO_SYMLINKS = 1u << 2, // the target's path may hold no symbolic link (CVE-2019-19921)
  ISL_FLAG_LEGACY = 1u << 3, // use mount(2) even where the new API exists (overlay: long options)
  ISL_FLAG_REMOUNT = 1u << 4, // MOUNT: changes what is mounted at the target (mount(2), MS_REMOUNT); BIND: attributes
  // of the source that the step does not name are cleared, as by a remount
  ISL_FLAG_DATAGRAM = 1u << 5, // LISTEN: UDP
  ISL_FLAG_BORROW = 1u << 5, // MOUNT, which has no use for DATAGRAM: the caller's proc stands for one that is refused;
                            // PIVOT: the root is moved where pivot_root(2) is refused
  ISL_FLAG_LISTENER = 1u << 6, // SECCOMP: hand the notification fd to the parent
  ISL_FLAG_RELATIVE = 1u << 8, // MOUNT with mount(2): options hold paths relative to the source
  ISL_FLAG_COPY_UP = 1u << 9, // MOUNT: the new filesystem begins as a copy of what it covers
  ISL_FLAG_MOVE_ROOT = 1u << 10, // PIVOT: where pivot_root(2) is impossible, as on an initial ramdisk
  ISL_FLAG_SHARED = 1u << 11, // ROOT, PIVOT: in the caller's own mount namespace, whose / stays; chroot(2)
  ISL_FLAG_FRESH = 1u << 12, // MOUNT: the steps that follow put devices, links and mounts into it
  ISL_FLAG_LATE = 1u << 13, // SECCOMP: the program comes with the word that opens the gate (ISL_PLAN_OPENS_GATE_EARLY)
  ISL_FLAG_KEEP_GROUPS = 1u << 14, // USER: the supplementary groups stay the caller's
  ISL_FLAG_LAST = 1u << 15, // NODE: no later one is taken from the header's mounts
  ISL_FLAG_SOFT = 1u << 7, // a refusal is reported, not a failure
};

struct isl_step {
  uint16_t kind;
  uint16_t flags;
  uint32_t index; // place in the configuration's array, for the error message
  uint32_t a, b, c, d;
  uint64_t v, w;
};

/// Checks every offset, count and string of a plan against its size. Returns 0 or -EINVAL.
int isl_plan_check(const void *plan, uint32_t size);
