// What the kernel keeps for an open pipe or socket of another process.
#include "isl_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

static long pipe_bytes(int fd) {
  int queued = 0, capacity = fcntl(fd, F_GETPIPE_SZ), flags = fcntl(fd, F_GETFL);
  if (ioctl(fd, FIONREAD, &queued) < 0 || capacity < 0 || queued <= 0) return 0;
  // In packet mode each write has a page of its own, however short it is.
  if (flags >= 0 && flags & O_DIRECT) return capacity;
  long page = sysconf(_SC_PAGESIZE), held = (queued + page - 1) / page * page + page;
  return held < capacity ? held : capacity;
}

static long socket_bytes(int fd) {
  uint32_t info[SK_MEMINFO_VARS] = {0};
  socklen_t size = sizeof info;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0) return 0;
  uint32_t out = info[SK_MEMINFO_WMEM_ALLOC];
  if (info[SK_MEMINFO_WMEM_QUEUED] > out) out = info[SK_MEMINFO_WMEM_QUEUED];
  return (long)info[SK_MEMINFO_RMEM_ALLOC] + out;
}

long isl_buffered_bytes(int process, int number) {
  int fd = (int)syscall(SYS_pidfd_getfd, process, number, 0);
  if (fd < 0) return -errno;
  struct stat status;
  long bytes = 0;
  if (fstat(fd, &status) == 0) {
    if (S_ISFIFO(status.st_mode)) bytes = pipe_bytes(fd);
    if (S_ISSOCK(status.st_mode)) bytes = socket_bytes(fd);
  }
  close(fd);
  return bytes;
}
