#include "isl_plan.h"

#include <errno.h>
#include <linux/filter.h>

static int string_ok(const struct isl_plan_header *plan, uint32_t offset) {
  return offset < plan->arena_size; // the arena's last byte is NUL, so every string ends inside it
}

static int array_ok(const struct isl_plan_header *plan, uint32_t offset, uint64_t count, uint32_t size) {
  return offset % (size > 8 ? 8 : size) == 0 && offset <= plan->arena_size &&
         count <= (plan->arena_size - offset) / size;
}

static int strings_ok(const struct isl_plan_header *plan, const char *arena, uint32_t offset, uint32_t count) {
  if (!array_ok(plan, offset, count, sizeof(uint32_t))) return 0;
  const uint32_t *items = (const uint32_t *)(const void *)(arena + offset);
  for (uint32_t i = 0; i < count; i++)
    if (!string_ok(plan, items[i])) return 0;
  return 1;
}

static int step_ok(const struct isl_plan_header *plan, const char *arena, const struct isl_step *step) {
  if (step->kind == ISL_STEP_NONE || step->kind >= ISL_STEP_COUNT) return 0;
  switch (step->kind) {
  case ISL_STEP_USER: return array_ok(plan, step->a, step->b, sizeof(uint32_t));
  case ISL_STEP_CAPABILITIES: return array_ok(plan, step->a, 5, sizeof(uint64_t));
  case ISL_STEP_SECCOMP:
    if (step->flags & ISL_FLAG_LATE) return (plan->flags & ISL_PLAN_OPENS_GATE_EARLY) != 0;
    return step->b > 0 && step->b <= 65535 && step->a % 8 == 0 &&
           array_ok(plan, step->a, step->b, sizeof(struct sock_filter));
  case ISL_STEP_HOOK:
    return string_ok(plan, step->a) && strings_ok(plan, arena, step->b, step->c) &&
           strings_ok(plan, arena, step->d, (uint32_t)step->v) && string_ok(plan, (uint32_t)step->w);
  case ISL_STEP_NODE: return string_ok(plan, step->a) && step->d <= ISL_MAX_MOUNTS;
  case ISL_STEP_BIND: return string_ok(plan, step->a) && string_ok(plan, step->c) && step->d <= ISL_MAX_MOUNTS;
  case ISL_STEP_HOME: return plan->envp_count > 0;
  case ISL_STEP_SCHEDULER: return array_ok(plan, step->a, 7, sizeof(uint64_t));
  case ISL_STEP_AFFINITY:
  case ISL_STEP_MEMORY_POLICY: return array_ok(plan, step->a, step->b, sizeof(uint64_t));
  default:
    return string_ok(plan, step->a) && string_ok(plan, step->b) && string_ok(plan, step->c) &&
           string_ok(plan, step->d);
  }
}

int isl_plan_check(const void *buffer, uint32_t size) {
  const struct isl_plan_header *plan = buffer;
  if (size < sizeof *plan || size > ISL_PLAN_MAX_BYTES) return -EINVAL;
  if (plan->magic != ISL_PLAN_MAGIC || plan->size != size) return -EINVAL;
  if (plan->step_offset != sizeof *plan || plan->step_count == 0 || plan->step_count > 65536) return -EINVAL;
  uint64_t steps_end = plan->step_offset + (uint64_t)plan->step_count * sizeof(struct isl_step);
  if (steps_end != plan->arena_offset || plan->arena_offset % 8 != 0) return -EINVAL;
  if (plan->arena_size == 0 || (uint64_t)plan->arena_offset + plan->arena_size != size) return -EINVAL;
  const char *arena = (const char *)buffer + plan->arena_offset;
  if (arena[0] != 0 || arena[plan->arena_size - 1] != 0) return -EINVAL;
  if (plan->preserved > 65536 || !string_ok(plan, plan->seccomp_state)) return -EINVAL;
  if (!string_ok(plan, plan->label_file) || !string_ok(plan, plan->label)) return -EINVAL;
  if (!string_ok(plan, plan->uid_map) || !string_ok(plan, plan->gid_map)) return -EINVAL;
  if (plan->argv_count == 0 || !strings_ok(plan, arena, plan->argv, plan->argv_count)) return -EINVAL;
  if (!strings_ok(plan, arena, plan->envp, plan->envp_count)) return -EINVAL;
  if (plan->paths_count == 0 || !strings_ok(plan, arena, plan->paths, plan->paths_count)) return -EINVAL;
  const struct isl_step *steps = (const struct isl_step *)(const void *)((const char *)buffer + plan->step_offset);
  for (uint32_t i = 0; i < plan->step_count; i++) {
    if (!step_ok(plan, arena, &steps[i])) return -EINVAL;
    // What comes behind one of these would not be run.
    int is_last = steps[i].kind == ISL_STEP_EXEC || steps[i].kind == ISL_STEP_ADOPT;
    if (is_last != (i + 1 == plan->step_count)) return -EINVAL;
  }
  return 0;
}
