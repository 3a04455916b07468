// usage: call-refuser CALL[,CALL...] ERRNO PROGRAM [ARGUMENT...]
//
// Runs a program whose system calls of these names fail with ENOSYS or EPERM, as under a filter of a container
// runtime that knows no newer ones (seccomp(2)), or on a kernel that has them not. Whatever the program starts
// inherits the filter. The name user-namespaces stands for clone(2) and unshare(2) where they are to make one, as
// container engines' filters have it; clone3, which they refuse with ENOSYS, is a name of its own.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#endif

static const struct {
  const char *name;
  unsigned number;
} calls[] = {
    {"pidfd_send_signal", SYS_pidfd_send_signal}, {"pidfd_open", SYS_pidfd_open}, {"mount_setattr", SYS_mount_setattr},
    {"fsopen", SYS_fsopen}, {"fsconfig", SYS_fsconfig}, {"fsmount", SYS_fsmount}, {"open_tree", SYS_open_tree},
    {"move_mount", SYS_move_mount}, {"openat2", SYS_openat2}, {"close_range", SYS_close_range}, {"clone3", SYS_clone3},
    {"memfd_create", SYS_memfd_create}, {"execveat", SYS_execveat},
    {"mount", SYS_mount}, {"unshare", SYS_unshare}, {"setns", SYS_setns}, {"pivot_root", SYS_pivot_root},
    {"sethostname", SYS_sethostname}, {"keyctl", SYS_keyctl}, {"statx", SYS_statx}, {"renameat2", SYS_renameat2},
    {"faccessat2", SYS_faccessat2}, {"copy_file_range", SYS_copy_file_range},
    {"seccomp", SYS_seccomp}, {"landlock_create_ruleset", SYS_landlock_create_ruleset},
    {"landlock_restrict_self", SYS_landlock_restrict_self},
};

// The filter is no use to a test that it does not hold in.
static void make_sure(const char *name, unsigned number, unsigned error) {
  if (syscall(number, -1, -1, -1, -1, -1, -1) < 0 && errno == (int)error) return;
  fprintf(stderr, "call-refuser: %s is not refused\n", name);
  exit(2);
}

// Both take their flags first.
#define USER_NAMESPACE 0x10000000
static const char users[] = "user-namespaces";

static unsigned number_of(const char *name) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strcmp(name, calls[i].name) == 0) return calls[i].number;
  fprintf(stderr, "call-refuser: no call %s\n", name);
  exit(2);
}

int main(int count, char **words) {
  static struct sock_filter code[64] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
  };
  unsigned short length = 4;
  if (count < 4) return fprintf(stderr, "usage: call-refuser CALL[,CALL...] ERRNO PROGRAM [ARGUMENT...]\n"), 2;
  unsigned error = strcmp(words[2], "EPERM") == 0 ? EPERM : ENOSYS;
  char *names[24], **end = names;
  int makes_users = 0;
  for (char *name = strtok(words[1], ","); name && end < names + 24; name = strtok(NULL, ",")) {
    if (strcmp(name, users) == 0) {
      makes_users = 1;
      continue;
    }
    *end++ = name;
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number_of(name), 0, 1);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
  }
  if (makes_users) {
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0);
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 3);
    code[length++] =
        (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0]));
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, USER_NAMESPACE, 0, 1);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
  }
  code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = length, .filter = code};
  // Without privileges a filter takes no_new_privs (seccomp(2)); with them the program is to have its own.
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 &&
      (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)) {
    perror("call-refuser: seccomp");
    return 2;
  }
  for (char **name = names; name < end; name++) make_sure(*name, number_of(*name), error);
  if (makes_users) make_sure(users, SYS_unshare, error);
  execv(words[3], words + 3);
  perror(words[3]);
  return 2;
}
