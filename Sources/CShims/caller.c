// What a launch has to know of the process that asks for it.
#include "isl_child.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/// The signals that are ignored, which the payload would inherit: proc_pid_status(5). All, when that is not known.
/// The same file says whether the umask is the usual one.
uint64_t isl_ignored_signals(int *has_usual_umask) {
  char text[4096];
  int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ~0ULL;
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count <= 0) return ~0ULL;
  text[count] = 0;
  *has_usual_umask = strstr(text, "\nUmask:\t0022\n") != NULL;
  const char *line = strstr(text, "\nSigIgn:\t");
  return line ? strtoull(line + 9, NULL, 16) : ~0ULL;
}

/// Whether the caller has CAP_SYS_PTRACE, by which it can look at a child that hides.
int isl_may_trace(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct held[2] = {0};
  return syscall(SYS_capget, &header, held) == 0 && held[0].effective >> CAP_SYS_PTRACE & 1;
}

/// Where the kernel takes /proc/PID/cmdline from: proc(5), /proc/PID/stat, arg_start and arg_end.
void isl_find_own_arguments(struct isl_child *child) {
  char text[2048];
  int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count <= 0) return;
  text[count] = 0;
  char *field = strrchr(text, ')'); // field 2 ends here; its name may hold anything
  for (int number = 2; field && number < 48; number++) field = strchr(field + 1, ' ');
  if (!field) return;
  char *end;
  uintptr_t first = strtoull(field, &end, 10), last = strtoull(end, NULL, 10);
  if (first == 0 || last <= first) return;
  child->arguments = first;
  child->arguments_end = last;
}
