// Private to CShims: the state of the child between clone and execve. Async-signal-safe code only.
#pragma once

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "isl_plan.h"

#define ISL_PROC_MAGIC 0x9fa0 // PROC_SUPER_MAGIC (statfs(2))

// mount_setattr(2)
#define ISL_ATTR_RDONLY 0x1
#define ISL_ATTR_NOSUID 0x2
#define ISL_ATTR_NODEV 0x4
#define ISL_ATTR_NOEXEC 0x8
#define ISL_ATTR_ATIME_MASK 0x70
#define ISL_ATTR_NOATIME 0x10
#define ISL_ATTR_STRICTATIME 0x20
#define ISL_ATTR_NODIRATIME 0x80
#define ISL_ATTR_NOSYMFOLLOW 0x200000

enum isl_message_type {
  ISL_MESSAGE_MAPS = 1, // child: write my id maps
  ISL_MESSAGE_GO, // parent: done, go on; `step` instructions of a late filter behind it, its flags in `kind`; the stub
  ISL_MESSAGE_READY, // child: at the gate
  ISL_MESSAGE_DESCRIPTOR, // child: carries one fd in SCM_RIGHTS; index = its tag
  ISL_MESSAGE_JOINED, // child: the process that goes on is `index`, its pidfd comes along
  ISL_MESSAGE_SOFT, // child: a soft step was refused
  ISL_MESSAGE_FAILED, // child: step, kind, index, error
  // parent: the rest of the plan, `index` bytes in a memfd; behind it the streams and the stub, by the bits of `kind`
  ISL_MESSAGE_PLAN,
  ISL_MESSAGE_NAMESPACE, // child: its namespace of the kind `index` (CLONE_NEW*), for who may not open it
  ISL_MESSAGE_BORROWED, // child: a filesystem of the caller's stands for one of its own, which was refused
};

/// From here on descriptors are closed as soon as they have served: limits may be low (RLIMIT_NOFILE).
#define ISL_MANY_DESCRIPTORS 64

// The kinds of a failure before the first step.
#define ISL_FAILED_NAMESPACE (-2)
#define ISL_FAILED_LABEL (-3)
#define ISL_FAILED_CGROUP (-4)
#define ISL_FAILED_JOIN (-5)

struct isl_message {
  int32_t type, step, kind, index, error;
};

struct sock_filter;

struct isl_child {
  const struct isl_plan_header *plan;
  const struct isl_step *steps;
  const char *arena;
  char *const *argv; // behind as many free pointers as isl_stub_execute wants
  char *const *envp;
  int sync; // SOCK_SEQPACKET to the parent
  int start_pipe, join, seccomp_socket; // see the plan's header
  int stub; // the program that executes the payload (stub.c), -1 until there is one
  int sync_survives; // execve(2): it is the stub that closes it
  const struct sock_filter *filter; // installed by a step, NULL before it
  uint32_t filter_count;
  int is_hidden; // nobody with our ids may look into us, whatever they are: PR_SET_DUMPABLE
  int sends_namespaces; // nobody else can open them, see isl_hide
  int is_inside; // the root is the container's
  int is_labelled; // a security module confines us at the next execve(2), which has to be the payload's
  int is_in_directory; // the working directory is the payload's
  int32_t host_pid; // ours, as the parent counts it; known after a gate
  int namespaces[ISL_MAX_NAMESPACES]; // above 2
  int held_user; // the same; -1 once it is entered
  int denies_setgroups; // the user namespace lets nobody change supplementary groups
  int mounts[ISL_MAX_MOUNTS]; // above those that the payload gets
  int mount_count;
  uint32_t devices_over_root; // 1 + place in mounts of the filesystem of made nodes while it lies over the root, or 0
  uintptr_t arguments, arguments_end; // of our own command line, to be hidden from the payload
  int root; // O_PATH of the rootfs' own mount, -1 before ISL_STEP_ROOT
  int null_device; // O_PATH of the host's verified /dev/null, -1 until needed
  int null_mount; // the mount of it in the container's /dev, -1 until there is one
  int null_mask; // a read-only mount of it, -1 until needed
  int proc; // the root of the container's own /proc, verified, -1 until needed
  int proc_copy; // a detached read-only copy of it, -1 until needed; -EINVAL where no copies of that can be made
  const char *mask_name; // where in proc's root an empty read-only directory is mounted, NULL until there is one
  int shares_memory; // with the caller, until execve(2)
  int handlers_are_default; // no signal has a handler; those of `ignored` are ignored
  int has_usual_umask; // the caller's, which is inherited: 022
  uint64_t ignored; // bit N - 1: signal N is
  // The root of the filesystem mounted last that nothing can be in but what we put there, -1 when there is none.
  int fresh;
  const char *fresh_path;
  int ruleset; // of Landlock, -1 until there is one
  int lifeline; // see the plan's header
  pid_t keeper; // its number once we are its child
  uint32_t late_count, late_flags; // of the filter that came with the word that opened the gate
  int is_in_fresh; // the working directory is that root
};

/// Descriptors of the set-up are left open where that is no burden: one close_range(2) behind the change of the root
/// closes all of them.
static inline void isl_leave_open(int fd) {
  if (fd > ISL_MANY_DESCRIPTORS) close(fd);
}

static inline const char *isl_text(const struct isl_child *child, uint32_t offset) {
  return child->arena + offset;
}

/// Runs the whole plan; returns only through execve or _exit.
__attribute__((noreturn)) void isl_child_main(struct isl_child *child);

// Of the caller (caller.c).
uint64_t isl_ignored_signals(int *has_usual_umask);
int isl_may_trace(void);
void isl_find_own_arguments(struct isl_child *child);

/// Whether a plan's child may share the caller's memory (shared_memory.c).
int isl_may_share_memory(const struct isl_child *child);
struct clone_args;
/// Clones such a child, which runs its plan and does not come back here. Returns its pid, or -1 with errno. It uses
/// what
/// `child` points to until its execve(2), or its end.
long isl_clone_sharing(const struct clone_args *args, struct isl_child *child);
/// The child has executed its payload or is dead: the next one may have its stack.
void isl_sharing_ended(void);

/// How many descriptors a message carries at most.
#define ISL_MAX_CARRIED 5

/// Sends parts as one message with descriptors (messages.c). Returns 0 or -errno.
int isl_send_parts(int socket, struct iovec *parts, size_t count, const int *fds, size_t fd_count);
/// Sends a message with a descriptor unless `fd` is -1.
int isl_send(int sync, const struct isl_message *message, int fd);
/// Receives into several parts: how many bytes and, in `*fd_count`, how many descriptors came; 0 at the end of the
/// stream, or -errno.
ssize_t isl_receive_parts(
    int sync, struct iovec *parts, size_t count, int fds[ISL_MAX_CARRIED], int *fd_count);
/// Returns 1 with a message, 0 at the end of the stream, -errno.
int isl_receive_descriptors(int sync, struct isl_message *message, int fds[ISL_MAX_CARRIED], int *fd_count);
/// The same for one descriptor: `*fd` is -1 when none came.
int isl_receive(int sync, struct isl_message *message, int *fd);

/// Writes a text to an existing file such as those of /proc, in one write(2). Returns 0 or -errno.
int isl_write_file(const char *path, const char *text);

// Who the calling process is (identity.c). Each returns 0 or -errno.
/// Maps the one id of each kind that the caller has outside, as a caller without privileges may in a user namespace
/// that it has made for itself (user_namespaces(7)).
int isl_map_own_ids(unsigned user_inside, unsigned user, unsigned group_inside, unsigned group);
/// Empties its permitted, effective and inheritable sets.
int isl_drop_capabilities(void);

// Path resolution inside a root (resolve.c). Each returns an O_PATH fd or -errno.
int isl_resolve(const struct isl_child *child, int root, const char *path, int no_symlinks);
int isl_resolve_or_make(
    const struct isl_child *child, int root, const char *path, int no_symlinks, int directory, mode_t mode);
/// The name that `path` has in the directory `directory`, or NULL when it is not right below it.
const char *isl_leaf_below(const char *directory, const char *path);
/// Opens the directory that holds the last component and points `*leaf` at that component.
int isl_resolve_parent(const struct isl_child *child, int root, const char *path, const char **leaf);

// Mount steps (mounts.c; masks.c; root.c for those of the root). Each returns 0 or -errno.
int isl_step_root(struct isl_child *child, const struct isl_step *step);
int isl_step_mount(struct isl_child *child, const struct isl_step *step);
int isl_step_bind(struct isl_child *child, const struct isl_step *step);
int isl_step_mask(struct isl_child *child, const struct isl_step *step);
int isl_step_readonly(struct isl_child *child, const struct isl_step *step);
int isl_step_pivot(struct isl_child *child, const struct isl_step *step);
/// Says that the container goes without what a step asks for. Returns 0 or -errno.
int isl_tell_refused(const struct isl_child *child, const struct isl_step *step, int error);

/// Shows the caller's own /sys or /proc in place of one that is refused, as far as the step allows it (borrowed.c).
int isl_borrow(struct isl_child *child, const struct isl_step *step);
/// Moves the working directory's mount onto /; with `hides_host` no whole procfs or sysfs of the host stays below it.
int isl_move_root(const struct isl_child *child, int hides_host);
/// Changes how mounts below a path and those of other namespaces follow each other (MS_SHARED and its like).
int isl_set_propagation(const char *path, unsigned long flags);
int isl_step_root_readonly(struct isl_child *child);

/// Binds what `source` (an O_PATH descriptor) names onto `target`, which `path` led to. The upper halves of
/// `set` and `clear` are for every mount below as well.
int isl_bind_descriptor(
    struct isl_child *child, int source, int target, const char *path, uint64_t set, uint64_t clear, int recursive);

// Device nodes (devices.c).
int isl_step_device(struct isl_child *child, const struct isl_step *step);
int isl_step_device_attributes(struct isl_child *child, const struct isl_step *step);
int isl_step_node(struct isl_child *child, const struct isl_step *step);
/// The attributes of mounts of the host's nodes: a device on a read-only mount can still be written, but its owner
/// cannot change the mode of the host's node.
static inline uint64_t isl_device_attributes(const struct isl_child *child) {
  return child->plan->flags & ISL_PLAN_OWNS_DEVICES ? ISL_ATTR_RDONLY | ISL_ATTR_NOSUID | ISL_ATTR_NOEXEC : 0;
}
/// An O_PATH descriptor of the host's verified /dev/null, the child's own.
int isl_null_device(struct isl_child *child);

// Steps on the process itself (process.c).
int isl_step_resource_limit(const struct isl_step *step);
int isl_step_start_pipe(struct isl_child *child);
int isl_step_working_directory(struct isl_child *child, const struct isl_step *step);
int isl_step_home(struct isl_child *child, const struct isl_step *step); // home.c
int isl_step_time_namespace(const struct isl_child *child, const char *offsets);
int isl_step_close_descriptors(int first);

// How the process is scheduled (scheduling.c).
int isl_step_io_priority(const struct isl_step *step);
int isl_step_scheduler(const struct isl_child *child, const struct isl_step *step);
int isl_step_affinity(const struct isl_child *child, const struct isl_step *step);
int isl_step_memory_policy(const struct isl_child *child, const struct isl_step *step);

/// Waits for the rest of the plan (adopt.c). Returns 0 when it has taken its place, or -errno.
int isl_step_adopt(struct isl_child *child);

/// From here on only who has CAP_SYS_PTRACE over the caller's own user namespace can look into us (child.c).
void isl_hide(struct isl_child *child);
/// Opens a file of /proc/self, whose owner is the host's root while we are hidden. Returns a descriptor or -errno.
int isl_open_own(const struct isl_child *child, const char *path);
/// Writes a text to such a file, in one write(2). Returns 0 or -errno.
int isl_write_own(const struct isl_child *child, const char *path, const char *text);

/// Whether a payload's program is the runtime's own (execute.c): 0 if it is another, or -errno.
int isl_refuse_runtime(const struct isl_plan_header *plan, const char *path);
/// The stub, made if there is none yet; -1 where none can be made, or a filter is not for it.
int isl_usable_stub(struct isl_child *child);

/// Looks for the payload's program (execute.c). Returns 0 or -errno.
int isl_step_find_program(struct isl_child *child);
/// Becomes the payload (execute.c): returns only -errno.
int isl_execute(struct isl_child *child);

/// Copies what is in the directory `source` into the root of a mount (copy_up.c), without following a link;
/// unless `keeps_mode`, that root gets the directory's mode and owner. Returns 0 or -errno.
int isl_copy_up(int source, int mount, int keeps_mode);

// The console step (console.c).
int isl_step_console(struct isl_child *child, const struct isl_step *step);
/// Binds an open file onto a path that is made for it (mounts.c).
int isl_bind_onto(struct isl_child *child, int source, const char *path);

/// Labels a mount point (label.c).
int isl_step_label(struct isl_child *child, const struct isl_step *step);

// Identity steps (identity.c).
int isl_step_user(struct isl_child *child, const struct isl_step *step);
int isl_step_capabilities(struct isl_child *child, const struct isl_step *step);
int isl_step_seccomp(struct isl_child *child, const struct isl_step *step);
/// Waits for the word that opens a gate early, and for the filter that may come with it. Returns 0 or -errno.
int isl_pass_early_gate(struct isl_child *child);

// What is told of the container's state (state.c).
int isl_step_hook(struct isl_child *child, const struct isl_step *step);
/// Sends a descriptor with a document in one message.
int isl_send_state(const struct isl_child *child, const char *text, int socket, int fd);

// Network steps (network.c).
int isl_step_loopback(const struct isl_step *step);
int isl_step_listen(struct isl_child *child, const struct isl_step *step);
int isl_step_outside(struct isl_child *child, const struct isl_step *step);

/// setns(2) for all namespaces of `flags` of the process whose folder in /proc this is (join.c). Returns 0 or -errno.
int isl_join_by_folder(int folder, uint64_t flags);

// PID 1 that reaps and forwards (init.c): returns 0 in the payload's process, never in PID 1.
int isl_step_init(struct isl_child *child);

// The process that keeps a container without namespaces (keeper.c): returns 0 in the payload's process.
int isl_step_keep(struct isl_child *child, const struct isl_step *step);
/// The payload's process is to end when its keeper does. Returns 0 or -errno.
int isl_end_with_keeper(const struct isl_child *child);

// What may be done with files (landlock.c).
int isl_step_allow(struct isl_child *child, const struct isl_step *step);
int isl_step_landlock(struct isl_child *child);
int isl_step_belt(void);
/// Enters a root of its own by chroot(2) (own_root.c). Returns 0 or -errno: EISDIR where a standard stream is a folder.
int isl_step_own_root(const char *root);
/// Whether it does what it says, tried by the calling process, which is confined then. Returns 0 or -errno.
int isl_landlock_works(void);

/// clone(2) with `flags` (helpers.c): a child with every signal blocked, so that no handler of the copied process runs
/// in it. Returns 0 in the child, its pid or -errno in the caller.
long isl_fork(uint64_t flags);

/// Copies descriptors to 0, 1 and 2, which keep what they are where it says -1 (descriptors.c). Returns 0 or -errno.
int isl_take_streams(const int streams[3]);
/// Takes the standard streams and moves what later steps need out of the way of what the payload gets (descriptors.c).
int isl_keep_own_descriptors(struct isl_child *child);
/// Keeps a stub that the parent sent, out of the way of what the payload gets; `fd` is -1 when none came.
void isl_take_stub(struct isl_child *child, int fd);
/// Closes everything but 0, 1, 2, what the payload gets, and what later steps need.
void isl_close_others(struct isl_child *child);

/// "/proc/self/fd/N" without snprintf.
const char *isl_fd_path(char buffer[40], int fd);
