// Which descriptors the child has: at first those of its caller, in the end only what the payload gets.
#include "isl_child.h"
#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

int isl_take_streams(const int streams[3]) {
  // First above 2, so that a caller's fd 0 to 2 named for another place is not overwritten.
  int moved[3];
  for (int i = 0; i < 3; i++) {
    moved[i] = streams[i] < 0 ? -1 : fcntl(streams[i], F_DUPFD_CLOEXEC, 3);
    if (streams[i] >= 0 && moved[i] < 0) return -errno;
  }
  for (int i = 0; i < 3; i++) {
    if (moved[i] < 0) continue;
    if (dup2(moved[i], i) < 0) return -errno;
    close(moved[i]);
  }
  return 0;
}

static void close_all_between(int first, int last) {
  if (first <= last) (void)isl_close_range((unsigned)first, (unsigned)last, 0);
}

/// A descriptor of the plan, moved out of the way of those that the payload gets.
static int above_payloads(const struct isl_child *child, int fd) {
  int first = 3 + (int)child->plan->preserved;
  return fd >= 0 && fd < first ? fcntl(fd, F_DUPFD_CLOEXEC, first) : fd;
}

void isl_take_stub(struct isl_child *child, int fd) {
  if (fd < 0) return;
  int moved = child->stub < 0 ? above_payloads(child, fd) : -1;
  if (moved != fd) close(fd);
  if (moved >= 0) child->stub = moved;
}

void isl_close_others(struct isl_child *child) {
  int kept[7 + ISL_MAX_NAMESPACES + ISL_MAX_MOUNTS] = {child->sync,           child->start_pipe, child->join,
                                                       child->seccomp_socket, child->held_user,  child->stub, child->lifeline};
  int count = 7;
  for (int i = 0; i < ISL_MAX_NAMESPACES; i++)
    if (child->namespaces[i] >= 0) kept[count++] = child->namespaces[i];
  for (int i = 0; i < child->mount_count; i++) kept[count++] = child->mounts[i];
  // In ascending order, so that the gaps between them can be closed.
  for (int i = 0; i < count; i++)
    for (int j = i + 1; j < count; j++)
      if (kept[j] < kept[i]) {
        int lower = kept[j];
        kept[j] = kept[i];
        kept[i] = lower;
      }
  int next = 3 + (int)child->plan->preserved;
  for (int i = 0; i < count; i++) {
    if (kept[i] < next) continue;
    close_all_between(next, kept[i] - 1);
    next = kept[i] + 1;
  }
  close_all_between(next, INT_MAX);
  child->root = child->null_device = child->null_mount = child->null_mask = child->proc = child->proc_copy = child->fresh = -1;
  child->mask_name = NULL;
}

/// A number that the payload is to get and that the caller has not opened is taken until execve(2): nothing of ours is
/// ever there, as what is opened on the way would be (CVE-2024-21626).
static int take_unopened(const struct isl_child *child) {
  int first = 3 + (int)child->plan->preserved, nothing = -1, r = 0;
  for (int fd = 3; fd < first && r == 0; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC)) continue;
    if (nothing < 0) {
      int opened = open("/dev/null", O_PATH | O_CLOEXEC);
      nothing = above_payloads(child, opened);
      if (nothing < 0) r = -errno;
      if (opened >= 0 && opened != nothing) close(opened);
    }
    if (r == 0 && dup3(nothing, fd, O_CLOEXEC) < 0) r = -errno;
  }
  if (nothing >= 0) close(nothing);
  return r;
}

/// Closes what the caller had open but for 0, 1, 2 and our socket. A path such as /proc/self/fd/7 must
/// not lead to the host's files (CVE-2024-21626), neither as working directory nor as program; and a
/// copy of another launch's socket would hide the caller's death from that launch's child.
int isl_keep_own_descriptors(struct isl_child *child) {
  // Where standard streams belong, when the caller runs without them.
  int moved = above_payloads(child, child->sync);
  if (moved < 0) return -errno;
  if (moved != child->sync) {
    close(child->sync);
    child->sync_survives = 0;
  }
  child->sync = moved;
  child->start_pipe = above_payloads(child, child->plan->start_pipe);
  child->join = above_payloads(child, child->plan->join_pidfd);
  child->seccomp_socket = above_payloads(child, child->plan->seccomp_socket);
  child->held_user = above_payloads(child, child->plan->held_user);
  child->lifeline = above_payloads(child, child->plan->lifeline);
  for (int i = 0; i < ISL_MAX_NAMESPACES; i++) child->namespaces[i] = above_payloads(child, child->plan->namespaces[i]);
  for (int *count = &child->mount_count; *count < ISL_MAX_MOUNTS && child->plan->mounts[*count] >= 0; ++*count)
    child->mounts[*count] = above_payloads(child, child->plan->mounts[*count]);
  int r = isl_take_streams(child->plan->stdio);
  if (r == 0) r = take_unopened(child);
  // The change of the root closes the rest; hooks come before it, and so does a full table of descriptors.
  if (child->plan->flags & (ISL_PLAN_HAS_EARLY_HOOKS | ISL_PLAN_IN_PLACE) || child->sync > ISL_MANY_DESCRIPTORS || child->join >= 0) isl_close_others(child);
  return r;
}
