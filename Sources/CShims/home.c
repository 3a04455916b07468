// The HOME of a payload that was given none, from the container's own /etc/passwd, as login(1) and other runtimes do.
#include "isl_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/// What is looked at of the file; more than that is an attack on us, or has the user elsewhere.
#define ISL_PASSWD_BYTES (256 * 1024)

/// No link out of the file system is followed (/proc/self/fd/N), nothing is waited for that is no file.
static int open_passwd(void) {
  struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, .resolve = RESOLVE_NO_MAGICLINKS};
  long fd = syscall(SYS_openat2, AT_FDCWD, "/etc/passwd", &how, sizeof how);
  if (fd < 0 && (errno == ENOSYS || errno == EPERM))
    fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  struct stat st;
  if (fd < 0 || (fstat((int)fd, &st) == 0 && S_ISREG(st.st_mode))) return (int)fd;
  close((int)fd);
  return -1;
}

/// Whether a field is this number, written in digits alone.
static int is_number(const char *text, size_t length, uint64_t number) {
  uint64_t value = 0;
  if (length == 0 || length > 10) return 0;
  for (size_t i = 0; i < length; i++) {
    if (text[i] < '0' || text[i] > '9') return 0;
    value = value * 10 + (uint64_t)(text[i] - '0');
  }
  return value == number;
}

/// The home of the first line with this uid (passwd(5): name, password, uid, gid, comment, home, shell).
static const char *find(char *text, uint64_t uid) {
  for (char *line = text; line && *line;) {
    char *next = strchr(line, '\n'), *field[7];
    if (next) *next++ = 0;
    int count = 0;
    for (char *at = line; at && count < 7; count++) {
      field[count] = at;
      at = strchr(at, ':');
      if (at) *at++ = 0;
    }
    if (count > 5 && is_number(field[2], strlen(field[2]), uid)) return field[5];
    line = next;
  }
  return NULL;
}

int isl_step_home(struct isl_child *child, const struct isl_step *step) {
  static char text[ISL_PASSWD_BYTES + 1], variable[4096 + sizeof "HOME="];
  int fd = open_passwd();
  if (fd < 0) return 0; // what the plan says stays
  size_t size = 0;
  for (ssize_t n; size < ISL_PASSWD_BYTES && (n = read(fd, text + size, ISL_PASSWD_BYTES - size)) > 0;) size += (size_t)n;
  close(fd);
  text[size] = 0;
  const char *home = find(text, step->v);
  if (!home || home[0] != '/' || strlen(home) > 4096) return 0;
  strcpy(variable, "HOME=");
  strcat(variable, home);
  // The last one, as the plan was made.
  ((char **)(uintptr_t)child->envp)[child->plan->envp_count - 1] = variable;
  return 0;
}
