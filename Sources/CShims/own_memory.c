// A filesystem in memory that nobody else sees, for who has no folder to write to.
#include "isl_own_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static int write_map(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t n = write(fd, text, strlen(text));
  int r = n < 0 ? -errno : 0;
  close(fd);
  return r;
}

/// Every number but the caller's own is nobody's there, and its own stays as it is.
static int enter_user_namespace(unsigned user, unsigned group) {
  char map[64];
  int r = write_map("/proc/self/setgroups", "deny");
  if (r < 0 && r != -ENOENT) return r;
  snprintf(map, sizeof map, "%u %u 1", user, user);
  r = write_map("/proc/self/uid_map", map);
  if (r < 0) return r;
  snprintf(map, sizeof map, "%u %u 1", group, group);
  return write_map("/proc/self/gid_map", map);
}

/// What came with the user namespace is for the mount alone.
static int drop_capabilities(void) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[2] = {{0}};
  return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

int isl_mount_own_memory(const char *folder) {
  unsigned user = geteuid(), group = getegid();
  int r, is_owner = 0;
  if (unshare(CLONE_NEWNS) < 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return -errno;
    r = enter_user_namespace(user, group);
    if (r < 0) return r;
    is_owner = 1;
  }
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return -errno;
  if (mount("preflight", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0) return -errno;
  return is_owner && user != 0 ? drop_capabilities() : 0;
}
