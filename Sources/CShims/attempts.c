// What a container takes, each tried in a process that ends with it.
#include "isl_attempts.h"

#include "isl_child.h"
#include "isl_lent_sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP 0x02000000
#endif
#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#define FILESYSTEMS (CLONE_NEWUSER | CLONE_NEWNS)
#define FEATURES (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static unsigned long namespaces(enum isl_attempt_kind kind) {
  switch (kind) {
  case ISL_ATTEMPT_USER:
  case ISL_ATTEMPT_TIME:
  case ISL_ATTEMPT_MAP: return CLONE_NEWUSER;
  case ISL_ATTEMPT_NAMESPACES: return FILESYSTEMS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
  case ISL_ATTEMPT_NETWORK: return CLONE_NEWUSER | CLONE_NEWNET;
  case ISL_ATTEMPT_CONTAINER:
    return FILESYSTEMS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | CLONE_NEWNET;
  case ISL_ATTEMPT_MOUNT:
  case ISL_ATTEMPT_ROOT:
  case ISL_ATTEMPT_OVERLAY: return FILESYSTEMS;
  case ISL_ATTEMPT_PROC: return FILESYSTEMS | CLONE_NEWPID;
  case ISL_ATTEMPT_SYSFS: return FILESYSTEMS | CLONE_NEWNET;
  case ISL_ATTEMPT_FILTER:
  case ISL_ATTEMPT_LANDLOCK:
  case ISL_ATTEMPT_LENT_SOCKETS:
  case ISL_ATTEMPT_OTHER_USER: break;
  }
  return 0;
}

static int mounted(const char *type, unsigned long flags, const char *options, const char *at) {
  return mount(type, at, type, flags, options) < 0 ? -errno : 0;
}

/// The ids that the caller has outside are root's.
static int map(unsigned user, unsigned group) { return isl_map_own_ids(0, user, 0, group); }

/// In a tmpfs over a folder that is always there; its owner has to be mapped.
static int overlay(void) {
  int r = mounted("tmpfs", FEATURES, "", "/proc");
  if (r < 0) return r;
  if (chdir("/proc") < 0) return -errno;
  static const char *const names[] = {"lower", "upper", "work", "merged"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (mkdir(names[i], 0755) < 0) return -errno;
  return mounted("overlay", FEATURES, "lowerdir=lower,upperdir=upper,workdir=work,userxattr", "merged");
}

/// A tmpfs over a folder that is always there becomes the root.
static int own_root(void) {
  int r = mounted("tmpfs", FEATURES, "", "/proc");
  if (r < 0) return r;
  return chdir("/proc") < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ? -errno : 0;
}

/// The sockets of a container are opened by who joins its network (setns(2)).
static int joined(void) {
  int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  return syscall(SYS_setns, fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

static int no_new_privileges(void) { return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0; }

/// One that allows everything. Returns its descriptor, where `flags` ask for one.
static int filter(unsigned flags) {
  struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  struct sock_fprog program = {.len = 1, .filter = &all};
  int r = no_new_privileges();
  if (r < 0) return r;
  long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  return fd < 0 ? -errno : (int)fd;
}

static int lent_sockets(void) {
  int own = isl_loopback_socket(AF_INET);
  if (own < 0) return own;
  int listener = filter(SECCOMP_FILTER_FLAG_NEW_LISTENER);
  if (listener < 0) return listener;
  // There is no call to answer, which is what is said by who knows how to.
  int r = isl_seccomp_lend(listener, 0, own, -1, 0);
  return r == -ENOENT ? 0 : r;
}

/// Another one than any that is likely to be there.
static int other_user(void) {
  const unsigned user = 65531;
  if (prctl(PR_CAPBSET_DROP, 0, 0, 0, 0) < 0 || syscall(SYS_setgroups, (size_t)0, NULL) < 0) return -errno;
  if (syscall(SYS_setresgid, user, user, user) < 0 || syscall(SYS_setresuid, user, user, user) < 0) return -errno;
  return isl_drop_capabilities();
}

static int attempt(enum isl_attempt_kind kind, unsigned user, unsigned group) {
  switch (kind) {
  case ISL_ATTEMPT_MAP: return map(user, group);
  case ISL_ATTEMPT_MOUNT: return mounted("tmpfs", FEATURES, "", "/");
  case ISL_ATTEMPT_CONTAINER: {
    int r = map(user, group);
    if (r == 0) r = joined();
    if (r < 0) return r;
    r = mounted("proc", FEATURES, "", "/");
    // In the same process, as each has namespaces to be made.
    return r == -EPERM && mounted("tmpfs", FEATURES, "", "/") == 0 ? -ISL_ATTEMPT_ALL_BUT_PROC : r;
  }
  case ISL_ATTEMPT_NETWORK: return joined();
  case ISL_ATTEMPT_ROOT: return own_root();
  // It is made for children only, by no flag of clone(2) (time_namespaces(7)).
  case ISL_ATTEMPT_TIME: return unshare(CLONE_NEWTIME) < 0 ? -errno : 0;
  case ISL_ATTEMPT_PROC: return mounted("proc", FEATURES, "", "/");
  case ISL_ATTEMPT_SYSFS: return mounted("sysfs", FEATURES | MS_RDONLY, "", "/");
  case ISL_ATTEMPT_OVERLAY: {
    int r = map(user, group);
    return r < 0 ? r : overlay();
  }
  case ISL_ATTEMPT_FILTER: return filter(0);
  case ISL_ATTEMPT_LANDLOCK: {
    int r = no_new_privileges();
    return r < 0 ? r : isl_landlock_works();
  }
  case ISL_ATTEMPT_LENT_SOCKETS: return lent_sockets();
  case ISL_ATTEMPT_OTHER_USER: return other_user();
  default: return 0;
  }
}

int isl_attempt(enum isl_attempt_kind kind) {
  unsigned user = geteuid(), group = getegid();
  long pid = isl_fork(namespaces(kind));
  if (pid == 0) _exit(-attempt(kind, user, group));
  if (pid < 0) return (int)pid;
  int status = 0;
  while (waitpid((pid_t)pid, &status, 0) < 0)
    if (errno != EINTR) return -errno;
  // A filter around us may end who calls what it does not allow.
  return WIFEXITED(status) ? -WEXITSTATUS(status) : -EPERM;
}

