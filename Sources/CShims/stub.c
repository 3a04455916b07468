// The program by which a container's process becomes its payload.
//
// Until execve(2) a process of ours runs the runtime's own program, and the path of a payload can be exchanged
// between any look at it and the execution: for a link to /proc/self/exe, or a script that has it as its interpreter.
// The payload would then be the runtime, whose file on the host anybody in the container could open by /proc/PID/exe
// (CVE-2019-5736). So the process executes this first, which is all of it in one page of a sealed memfd
// (memfd_create(2), F_SEAL_WRITE): nobody can write it, and by then it is what /proc/self/exe leads to.
//
//   the ELF header | two program headers | the code below
//
// The stub gets argv = "\1REPORT,COUNT", COUNT paths, the payload's own arguments; "\2" where it is to hide.
#include "isl_stub.h"

#include "isl_child.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U
#endif

_Static_assert(sizeof(struct isl_message) == 20 && offsetof(struct isl_message, error) == 16, "as the stub writes it");
_Static_assert(ISL_MESSAGE_FAILED == 7 && PR_SET_DUMPABLE == 4 && FD_CLOEXEC == 1 && F_SETFD == 2, "as the stub has them");

// What both do: refuse to be anything but started by us; hide (PR_SET_DUMPABLE 0), so that nobody takes the socket;
// make REPORT close-on-exec, or close it; try the paths as execvp(3) does; say what failed; end.
#define REFUSAL "isolate: the program is, by way of /proc/self/exe, the container runtime itself: it is not run\\n"

#if defined(__x86_64__)
#define ISL_STUB_MACHINE EM_X86_64
#define ISL_STUB_ARCHITECTURE AUDIT_ARCH_X86_64
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "isl_stub_begin:\n"
    "  mov (%rsp), %rax\n" // argc
    "  lea 8(%rsp), %r13\n" // argv
    "  lea 16(%rsp,%rax,8), %r14\n" // envp
    "  mov (%r13), %rsi\n"
    "  test %rsi, %rsi\n"
    "  jz 8f\n"
    "  movzbl (%rsi), %edx\n" // 1, or 2: hidden
    "  dec %edx\n"
    "  cmp $1, %edx\n"
    "  ja 8f\n"
    "  xor %ebx, %ebx\n" // the number so far
    "  xor %r12d, %r12d\n" // REPORT
    "1: inc %rsi\n"
    "  movzbl (%rsi), %ecx\n"
    "  cmp $',', %ecx\n"
    "  jne 2f\n"
    "  mov %ebx, %r12d\n"
    "  xor %ebx, %ebx\n"
    "  jmp 1b\n"
    "2: sub $'0', %ecx\n"
    "  cmp $9, %ecx\n"
    "  ja 3f\n"
    "  imul $10, %ebx, %ebx\n"
    "  add %ecx, %ebx\n"
    "  jmp 1b\n"
    "3: add $8, %r13\n" // %ebx = COUNT, %r13 = the paths
    "  lea (%r13,%rbx,8), %rbp\n" // the payload's arguments
    "  test %edx, %edx\n"
    "  jz 6f\n"
    "  mov $4, %edi\n"
    "  xor %esi, %esi\n"
    "  mov $157, %eax\n" // prctl
    "  syscall\n"
    "6: mov %r12d, %edi\n"
    "  mov $2, %esi\n"
    "  mov $1, %edx\n"
    "  mov $72, %eax\n" // fcntl
    "  syscall\n"
    "  test %eax, %eax\n"
    "  jz 4f\n"
    "  mov %r12d, %edi\n"
    "  mov $3, %eax\n" // close
    "  syscall\n"
    "4: mov $2, %r15d\n" // ENOENT
    "5: test %ebx, %ebx\n"
    "  jz 7f\n"
    "  dec %ebx\n"
    "  mov (%r13), %rdi\n"
    "  add $8, %r13\n"
    "  mov %rbp, %rsi\n"
    "  mov %r14, %rdx\n"
    "  mov $59, %eax\n" // execve
    "  syscall\n"
    "  neg %eax\n"
    "  cmp $2, %eax\n"
    "  je 5b\n"
    "  cmp $20, %eax\n" // ENOTDIR
    "  je 5b\n"
    "  mov %eax, %r15d\n"
    "  cmp $13, %eax\n" // EACCES is remembered
    "  je 5b\n"
    "7: sub $32, %rsp\n"
    "  movl $7, (%rsp)\n"
    "  movl $0x7fffffff, 4(%rsp)\n"
    "  movl $0, 8(%rsp)\n"
    "  movl $0, 12(%rsp)\n"
    "  mov %r15d, 16(%rsp)\n"
    "  mov %r12d, %edi\n"
    "  mov %rsp, %rsi\n"
    "  mov $20, %edx\n"
    "  mov $1, %eax\n" // write
    "  syscall\n"
    "  mov $127, %edi\n"
    "  jmp 9f\n"
    "8: mov $2, %edi\n"
    "  lea 10f(%rip), %rsi\n"
    "  mov $11f - 10f, %edx\n"
    "  mov $1, %eax\n"
    "  syscall\n"
    "  mov $126, %edi\n"
    "9: mov $231, %eax\n" // exit_group
    "  syscall\n"
    "  hlt\n"
    "10: .ascii \"" REFUSAL "\"\n"
    "11:\n"
    "isl_stub_end:\n"
    ".popsection\n");
#elif defined(__aarch64__)
#define ISL_STUB_MACHINE EM_AARCH64
#define ISL_STUB_ARCHITECTURE AUDIT_ARCH_AARCH64
__asm__(
    ".pushsection .rodata\n"
    ".balign 16\n"
    "isl_stub_begin:\n"
    "  ldr x9, [sp]\n" // argc
    "  add x20, sp, #8\n" // argv
    "  add x21, x20, x9, lsl #3\n"
    "  add x21, x21, #8\n" // envp
    "  ldr x10, [x20]\n"
    "  cbz x10, 8f\n"
    "  ldrb w11, [x10]\n"
    "  sub w25, w11, #1\n" // 0, or 1: hidden
    "  cmp w25, #1\n"
    "  b.hi 8f\n"
    "  mov w22, #0\n" // the number so far
    "  mov w19, #0\n" // REPORT
    "  mov w12, #10\n"
    "1: ldrb w11, [x10, #1]!\n"
    "  cmp w11, #','\n"
    "  b.ne 2f\n"
    "  mov w19, w22\n"
    "  mov w22, #0\n"
    "  b 1b\n"
    "2: sub w11, w11, #'0'\n"
    "  cmp w11, #9\n"
    "  b.hi 3f\n"
    "  madd w22, w22, w12, w11\n"
    "  b 1b\n"
    "3: add x20, x20, #8\n" // w22 = COUNT, x20 = the paths
    "  add x23, x20, w22, uxtw #3\n" // the payload's arguments
    "  cbz w25, 6f\n"
    "  mov x0, #4\n"
    "  mov x1, #0\n"
    "  mov x8, #167\n" // prctl
    "  svc #0\n"
    "6: mov w0, w19\n"
    "  mov x1, #2\n"
    "  mov x2, #1\n"
    "  mov x8, #25\n" // fcntl
    "  svc #0\n"
    "  cbz w0, 4f\n"
    "  mov w0, w19\n"
    "  mov x8, #57\n" // close
    "  svc #0\n"
    "4: mov w24, #2\n" // ENOENT
    "5: cbz w22, 7f\n"
    "  sub w22, w22, #1\n"
    "  ldr x0, [x20], #8\n"
    "  mov x1, x23\n"
    "  mov x2, x21\n"
    "  mov x8, #221\n" // execve
    "  svc #0\n"
    "  neg w0, w0\n"
    "  cmp w0, #2\n"
    "  b.eq 5b\n"
    "  cmp w0, #20\n" // ENOTDIR
    "  b.eq 5b\n"
    "  mov w24, w0\n"
    "  cmp w0, #13\n" // EACCES is remembered
    "  b.eq 5b\n"
    "7: sub sp, sp, #32\n"
    "  mov w9, #7\n"
    "  mov w10, #0x7fffffff\n"
    "  stp w9, w10, [sp]\n"
    "  stp wzr, wzr, [sp, #8]\n"
    "  str w24, [sp, #16]\n"
    "  mov w0, w19\n"
    "  mov x1, sp\n"
    "  mov x2, #20\n"
    "  mov x8, #64\n" // write
    "  svc #0\n"
    "  mov x0, #127\n"
    "  b 9f\n"
    "8: mov x0, #2\n"
    "  adr x1, 10f\n"
    "  mov x2, #(11f - 10f)\n"
    "  mov x8, #64\n"
    "  svc #0\n"
    "  mov x0, #126\n"
    "9: mov x8, #94\n" // exit_group
    "  svc #0\n"
    "  brk #0\n"
    "10: .ascii \"" REFUSAL "\"\n"
    "11:\n"
    "isl_stub_end:\n"
    ".popsection\n");
#endif

#ifdef ISL_STUB_MACHINE

extern const char isl_stub_begin[] __attribute__((visibility("hidden")));
extern const char isl_stub_end[] __attribute__((visibility("hidden")));

/// Where it is in memory: as other programs that are not moved, and a multiple of every page size.
#define ISL_STUB_ADDRESS 0x400000

struct image {
  Elf64_Ehdr header;
  Elf64_Phdr code, stack;
  char text[640];
};

int isl_stub_make(void) {
  size_t length = (size_t)(isl_stub_end - isl_stub_begin), size = offsetof(struct image, text) + length;
  struct image image = {
      .header = {
          .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_EXEC,
          .e_machine = ISL_STUB_MACHINE, .e_version = EV_CURRENT,
          .e_entry = ISL_STUB_ADDRESS + offsetof(struct image, text), .e_phoff = offsetof(struct image, code),
          .e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 2},
      .code = {
          .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = ISL_STUB_ADDRESS, .p_paddr = ISL_STUB_ADDRESS,
          .p_filesz = size, .p_memsz = size, .p_align = 0x10000},
      .stack = {.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16}};
  if (length > sizeof image.text) return -E2BIG;
  memcpy(image.text, isl_stub_begin, length);
  int fd = (int)syscall(SYS_memfd_create, "isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
  // Before Linux 6.3 every memfd could be executed, and the flag is unknown.
  if (fd < 0 && errno == EINVAL) fd = (int)syscall(SYS_memfd_create, "isolate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -errno;
  ssize_t n = write(fd, &image, size);
  int r = n < 0 ? -errno : n == (ssize_t)size ? 0 : -EIO;
  if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) r = -errno;
  if (r == 0) return fd;
  close(fd);
  return r;
}

/// Appends a number and returns the place behind it.
static char *put(char *text, unsigned number) {
  char digits[12];
  int count = 0;
  do
    digits[count++] = (char)('0' + number % 10);
  while (number /= 10);
  while (count > 0) *text++ = digits[--count];
  return text;
}

int isl_stub_execute(int stub, int report, int hides, uint32_t count, char **argv, char *const *envp) {
  char word[32] = {hides ? 2 : 1}, *end = put(word + 1, (unsigned)report);
  *end++ = ',';
  *put(end, count) = 0;
  char **arguments = argv - count - ISL_STUB_SLOTS;
  arguments[0] = word;
  syscall(SYS_execveat, stub, "", arguments, envp, AT_EMPTY_PATH);
  int error = errno;
  if (fcntl(report, F_SETFD, FD_CLOEXEC) < 0) return -errno;
  return -error;
}

/// What a filter of seccomp(2) makes of a call; 0, which is to kill, for a program that the kernel would not take.
static uint32_t judge(const struct sock_filter *filter, uint32_t count, const struct seccomp_data *data) {
  uint32_t a = 0, x = 0, memory[BPF_MEMWORDS] = {0};
  for (uint32_t at = 0; at < count; at++) {
    const struct sock_filter *i = &filter[at];
    uint32_t operand = i->code & BPF_X ? x : i->k;
    int is_met;
    switch (i->code) {
    case BPF_LD | BPF_W | BPF_ABS:
      if (i->k > sizeof *data - sizeof a || i->k % sizeof a) return 0;
      memcpy(&a, (const char *)data + i->k, sizeof a);
      continue;
    case BPF_LD | BPF_IMM: a = i->k; continue;
    case BPF_LDX | BPF_IMM: x = i->k; continue;
    case BPF_LD | BPF_MEM:
    case BPF_LDX | BPF_MEM:
    case BPF_ST:
    case BPF_STX:
      if (i->k >= BPF_MEMWORDS) return 0;
      if (i->code == BPF_ST) memory[i->k] = a;
      else if (i->code == BPF_STX) memory[i->k] = x;
      else if (BPF_CLASS(i->code) == BPF_LD) a = memory[i->k];
      else x = memory[i->k];
      continue;
    case BPF_ALU | BPF_AND | BPF_K:
    case BPF_ALU | BPF_AND | BPF_X: a &= operand; continue;
    case BPF_ALU | BPF_OR | BPF_K:
    case BPF_ALU | BPF_OR | BPF_X: a |= operand; continue;
    case BPF_MISC | BPF_TAX: x = a; continue;
    case BPF_MISC | BPF_TXA: a = x; continue;
    case BPF_JMP | BPF_JA:
      if (i->k >= count - at) return 0;
      at += i->k;
      continue;
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JEQ | BPF_X: is_met = a == operand; break;
    case BPF_JMP | BPF_JGT | BPF_K:
    case BPF_JMP | BPF_JGT | BPF_X: is_met = a > operand; break;
    case BPF_JMP | BPF_JGE | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_X: is_met = a >= operand; break;
    case BPF_JMP | BPF_JSET | BPF_K:
    case BPF_JMP | BPF_JSET | BPF_X: is_met = (a & operand) != 0; break;
    case BPF_RET | BPF_K: return i->k;
    case BPF_RET | BPF_A: return a;
    default: return 0;
    }
    at += is_met ? i->jt : i->jf;
  }
  return 0;
}

int isl_stub_is_allowed(const struct sock_filter *filter, uint32_t count) {
  const struct seccomp_data calls[] = {
      {.nr = SYS_execveat, .args = {3, 0, 0, 0, AT_EMPTY_PATH}}, {.nr = SYS_prctl, .args = {PR_SET_DUMPABLE}},
      {.nr = SYS_fcntl, .args = {3, F_SETFD}}, {.nr = SYS_fcntl, .args = {3, F_SETFD, FD_CLOEXEC}}};
  for (size_t i = 0; count > 0 && i < sizeof calls / sizeof *calls; i++) {
    struct seccomp_data call = calls[i];
    call.arch = ISL_STUB_ARCHITECTURE;
    uint32_t action = judge(filter, count, &call) & SECCOMP_RET_ACTION_FULL;
    if (action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG) return 0;
  }
  return 1;
}

#else

int isl_stub_make(void) { return -ENOSYS; }

int isl_stub_execute(int stub, int report, int hides, uint32_t count, char **argv, char *const *envp) {
  (void)stub, (void)report, (void)hides, (void)count, (void)argv, (void)envp;
  return -ENOSYS;
}

int isl_stub_is_allowed(const struct sock_filter *filter, uint32_t count) {
  (void)filter, (void)count;
  return 0;
}

#endif
