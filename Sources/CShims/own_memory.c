// A filesystem in memory that nobody else sees, for who has no folder to write to.
#include "isl_own_memory.h"

#include "isl_child.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

int isl_mount_own_memory(const char *folder) {
  unsigned user = geteuid(), group = getegid();
  int is_owner = 0;
  if (unshare(CLONE_NEWNS) < 0) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) return -errno;
    // Its own ids stay as they are, and all others are nobody's.
    int r = isl_map_own_ids(user, user, group, group);
    if (r < 0) return r;
    is_owner = 1;
  }
  if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) return -errno;
  if (mount("preflight", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0) return -errno;
  // What came with the user namespace is for the mount alone.
  return is_owner && user != 0 ? isl_drop_capabilities() : 0;
}
