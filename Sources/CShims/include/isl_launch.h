// Starting a container: clone, id maps, the numbered steps, the gate. clone3(2), since Linux 5.3
// (5.7 for CLONE_INTO_CGROUP); falls back to clone(2).
#pragma once

#include <stdint.h>
#include <sys/types.h>

enum isl_stage {
  ISL_STAGE_NONE = 0,
  ISL_STAGE_PLAN, // the plan did not pass isl_plan_check
  ISL_STAGE_CLONE, // clone3 or clone failed
  ISL_STAGE_MAPS, // an id map could not be written
  ISL_STAGE_CGROUP, // the child could not be moved into its cgroup
  ISL_STAGE_STEP, // a step of the child failed: step and index say which
  ISL_STAGE_NAMESPACE, // a namespace named by its path could not be entered
  ISL_STAGE_LABEL, // the label of a security module was refused
  ISL_STAGE_JOIN, // a running container could not be entered
  ISL_STAGE_CALLER, // the caller's own work right after the clone failed
  ISL_STAGE_LOST, // the child went away without a word
};

#define ISL_MAX_RECEIVED 8

/// What a launch gives back. On failure nothing is left running and no fd is open.
struct isl_launch_result {
  int32_t stage; // enum isl_stage; ISL_STAGE_NONE = success
  int32_t step; // number of the step in the plan
  int32_t last_step; // that of the plan's last one
  int32_t kind; // enum isl_step_kind
  int32_t index;
  int32_t error; // errno
  int32_t pid; // in the caller's PID namespace
  int32_t pidfd;
  int32_t sync; // the socket the child waits on at its gate, -1 when it has none
  int32_t user_namespace; // the child's, -1 when it is the caller's or the plan has no gate
  int32_t network_namespace;
  int32_t has_stub, has_joined; // what was sent and heard already
  int32_t received_count;
  int32_t received_tag[ISL_MAX_RECEIVED];
  int32_t received_fd[ISL_MAX_RECEIVED]; // sockets and listeners made by the child
  uint32_t soft_failures; // how many steps were refused that the plan let be refused
  uint64_t refused_steps; // bit N: one of the kind N (enum isl_step_kind)
  uint32_t borrowed; // how many mounts were the caller's, as ISL_FLAG_BORROW allowed
};

/// What the caller of isl_launch does meanwhile; each returns 0 or -errno.
struct isl_launch_calls {
  int (*begun)(pid_t pid, int pidfd, void *context); // right after the clone, beside the child's work; may be NULL
  int (*write_maps)(pid_t pid, void *context); // when the plan says that the parent writes the id maps
  int (*open_gate)(int sync, pid_t pid, void *context); // calls isl_launch_open_gate, with the filter where it is late
};

/// Clones a child and runs the plan up to its gate, or to execve when it has no gate or one that is opened early.
/// The caller keeps ownership of every fd named by the plan.
int isl_launch(
    const void *plan, uint32_t size, const struct isl_launch_calls *calls, void *context,
    struct isl_launch_result *result);

/// Opens a gate that is opened early, for a plan whose filter is late: `count` of struct sock_filter, `flags` of
/// SECCOMP_FILTER_FLAG_*. The child may have failed and gone meanwhile, which is no error. Returns 0 or -errno.
int isl_launch_open_gate(int sync, pid_t pid, const void *filter, uint32_t count, uint32_t flags);

/// Opens the first of two gates and waits until the child is at the second.
int isl_launch_proceed(struct isl_launch_result *result);

/// Opens the gate and waits until the payload's execve has happened or a step failed.
int isl_launch_release(struct isl_launch_result *result);

/// Sends a child that waits at ISL_STEP_ADOPT the rest of its plan, which ends with ISL_STEP_EXEC, and the streams that
/// become 0, 1 and 2 (-1 keeps what it has). Waits until the payload's execve has happened or a step of that plan
/// failed.
int isl_launch_adopt(struct isl_launch_result *result, const void *plan, uint32_t size, const int32_t streams[3]);

/// Kills and reaps a child that waits at its gate and closes every fd of the result.
void isl_launch_abandon(struct isl_launch_result *result);

/// Opens the gate and leaves at once: for a child that then waits at ISL_STEP_START_PIPE. The pidfd stays
/// the caller's.
int isl_launch_detach(struct isl_launch_result *result);

/// A connection to a UNIX stream socket, or -errno.
int isl_connect_unix(const char *socket_path);

/// Connects to a UNIX stream socket and sends it one descriptor with its name (SCM_RIGHTS, unix(7)), as
/// conmon and containerd's shim expect a console.
int isl_send_descriptor(const char *socket_path, int descriptor, const char *name);

/// A detached copy of what is at a path, with what is mounted below it when `recursive`; it takes part in nothing
/// that is mounted elsewhere. Returns a descriptor or -errno.
int isl_detached_tree(const char *source, int recursive);

/// A filesystem for device nodes that is mounted nowhere. Returns a descriptor or -errno.
int isl_device_filesystem(void);

/// Makes a device node in it, named by its number, of that type and mode (inode(7)) and with these ids of the caller's
/// user namespace. Returns 0 or -errno.
int isl_device_node(int filesystem, unsigned number, unsigned mode, uint64_t rdev, unsigned uid, unsigned gid);

/// A detached copy of a mount, with what is below it when `recursive`, whose files have the owners that the maps give
/// them (as for /proc/PID/uid_map), or `joined`, a user namespace's descriptor, unless that is -1; `maps_below` maps
/// what is below it too. Returns a descriptor or -errno.
int isl_idmapped_tree(
    const char *source, int joined, const char *uid_map, const char *gid_map, int recursive, int maps_below);

/// Closes what the child has sent; what a terminal that we would have relayed still holds is written out before.
void isl_give_up_descriptor(int fd);

/// Forks a process, in new namespaces by `flags` (CLONE_NEW*), that waits until it is killed, and that dies with the
/// caller. Returns its pid or -errno.
int isl_spawn_placeholder(uint64_t flags);

/// Forks a process that outlives the caller's death and kills `pidfd` when `lifeline` hangs up.
/// It ends by itself when the process behind `pidfd` ends. Returns its pid.
int isl_spawn_guardian(int pidfd, int lifeline);
