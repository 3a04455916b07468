// A child that shares the caller's memory until its execve(2), as one of vfork(2) does, while the caller goes on. A
// copy of the caller's page tables, the pages that both then write, and the end of that copy are a tenth of a start.
//
// The two must not share what a thread has of its own: the child has a stack of its own, and a copy of the thread's
// storage (errno, the stack protector's word), which has to be found without help of the C library. So it is for
// static programs on x86-64; others get a copy of the memory, as does who makes two containers at once.
#include "isl_child.h"

#include <elf.h>
#include <errno.h>
#include <linux/sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#if defined(__x86_64__) && defined(__GLIBC__)

#define STACK_BYTES (256 * 1024)
#define STORAGE_BYTES (16 * 1024)
// More than glibc's struct pthread, which begins at the thread pointer; memory from malloc(3) follows there.
#define THREAD_BYTES 4096

static _Alignas(4096) char stack[STACK_BYTES];
static _Alignas(4096) char storage[STORAGE_BYTES + THREAD_BYTES];
static atomic_flag is_used = ATOMIC_FLAG_INIT;

/// The size of the thread-local variables, which end at the thread pointer (ELF Handling For Thread-Local Storage,
/// "variant II"); -1 where the program is not static, so that there are others.
static long storage_size(void) {
  const Elf64_Phdr *headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
  unsigned long count = getauxval(AT_PHNUM);
  long size = 0;
  for (unsigned long i = 0; headers && i < count; i++) {
    if (headers[i].p_type == PT_INTERP) return -1;
    if (headers[i].p_type != PT_TLS) continue;
    unsigned long align = headers[i].p_align ? headers[i].p_align : 1;
    size = (long)((headers[i].p_memsz + align - 1) / align * align);
  }
  return headers && size <= STORAGE_BYTES ? size : -1;
}

/// A copy of the calling thread's storage: the new thread pointer, or NULL.
static void *copy_storage(void) {
  long size = storage_size();
  if (size < 0) return NULL;
  char *pointer;
  __asm__("mov %%fs:0, %0" : "=r"(pointer));
  char *copy = storage + STORAGE_BYTES;
  memcpy(copy - size, pointer - size, (size_t)size + THREAD_BYTES);
  // Both point to where they are themselves: what %fs:0 is read for, and glibc's pthread_self(3).
  ((void **)(void *)copy)[0] = copy;
  ((void **)(void *)copy)[2] = copy;
  return copy;
}

/// What a step might do that is not for shared memory: a program of its own forked, the score of whoever shares
/// memory set (OOM_SCORE), single threads asked for (TIME_NAMESPACE), much of the stack used.
static int step_may_share(const struct isl_step *step) {
  switch ((enum isl_step_kind)step->kind) {
  case ISL_STEP_PROPAGATION:
  case ISL_STEP_ROOT:
  case ISL_STEP_BIND:
  case ISL_STEP_DIRECTORY:
  case ISL_STEP_SYMLINK:
  case ISL_STEP_DEVICE:
  case ISL_STEP_DEVICE_ATTRIBUTES:
  case ISL_STEP_MASK:
  case ISL_STEP_READONLY:
  case ISL_STEP_PIVOT:
  case ISL_STEP_ROOT_PROPAGATION:
  case ISL_STEP_ROOT_READONLY:
  case ISL_STEP_LOOPBACK:
  case ISL_STEP_SYSCTL:
  case ISL_STEP_HOSTNAME:
  case ISL_STEP_DOMAINNAME:
  case ISL_STEP_SESSION_KEYRING:
  case ISL_STEP_RLIMIT:
  case ISL_STEP_GATE:
  case ISL_STEP_USER:
  case ISL_STEP_CAPABILITIES:
  case ISL_STEP_NO_NEW_PRIVILEGES:
  case ISL_STEP_UMASK:
  case ISL_STEP_WORKING_DIRECTORY:
  case ISL_STEP_HOME:
  case ISL_STEP_SECCOMP:
  case ISL_STEP_EXEC: return 1;
  case ISL_STEP_MOUNT: return !(step->flags & ISL_FLAG_COPY_UP);
  default: return 0;
  }
}

int isl_may_share_memory(const struct isl_child *child) {
  const struct isl_plan_header *plan = child->plan;
  if (!(plan->flags & ISL_PLAN_SHARES_MEMORY)) return 0;
  // One that joins only enters namespaces and makes its sibling, which has a copy; the caller waits for its end. A time
  // namespace takes nobody who shares memory (setns(2)).
  if (plan->join_pidfd >= 0) return !(plan->join_flags & 0x80 /* CLONE_NEWTIME */);
  if (!(plan->flags & ISL_PLAN_OPENS_GATE_EARLY)) return 0;
  if (plan->namespaces[0] >= 0 || plan->held_user >= 0) return 0;
  for (uint32_t i = 0; i < plan->step_count; i++)
    if (!step_may_share(&child->steps[i])) return 0;
  return 1;
}

long isl_clone_sharing(const struct clone_args *given, struct isl_child *child) {
  if (atomic_flag_test_and_set(&is_used)) {
    errno = EBUSY;
    return -1;
  }
  void *thread = copy_storage();
  struct clone_args args = *given;
  args.flags |= CLONE_VM | CLONE_SETTLS;
  args.stack = (uint64_t)(uintptr_t)stack;
  args.stack_size = sizeof stack;
  args.tls = (uint64_t)(uintptr_t)thread;
  long pid = thread ? SYS_clone3 : -ENOSYS;
  // In the child the stack is empty: it must not return to where the caller was.
  if (thread)
    __asm__ volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %[child], %%rdi\n\t"
        "call *%[start]\n\t"
        "ud2\n"
        "1:"
        : "+a"(pid)
        : "D"(&args), "S"(sizeof args), [child] "r"(child), [start] "r"(isl_child_main)
        : "rcx", "r11", "memory", "cc");
  if (pid >= 0) return pid;
  isl_sharing_ended();
  errno = (int)-pid;
  return -1;
}

void isl_sharing_ended(void) { atomic_flag_clear(&is_used); }

#else

int isl_may_share_memory(const struct isl_child *child) {
  (void)child;
  return 0;
}

long isl_clone_sharing(const struct clone_args *given, struct isl_child *child) {
  (void)given, (void)child;
  errno = ENOSYS;
  return -1;
}

void isl_sharing_ended(void) {}

#endif
