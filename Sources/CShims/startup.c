// What runs before main: each of these saves a start of `isolate` system calls.
#include "isl_startup.h"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

static int argument_count;
static char **argument_vector;

/// glibc gives constructors what main gets; Swift's CommandLine finds it by reading /proc/self/maps.
__attribute__((constructor(101))) static void begin(int count, char **arguments) {
  argument_count = count;
  argument_vector = arguments;
  // malloc(3) asks for memory once, in one piece (mallopt(3)).
  mallopt(M_TOP_PAD, 1 << 20);
}

char *const *isl_arguments(int *count) {
  *count = argument_count;
  return argument_vector;
}

uint32_t isl_callers_user(void) { return (uint32_t)getauxval(AT_EUID); }
uint32_t isl_callers_group(void) { return (uint32_t)getauxval(AT_EGID); }

int isl_has_borrowed_ids(void) {
  return getauxval(AT_UID) != getauxval(AT_EUID) || getauxval(AT_GID) != getauxval(AT_EGID);
}

static int has_begun;

/// Makes sure that 0, 1 and 2 are taken: a file of ours that got such a number would be the payload's.
static void open_missing(void) {
  struct pollfd standard[3] = {{.fd = 0}, {.fd = 1}, {.fd = 2}};
  if (poll(standard, 3, 0) <= 0) return;
  for (int i = 0; i < 3; i++)
    if (standard[i].revents & POLLNVAL && open("/dev/null", O_RDWR) < 0) return;
}

void isl_keep_children(void) {
  if (has_begun) signal(SIGCHLD, SIG_DFL);
}

void isl_begin(void) {
  has_begun = 1;
  // Root's processes and children are not for others of the same id, such as a container that sees the host's
  // processes, to look into: /proc/PID/exe is the program on the host.
  if (getauxval(AT_EUID) == 0) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  open_missing();
  // What is freed is used again; `isolate` does not live long enough to give memory back.
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
}

/// Before main Swift's runtime reads /proc/self/maps and asks what kind of file standard output is, for things that are
/// not used here. `isolate` is linked with --wrap for these two.
FILE *__real_fopen(const char *path, const char *mode) __attribute__((weak)); // the linker's, for `isolate` alone
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__wrap_fopen(const char *path, const char *mode) { return has_begun ? __real_fopen(path, mode) : NULL; }
int __real_isatty(int fd) __attribute__((weak));
int __wrap_isatty(int fd);
int __wrap_isatty(int fd) { return has_begun ? __real_isatty(fd) : 0; }

/// Before main Swift's runtime asks for the seeds of its hash tables: the kernel gave random bytes with the program
/// (getauxval(3), AT_RANDOM), of which glibc uses the first eight as they are, and the others but for their
/// arrangement.
void __real_swift_stdlib_random(void *buffer, size_t count) __attribute__((weak));
void __wrap_swift_stdlib_random(void *buffer, size_t count);
void __wrap_swift_stdlib_random(void *buffer, size_t count) {
  static uint64_t state;
  const unsigned char *given = (const unsigned char *)getauxval(AT_RANDOM);
  if (has_begun || !given) {
    __real_swift_stdlib_random(buffer, count);
    return;
  }
  for (int i = 0; state == 0 && i < 16; i++) state = (state ^ given[i]) * 0x9e3779b97f4a7c15u;
  for (size_t at = 0; at < count; at++) {
    // splitmix64
    uint64_t word = state += 0x9e3779b97f4a7c15u;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9u;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebu;
    ((unsigned char *)buffer)[at] = (unsigned char)(word >> 56);
  }
}

/// Swift looks for a program that prints backtraces beside ours, in eight places, at every start. `isolate` is linked
/// with
/// --wrap for this function: there is none.
char *__wrap_swift_copyAuxiliaryExecutablePath(const char *name);
char *__wrap_swift_copyAuxiliaryExecutablePath(const char *name) {
  (void)name;
  return NULL;
}
