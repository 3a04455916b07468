#include "isl_seccomp.h"

#include "isl_syscalls.h"

#include <errno.h>
#include <seccomp.h>
#include <string.h>
#include <linux/filter.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/mman.h>
#include <unistd.h>

struct isl_seccomp; // never defined: the pointer is libseccomp's own context

uint32_t isl_seccomp_action_errno(uint32_t number) { return SCMP_ACT_ERRNO(number); }
uint32_t isl_seccomp_action_trace(uint32_t number) { return SCMP_ACT_TRACE(number); }
uint32_t isl_seccomp_action_allow(void) { return SCMP_ACT_ALLOW; }
uint32_t isl_seccomp_action_kill_process(void) { return SCMP_ACT_KILL_PROCESS; }
uint32_t isl_seccomp_action_kill_thread(void) { return SCMP_ACT_KILL_THREAD; }
uint32_t isl_seccomp_action_trap(void) { return SCMP_ACT_TRAP; }
uint32_t isl_seccomp_action_log(void) { return SCMP_ACT_LOG; }
uint32_t isl_seccomp_action_notify(void) { return SCMP_ACT_NOTIFY; }

int isl_seccomp_open(uint32_t default_action, struct isl_seccomp **filter) {
  scmp_filter_ctx ctx = seccomp_init(default_action);
  if (!ctx) return -EINVAL;
  // A balanced tree, not a chain: the kernel walks the program for every call number at install.
  (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  (void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
  *filter = (struct isl_seccomp *)ctx;
  return 0;
}

void isl_seccomp_close(struct isl_seccomp *filter) { seccomp_release((scmp_filter_ctx)filter); }

uint32_t isl_seccomp_architecture(const char *name) {
  static const char prefix[] = "SCMP_ARCH_";
  char lower[32];
  size_t n = 0;
  if (strncmp(name, prefix, sizeof prefix - 1) == 0) name += sizeof prefix - 1;
  for (; name[n] && n + 1 < sizeof lower; n++)
    lower[n] = name[n] >= 'A' && name[n] <= 'Z' ? (char)(name[n] + 32) : name[n];
  lower[n] = 0;
  return seccomp_arch_resolve_name(lower);
}

uint32_t isl_seccomp_native_architecture(void) { return seccomp_arch_native(); }

int isl_seccomp_add_architecture(struct isl_seccomp *filter, uint32_t architecture) {
  int r = seccomp_arch_add((scmp_filter_ctx)filter, architecture);
  return r == -EEXIST ? 0 : r;
}

int isl_seccomp_add_rule(
    struct isl_seccomp *filter, uint32_t action, const char *call,
    const struct isl_seccomp_argument *arguments, uint32_t count) {
  struct scmp_arg_cmp compare[6];
  int number = seccomp_syscall_resolve_name(call);
  if (number == __NR_SCMP_ERROR) return -ENOENT;
  if (count > 6) return -EINVAL;
  for (uint32_t i = 0; i < count; i++)
    compare[i] = (struct scmp_arg_cmp){
        arguments[i].index, (enum scmp_compare)arguments[i].operation, arguments[i].value,
        arguments[i].value_two};
  return seccomp_rule_add_array((scmp_filter_ctx)filter, action, number, count, compare);
}

int isl_seccomp_export(struct isl_seccomp *filter) {
  int fd = isl_memfd("seccomp");
  if (fd < 0) return fd;
  int r = seccomp_export_bpf((scmp_filter_ctx)filter, fd);
  if (r < 0) {
    close(fd);
    return r;
  }
  return fd;
}

int isl_seccomp_receive(int listener, struct isl_seccomp_event *event) {
  // The kernel's structure may be larger than ours was at build time; it must be zeroed.
  struct {
    struct seccomp_notif notification;
    char room[128];
  } buffer;
  memset(&buffer, 0, sizeof buffer);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &buffer.notification) < 0) return -errno;
  event->id = buffer.notification.id;
  event->pid = buffer.notification.pid;
  event->call = buffer.notification.data.nr;
  for (int i = 0; i < 6; i++) event->arguments[i] = buffer.notification.data.args[i];
  return 0;
}

int isl_seccomp_continue(int listener, uint64_t id) {
  struct {
    struct seccomp_notif_resp response;
    char room[128];
  } buffer;
  memset(&buffer, 0, sizeof buffer);
  buffer.response.id = id;
  buffer.response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer.response) < 0 ? -errno : 0;
}

int isl_seccomp_still_valid(int listener, uint64_t id) {
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) < 0 ? -errno : 0;
}

#if defined(__x86_64__)
#define ISL_AUDIT_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ISL_AUDIT_ARCH AUDIT_ARCH_AARCH64
#else
#error "name this architecture's AUDIT_ARCH"
#endif

void isl_seccomp_terminal_guard(void *instructions) {
  // Both architectures are little-endian: the lower half of an argument comes first.
  static const struct sock_filter guard[ISL_TERMINAL_GUARD_LENGTH] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ISL_AUDIT_ARCH, 0, 6),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  };
  memcpy(instructions, guard, sizeof guard);
}

int isl_seccomp_action_available(uint32_t action) {
  return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int isl_seccomp_flag_available(uint32_t flag) {
  // seccomp(2), as the kernel's own tests ask: without a program a flag it knows is EFAULT, another EINVAL.
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

uint32_t isl_seccomp_library_version(void) {
  const struct scmp_version *version = seccomp_version();
  return version ? version->major << 16 | version->minor << 8 | version->micro : 0;
}
