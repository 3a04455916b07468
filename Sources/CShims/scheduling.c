// How the payload's process is scheduled and where its memory comes from.
#include "isl_child.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int isl_step_io_priority(const struct isl_step *step) {
  return syscall(SYS_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, (int)step->v) < 0 ? -errno : 0;
}

/// struct sched_attr of sched_setattr(2), as its first version has it.
struct scheduling {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

int isl_step_scheduler(const struct isl_child *child, const struct isl_step *step) {
  const uint64_t *words = (const uint64_t *)(const void *)(child->arena + step->a);
  struct scheduling attributes = {
      .size = sizeof attributes, .policy = (uint32_t)words[0], .flags = words[1], .nice = (int32_t)(uint32_t)words[2],
      .priority = (uint32_t)words[3], .runtime = words[4], .deadline = words[5], .period = words[6]};
  return syscall(SYS_sched_setattr, 0, &attributes, 0) < 0 ? -errno : 0;
}

int isl_run_soon(void) {
  struct scheduling attributes = {0};
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) < 0) return -errno;
  if (attributes.policy != 0 /* SCHED_OTHER */) return 0;
  attributes.size = sizeof attributes;
  attributes.runtime = 100000; // the shortest
  return syscall(SYS_sched_setattr, 0, &attributes, 0) < 0 ? -errno : 0;
}

int isl_step_affinity(const struct isl_child *child, const struct isl_step *step) {
  // The raw call: it takes a set of any size.
  return syscall(SYS_sched_setaffinity, 0, (size_t)step->b * 8, child->arena + step->a) < 0 ? -errno : 0;
}

int isl_step_memory_policy(const struct isl_child *child, const struct isl_step *step) {
  // set_mempolicy(2): one more than the number of bits, and no mask at all for those who name no node.
  const void *nodes = step->b ? child->arena + step->a : NULL;
  unsigned long bits = step->b ? (unsigned long)step->b * 64 + 1 : 0;
  return syscall(SYS_set_mempolicy, (int)step->v, nodes, bits) < 0 ? -errno : 0;
}
