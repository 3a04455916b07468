// Enters a process's namespaces one by one, where no pidfd of it is to be had and setns(2) cannot enter all at once.
#include "isl_child.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KINDS 8

int isl_join_by_folder(int folder, uint64_t flags) {
  // The user namespace first: the others belong to it. All are opened before, while we still may look into the process.
  static const uint64_t kinds[KINDS] = {CLONE_NEWUSER, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWNET,
                                        CLONE_NEWPID,  CLONE_NEWCGROUP, 0x80 /* CLONE_NEWTIME */, CLONE_NEWNS};
  int opened[KINDS], r = 0;
  for (int i = 0; i < KINDS; i++) {
    opened[i] = -1;
    if (r < 0 || !(flags & kinds[i])) continue;
    char path[16] = "ns/";
    strcat(path, isl_namespace_file(kinds[i]));
    opened[i] = openat(folder, path, O_RDONLY | O_CLOEXEC);
    // As setns(2) says it of one that has ended.
    if (opened[i] < 0) r = errno == ENOENT ? -ESRCH : -errno;
  }
  for (int i = 0; i < KINDS; i++) {
    if (opened[i] < 0) continue;
    if (r == 0 && syscall(SYS_setns, opened[i], (int)kinds[i]) < 0) r = -errno;
    close(opened[i]);
  }
  return r;
}
