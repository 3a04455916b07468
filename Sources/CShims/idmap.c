// Idmapped mounts (mount_setattr(2), MOUNT_ATTR_IDMAP, Linux 5.12), made by the caller before the container is: whose
// user namespace has no rights over the host's filesystems.
#include "isl_launch.h"
#include "isl_mount.h"
#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ISL_ATTR_IDMAP 0x100000

static int write_map(long pid, const char *name, const char *text) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
  return isl_write_file(path, text);
}

/// A user namespace with these maps, as a descriptor; nobody is in it afterwards.
static int user_namespace(const char *uid_map, const char *gid_map) {
  long pid = isl_spawn_placeholder(CLONE_NEWUSER);
  if (pid < 0) return (int)pid;
  int r = write_map(pid, "uid_map", uid_map);
  if (r == 0) r = write_map(pid, "gid_map", gid_map);
  if (r == 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/ns/user", pid);
    r = open(path, O_RDONLY | O_CLOEXEC);
    if (r < 0) r = -errno;
  }
  kill((pid_t)pid, SIGKILL);
  while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {}
  return r;
}

int isl_detached_tree(const char *source, int recursive) {
  int tree = isl_mount_clone_tree(AT_FDCWD, source, recursive ? 0x8000 /* AT_RECURSIVE */ : 0);
  if (tree < 0) return tree;
  struct isl_mount_attr attributes = {.propagation = MS_PRIVATE};
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) == 0) return tree;
  int r = isl_refusal(ISL_CALL_MOUNT_SETATTR, errno);
  close(tree);
  return r;
}

int isl_idmapped_tree(
    const char *source, int joined, const char *uid_map, const char *gid_map, int recursive, int maps_below) {
  int tree = isl_mount_clone_tree(AT_FDCWD, source, recursive ? 0x8000 /* AT_RECURSIVE */ : 0);
  if (tree < 0) return tree;
  int names = joined >= 0 ? fcntl(joined, F_DUPFD_CLOEXEC, 3) : user_namespace(uid_map, gid_map);
  if (joined >= 0 && names < 0) names = -errno;
  int r = names;
  if (names >= 0) {
    struct isl_mount_attr attributes = {.set = ISL_ATTR_IDMAP, .userns = (uint64_t)names};
    unsigned flags = AT_EMPTY_PATH | (maps_below ? AT_RECURSIVE : 0);
    r = syscall(SYS_mount_setattr, tree, "", flags, &attributes, sizeof attributes) < 0 ? isl_refusal(ISL_CALL_MOUNT_SETATTR, errno) : 0;
    close(names);
  }
  if (r == 0) return tree;
  close(tree);
  return r;
}
