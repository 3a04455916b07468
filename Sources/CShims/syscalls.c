#include "isl_syscalls.h"

#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static int result(long r) { return r < 0 ? -errno : (int)r; }

int isl_set_affinity(const uint64_t *words, uint32_t count) {
  return result(syscall(SYS_sched_setaffinity, 0, (size_t)count * 8, words));
}

int isl_get_affinity(uint64_t *words, uint32_t count) {
  return result(syscall(SYS_sched_getaffinity, 0, (size_t)count * 8, words));
}

/// A file that has no name any more, in a folder where that can be had.
static int unnamed_file(void) {
  static const char *const folders[] = {"/dev/shm", "/tmp", "/var/tmp", "/run", "."};
  for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
    char path[64];
    int fd = open(folders[i], O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0) return fd;
    snprintf(path, sizeof path, "%s/.isolate-XXXXXX", folders[i]);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) continue;
    unlink(path);
    return fd;
  }
  return -1;
}

int isl_memfd(const char *name) {
  int fd = isl_was_refused(ISL_CALL_MEMFD_CREATE) ? -1 : memfd_create(name, MFD_CLOEXEC);
  if (fd >= 0) return fd;
  int error = isl_was_refused(ISL_CALL_MEMFD_CREATE) ? ENOSYS : errno;
  if (!isl_is_refused(ISL_CALL_MEMFD_CREATE, error)) return -error;
  fd = unnamed_file();
  return fd < 0 ? -error : fd;
}

int isl_lock(int fd, int wait) { return result(flock(fd, LOCK_EX | (wait ? 0 : LOCK_NB))); }

int isl_lock_shared(int fd, int wait) { return result(flock(fd, LOCK_SH | (wait ? 0 : LOCK_NB))); }

int isl_pipe(int fds[2]) { return result(pipe2(fds, O_CLOEXEC)); }

static const struct {
  const char *name; // in config.json
  const char *file; // below /proc/PID/ns
  uint64_t flag;
} namespaces[] = {
    {"user", "user", CLONE_NEWUSER},   {"mount", "mnt", CLONE_NEWNS},          {"pid", "pid", CLONE_NEWPID},
    {"ipc", "ipc", CLONE_NEWIPC},      {"uts", "uts", CLONE_NEWUTS},           {"network", "net", CLONE_NEWNET},
    {"cgroup", "cgroup", CLONE_NEWCGROUP}, {"time", "time", CLONE_NEWTIME},
};

uint64_t isl_namespace_flag(const char *type) {
  for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++)
    if (strcmp(type, namespaces[i].name) == 0) return namespaces[i].flag;
  return 0;
}

const char *isl_namespace_file(uint64_t flag) {
  for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++)
    if (flag == namespaces[i].flag) return namespaces[i].file;
  return NULL;
}

uint64_t isl_namespace_type(int fd) {
  int type = ioctl(fd, NS_GET_NSTYPE);
  return type < 0 ? 0 : (uint64_t)(unsigned)type;
}

int isl_rlimit_number(const char *name) {
  static const struct {
    const char *name;
    int number;
  } table[] = {
      {"RLIMIT_AS", RLIMIT_AS},           {"RLIMIT_CORE", RLIMIT_CORE},
      {"RLIMIT_CPU", RLIMIT_CPU},         {"RLIMIT_DATA", RLIMIT_DATA},
      {"RLIMIT_FSIZE", RLIMIT_FSIZE},     {"RLIMIT_LOCKS", RLIMIT_LOCKS},
      {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK}, {"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
      {"RLIMIT_NICE", RLIMIT_NICE},       {"RLIMIT_NOFILE", RLIMIT_NOFILE},
      {"RLIMIT_NPROC", RLIMIT_NPROC},     {"RLIMIT_RSS", RLIMIT_RSS},
      {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},   {"RLIMIT_RTTIME", RLIMIT_RTTIME},
      {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING}, {"RLIMIT_STACK", RLIMIT_STACK},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    if (strcmp(name, table[i].name) == 0) return table[i].number;
  return -1;
}

uint64_t isl_makedev(uint32_t major, uint32_t minor) { return makedev(major, minor); }

uint64_t isl_random(void) {
  uint64_t value = 0;
  while (getrandom(&value, sizeof value, 0) != sizeof value) {
  }
  return value;
}

int isl_signalfd(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
  int error = pthread_sigmask(SIG_BLOCK, &set, NULL);
  if (error) return -error;
  return result(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

int isl_signalfd_read(int fd) {
  struct signalfd_siginfo info;
  ssize_t n = read(fd, &info, sizeof info);
  if (n < 0) return -errno;
  return n == sizeof info ? (int)info.ssi_signo : -EIO;
}

int isl_is_cgroup2(const char *path) {
  struct statfs fs;
  return statfs(path, &fs) == 0 && fs.f_type == 0x63677270;
}

int isl_changes_mount_trees(void) {
  // Without a mount it is refused for that, where it is known.
  return syscall(SYS_mount_setattr, -1, "", 0, NULL, 0) < 0 && isl_is_refused(ISL_CALL_MOUNT_SETATTR, errno) ? 0 : 1;
}
