// The parent's half of a launch: clone, id maps, cgroup, and the words on the sync socket.
#include "isl_launch.h"

#include "isl_child.h"
#include "isl_namespace.h"
#include "isl_refused.h"
#include "isl_startup.h"
#include "isl_stub.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ULL
#endif
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ULL
#endif

/// A vector of execve(2), pointing into the plan's arena, behind `room` free pointers; freed by the caller.
static char **vector(const char *arena, uint32_t offset, uint32_t count, size_t room) {
  char **items = calloc(room + count + 1, sizeof *items);
  const uint32_t *offsets = (const uint32_t *)(const void *)(arena + offset);
  for (uint32_t i = 0; items && i < count; i++) items[room + i] = (char *)(uintptr_t)(arena + offsets[i]);
  return items;
}

static long clone_child(const struct isl_plan_header *plan, struct isl_child *child, int *pidfd, int *in_cgroup) {
  // Namespaces to be entered come first: a first child enters them and makes the new ones for its sibling.
  uint64_t flags = plan->namespaces[0] < 0 && plan->held_user < 0 ? plan->clone_flags : 0;
  struct clone_args args = {
      .flags = flags | CLONE_PIDFD | CLONE_CLEAR_SIGHAND, .pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = SIGCHLD};
  if (plan->cgroup_fd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (uint64_t)plan->cgroup_fd;
  }
  *in_cgroup = plan->cgroup_fd >= 0;
  // No handler of the calling process may run in the child: the kernel removes them as it makes it (Linux 5.5).
  child->handlers_are_default = 1;
  long pid = -1;
  if (isl_may_share_memory(child)) {
    pid = isl_clone_sharing(&args, child);
    child->shares_memory = pid >= 0;
    if (pid >= 0) return pid;
  }
  pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid >= 0) return pid;
  int error = errno;
  if (error != EINVAL && error != E2BIG && !isl_is_refused(ISL_CALL_CLONE3, error)) {
    errno = error;
    return -1;
  }
  // Docker's filter answers ENOSYS to clone3 so that callers fall back to clone, which it can read; older ones EPERM.
  *in_cgroup = child->handlers_are_default = 0;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid = syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, 0, pidfd, 0, 0);
  if (pid == 0) return 0;
  error = errno;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return pid;
}

static int move_to_cgroup(const struct isl_plan_header *plan) {
  int fd = openat(plan->cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  // Done by the child itself before anything else: "0" is the writer (cgroups(7)).
  int r = write(fd, "0", 1) == 1 ? 0 : -errno;
  close(fd);
  return r;
}

static void close_received(struct isl_launch_result *result) {
  for (int i = 0; i < result->received_count; i++) isl_give_up_descriptor(result->received_fd[i]);
  result->received_count = 0;
}

/// Kills and reaps the child after a failure, so that nothing is left.
static void abandon(struct isl_launch_result *result) {
  struct isl_exit end;
  if (result->pidfd >= 0) {
    isl_signal_child(result->pidfd, result->pid, SIGKILL);
    isl_wait(result->pidfd, 1, &end);
    close(result->pidfd);
  }
  if (result->sync >= 0) close(result->sync);
  if (result->user_namespace >= 0) close(result->user_namespace);
  if (result->network_namespace >= 0) close(result->network_namespace);
  close_received(result);
  result->pidfd = result->sync = result->user_namespace = result->network_namespace = -1;
  result->pid = 0;
}

static int failed(struct isl_launch_result *result, int stage, int error) {
  if (result->stage == ISL_STAGE_NONE) {
    result->stage = stage;
    result->error = error;
  }
  abandon(result);
  return -result->error;
}

/// Opens a gate; with the first comes the stub. Where none can be made the child finds that out too.
static int go_on(struct isl_launch_result *result) {
  struct isl_message go = {.type = ISL_MESSAGE_GO, .index = result->pid};
  int stub = result->has_stub ? -1 : isl_stub_make();
  int r = isl_send(result->sync, &go, stub);
  if (stub >= 0) close(stub);
  result->has_stub = 1;
  return r;
}

/// Reads words until the child is ready (1) or has executed (0); -errno on failure.
static int converse(
    struct isl_launch_result *result, int (*map_helper)(pid_t, void *), void *context) {
  for (;;) {
    struct isl_message message;
    int fd, r = isl_receive(result->sync, &message, &fd);
    if (r == 0) return 0;
    if (r < 0) return failed(result, ISL_STAGE_LOST, -r);
    switch (message.type) {
    case ISL_MESSAGE_DESCRIPTOR:
      if (fd < 0 || result->received_count == ISL_MAX_RECEIVED) {
        if (fd >= 0) close(fd);
        return failed(result, ISL_STAGE_LOST, EPROTO);
      }
      result->received_tag[result->received_count] = message.index;
      result->received_fd[result->received_count++] = fd;
      continue;
    case ISL_MESSAGE_JOINED: {
      // The process we cloned has ended; its sibling is the container's, and our child all the same. Said once: what
      // runs in the container's place later has the socket until its execve(2).
      if (result->has_joined++) {
        if (fd >= 0) close(fd);
        return failed(result, ISL_STAGE_LOST, EPROTO);
      }
      struct isl_exit end;
      (void)isl_wait(result->pidfd, 1, &end);
      close(result->pidfd);
      result->pid = message.index;
      result->pidfd = fd;
      if (fd < 0) return failed(result, ISL_STAGE_LOST, EPROTO);
      continue;
    }
    case ISL_MESSAGE_SOFT:
      result->soft_failures++;
      if (message.kind >= 0 && message.kind < 64) result->refused_steps |= 1ULL << message.kind;
      continue;
    case ISL_MESSAGE_NAMESPACE: {
      // Said once, as above.
      int *own = message.index == CLONE_NEWUSER ? &result->user_namespace : &result->network_namespace;
      if (fd < 0 || *own >= 0) {
        if (fd >= 0) close(fd);
        return failed(result, ISL_STAGE_LOST, EPROTO);
      }
      *own = fd;
      continue;
    }
    case ISL_MESSAGE_BORROWED: result->borrowed++; continue;
    case ISL_MESSAGE_READY: return 1;
    case ISL_MESSAGE_MAPS: {
      r = map_helper ? map_helper(result->pid, context) : -EINVAL;
      if (r < 0) return failed(result, ISL_STAGE_MAPS, -r);
      struct isl_message go = {.type = ISL_MESSAGE_GO, .index = result->pid};
      r = isl_send(result->sync, &go, -1);
      if (r < 0) return failed(result, ISL_STAGE_LOST, -r);
      continue;
    }
    case ISL_MESSAGE_FAILED:
      result->stage = message.step >= 0                      ? ISL_STAGE_STEP
                      : message.kind == ISL_FAILED_NAMESPACE ? ISL_STAGE_NAMESPACE
                      : message.kind == ISL_FAILED_LABEL     ? ISL_STAGE_LABEL
                      : message.kind == ISL_FAILED_CGROUP    ? ISL_STAGE_CGROUP
                      : message.kind == ISL_FAILED_JOIN      ? ISL_STAGE_JOIN
                                                             : ISL_STAGE_MAPS;
      // The stub knows no numbers; what it does is the last step.
      result->step = message.step == ISL_STUB_STEP ? result->last_step : message.step;
      result->kind = message.step == ISL_STUB_STEP ? ISL_STEP_EXEC : message.kind;
      result->index = message.index;
      result->error = message.error;
      return failed(result, result->stage, message.error);
    default:
      if (fd >= 0) close(fd);
      return failed(result, ISL_STAGE_LOST, EPROTO);
    }
  }
}

/// The end of the conversation without a word is success only when the payload was executed: a child
/// that died instead has already been turned into a zombie.
static int executed(struct isl_launch_result *result) {
  close(result->sync);
  result->sync = -1;
  return 0;
}

/// Opened while the child waits at its gate: later it may not be looked into (prctl(2),
/// PR_SET_DUMPABLE), neither by the payload nor by a caller without privileges.
static int open_namespace(const struct isl_launch_result *result, const char *name) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s", result->pid, name);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  return fd < 0 ? -errno : fd;
}

static int open_namespaces(struct isl_launch_result *result, uint64_t flags) {
  // Those that the child has sent are there.
  if (flags & CLONE_NEWUSER && result->user_namespace < 0) result->user_namespace = open_namespace(result, "user");
  if (result->network_namespace < 0) result->network_namespace = open_namespace(result, "net");
  int error = flags & CLONE_NEWUSER && result->user_namespace < 0 ? result->user_namespace : 0;
  if (result->network_namespace < 0) error = result->network_namespace;
  return error < 0 ? failed(result, ISL_STAGE_LOST, -error) : 0;
}

static int start_child(const struct isl_plan_header *plan, struct isl_child *child, int sync[2], long *pid,
                       int *pidfd) {
  int in_cgroup = 0;
  child->ignored = isl_ignored_signals(&child->has_usual_umask);
  if (child->ignored >> (SIGCHLD - 1) & 1) isl_keep_children();
  child->sync = sync[1];
  child->sends_namespaces = plan->flags & ISL_PLAN_OPEN_NAMESPACES && plan->join_pidfd < 0 &&
                            isl_callers_user() == 0 && !isl_may_trace();
  *pid = clone_child(plan, child, pidfd, &in_cgroup);
  int error = errno;
  if (*pid == 0) {
    int moved = plan->cgroup_fd >= 0 && !in_cgroup ? move_to_cgroup(plan) : 0;
    if (moved < 0) {
      struct isl_message message = {
          .type = ISL_MESSAGE_FAILED, .step = -1, .kind = ISL_FAILED_CGROUP, .error = -moved};
      (void)isl_send(child->sync, &message, -1);
      _exit(127);
    }
    isl_child_main(child);
  }
  return *pid < 0 ? -error : 0;
}

/// What follows the clone.
static int accompany(
    const struct isl_plan_header *plan, const struct isl_launch_calls *calls, void *context,
    struct isl_launch_result *result) {
  // The caller writes down what there is while the child sets itself up.
  int r = calls->begun ? calls->begun(result->pid, result->pidfd, context) : 0;
  if (r < 0) return failed(result, ISL_STAGE_CALLER, -r);
  if (plan->flags & ISL_PLAN_OPENS_GATE_EARLY) {
    r = calls->open_gate ? calls->open_gate(result->sync, result->pid, context)
                         : isl_launch_open_gate(result->sync, result->pid, NULL, 0, 0);
    if (r < 0) return failed(result, r == -ECANCELED ? ISL_STAGE_CALLER : ISL_STAGE_LOST, -r);
  }
  r = converse(result, calls->write_maps, context);
  if (r <= 0) return r < 0 ? r : executed(result);
  if (!(plan->flags & ISL_PLAN_OPEN_NAMESPACES)) return 0;
  // A process that joins has the namespaces of the container's first one, which are open already.
  uint64_t made = plan->clone_flags | (plan->flags & ISL_PLAN_ENTERS_USER ? CLONE_NEWUSER : 0);
  return plan->join_pidfd >= 0 ? 0 : open_namespaces(result, made);
}

int isl_launch(
    const void *buffer, uint32_t size, const struct isl_launch_calls *calls, void *context,
    struct isl_launch_result *result) {
  *result = (struct isl_launch_result){
      .step = -1, .pidfd = -1, .sync = -1, .user_namespace = -1, .network_namespace = -1};
  int r = isl_plan_check(buffer, size);
  if (r < 0) return failed(result, ISL_STAGE_PLAN, -r);
  const struct isl_plan_header *plan = buffer;
  result->last_step = (int32_t)plan->step_count - 1;
  const char *arena = (const char *)buffer + plan->arena_offset;
  size_t room = plan->paths_count + ISL_STUB_SLOTS;
  char **argv = vector(arena, plan->argv, plan->argv_count, room);
  struct isl_child child = {
      .plan = plan, .steps = (const struct isl_step *)(const void *)((const char *)buffer + plan->step_offset),
      .arena = arena, .argv = argv ? argv + room : NULL,
      .envp = vector(arena, plan->envp, plan->envp_count, 0), .sync = -1, .start_pipe = -1, .join = -1, .seccomp_socket = -1, .held_user = -1, .stub = -1, .root = -1, .null_device = -1,
      .null_mount = -1, .null_mask = -1, .proc = -1, .proc_copy = -1, .fresh = -1, .ruleset = -1, .lifeline = -1};
  for (uint32_t i = 0; i < plan->step_count; i++)
    if (child.steps[i].kind == ISL_STEP_INIT || child.steps[i].kind == ISL_STEP_KEEP || child.steps[i].kind == ISL_STEP_ADOPT) isl_find_own_arguments(&child);
  int sync[2] = {-1, -1};
  long pid = -1;
  int pidfd = -1;
  if (!child.argv || !child.envp) r = -ENOMEM;
  // Where nothing else is executed meanwhile, the child need not see to it that its end is there after its first
  // execve(2). Its other end would be taken for a descriptor that the payload is to get.
  child.sync_survives = plan->flags & ISL_PLAN_SHARES_MEMORY && plan->flags & ISL_PLAN_OPENS_GATE_EARLY && plan->join_pidfd < 0 && !plan->preserved;
  int type = SOCK_SEQPACKET | (child.sync_survives ? 0 : SOCK_CLOEXEC);
  if (r == 0 && socketpair(AF_UNIX, type, 0, sync) < 0) r = -errno;
  if (r == 0) r = start_child(plan, &child, sync, &pid, &pidfd);
  if (sync[1] >= 0) close(sync[1]);
  if (r == 0) {
    result->pid = (int32_t)pid;
    result->pidfd = pidfd;
    result->sync = sync[0];
    // A child that shares our memory uses it until this has come back.
    r = accompany(plan, calls, context, result);
    if (child.shares_memory) isl_sharing_ended();
  } else {
    if (sync[0] >= 0) close(sync[0]);
    r = failed(result, ISL_STAGE_CLONE, -r);
  }
  free(argv);
  free((void *)(uintptr_t)child.envp);
  return r;
}

int isl_launch_open_gate(int sync, pid_t pid, const void *filter, uint32_t count, uint32_t flags) {
  struct isl_message go = {
      .type = ISL_MESSAGE_GO, .index = pid, .step = (int32_t)count, .kind = (int32_t)flags};
  struct iovec parts[] = {{&go, sizeof go}, {(void *)(uintptr_t)filter, count * sizeof(struct sock_filter)}};
  if (count > BPF_MAXINSNS) return -E2BIG;
  int stub = isl_stub_make();
  int r = isl_send_parts(sync, parts, count > 0 ? 2 : 1, &stub, stub >= 0);
  if (stub >= 0) close(stub);
  return r == -EPIPE ? 0 : r;
}

int isl_launch_proceed(struct isl_launch_result *result) {
  int r = go_on(result);
  if (r < 0) return failed(result, ISL_STAGE_LOST, -r);
  r = converse(result, NULL, NULL);
  if (r < 0) return r;
  return r == 1 ? 0 : failed(result, ISL_STAGE_LOST, EPROTO);
}

int isl_launch_release(struct isl_launch_result *result) {
  if (result->sync < 0) return 0;
  int r = go_on(result);
  if (r < 0) return failed(result, ISL_STAGE_LOST, -r);
  r = converse(result, NULL, NULL);
  return r < 0 ? r : executed(result);
}

int isl_launch_adopt(struct isl_launch_result *result, const void *plan, uint32_t size, const int32_t streams[3]) {
  int fds[ISL_MAX_CARRIED] = {isl_memfd("isolate plan")};
  size_t count = 1;
  struct isl_message message = {.type = ISL_MESSAGE_PLAN, .index = (int32_t)size};
  int r = fds[0] < 0 ? fds[0] : isl_plan_check(plan, size);
  if (r == 0) {
    ssize_t n = write(fds[0], plan, size);
    r = n < 0 ? -errno : n == (ssize_t)size ? 0 : -EIO;
  }
  for (int i = 0; i < 3; i++) {
    if (streams[i] < 0) continue;
    message.kind |= 1 << i;
    fds[count++] = streams[i];
  }
  int stub = isl_stub_make();
  if (stub >= 0) {
    message.kind |= 1 << 3;
    fds[count++] = stub;
  }
  struct iovec data = {&message, sizeof message};
  if (r == 0) r = isl_send_parts(result->sync, &data, 1, fds, count);
  if (fds[0] >= 0) close(fds[0]);
  if (stub >= 0) close(stub);
  if (r < 0) return failed(result, r == -EPIPE ? ISL_STAGE_LOST : ISL_STAGE_PLAN, -r);
  result->last_step = (int32_t)((const struct isl_plan_header *)plan)->step_count - 1;
  r = converse(result, NULL, NULL);
  return r < 0 ? r : executed(result);
}

void isl_launch_abandon(struct isl_launch_result *result) { abandon(result); }

int isl_launch_detach(struct isl_launch_result *result) {
  if (result->sync < 0) return 0;
  int r = go_on(result);
  if (r < 0) return failed(result, ISL_STAGE_LOST, -r);
  return executed(result);
}
