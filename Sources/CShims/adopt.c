// The last step of a container that was prepared before anybody asked for it: the rest of the plan comes with the
// request.
#include "isl_child.h"
#include "isl_stub.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

/// A vector of execve(2), pointing into a plan's arena, behind `room` free pointers. Never freed: execve(2) does.
static char *const *vector(const char *arena, uint32_t offset, uint32_t count, size_t room) {
  size_t size = (room + count + 1) * sizeof(char *);
  char **items = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (items == MAP_FAILED) return NULL;
  const uint32_t *offsets = (const uint32_t *)(const void *)(arena + offset);
  for (uint32_t i = 0; i < count; i++) items[room + i] = (char *)(uintptr_t)(arena + offsets[i]);
  return items + room;
}

/// Lets the plan in `memory` take the place of the one that made the container.
static int adopt(struct isl_child *child, int memory, uint32_t size) {
  // Checked before it is mapped as large as it says it is.
  if (size == 0 || size > ISL_PLAN_MAX_BYTES || lseek(memory, 0, SEEK_END) != (off_t)size) return -EPROTO;
  const struct isl_plan_header *plan = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, memory, 0);
  if (plan == MAP_FAILED) return -errno;
  if (isl_plan_check(plan, size) < 0) return -EPROTO;
  const struct isl_step *steps = (const struct isl_step *)(const void *)((const char *)plan + plan->step_offset);
  if (steps[plan->step_count - 1].kind != ISL_STEP_EXEC) return -EPROTO;
  const char *arena = (const char *)plan + plan->arena_offset;
  char *const *argv = vector(arena, plan->argv, plan->argv_count, plan->paths_count + ISL_STUB_SLOTS);
  char *const *envp = vector(arena, plan->envp, plan->envp_count, 0);
  if (!argv || !envp) return -ENOMEM;
  child->plan = plan;
  child->steps = steps;
  child->arena = arena;
  child->argv = argv;
  child->envp = envp;
  return 0;
}

int isl_step_adopt(struct isl_child *child) {
  struct isl_message message = {.type = ISL_MESSAGE_READY};
  int fds[ISL_MAX_CARRIED], count, streams[3], next = 1, r = isl_send(child->sync, &message, -1);
  if (r < 0) return r;
  r = isl_receive_descriptors(child->sync, &message, fds, &count);
  if (r == 0) _exit(127); // whoever prepared us is gone: so are we
  if (r < 0) return r;
  for (int i = 0; i < 3; i++) streams[i] = message.kind >> i & 1 && next < count ? fds[next++] : -1;
  int stub = message.kind >> 3 & 1 && next < count ? fds[--count] : -1;
  if (message.type != ISL_MESSAGE_PLAN || next != count) return -EPROTO;
  isl_take_stub(child, stub);
  r = adopt(child, fds[0], (uint32_t)message.index);
  if (r == 0) r = isl_take_streams(streams);
  // Those that came where standard streams belong have been replaced, or go at execve(2).
  while (count-- > 0)
    if (fds[count] > 2) close(fds[count]);
  return r;
}
