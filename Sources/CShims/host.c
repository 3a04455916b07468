// Work on the host's own files and programs that Swift's Glibc module has no call for.
#include "isl_child.h"
#include "isl_launch.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int copy_by_reading(int from, int to) {
  char buffer[65536];
  for (;;) {
    ssize_t got = read(from, buffer, sizeof buffer);
    if (got == 0) return 0;
    if (got < 0) {
      if (errno == EINTR) continue;
      return -errno;
    }
    for (ssize_t done = 0; done < got;) {
      ssize_t put = write(to, buffer + done, (size_t)(got - done));
      if (put < 0 && errno != EINTR) return -errno;
      if (put > 0) done += put;
    }
  }
}

int isl_copy_contents(int from, int to) {
  for (;;) {
    ssize_t count = copy_file_range(from, NULL, to, NULL, 1u << 30, 0);
    if (count == 0) return 0;
    if (count > 0) continue;
    if (errno == EXDEV || errno == EINVAL || errno == ENOSYS || errno == EOPNOTSUPP) return copy_by_reading(from, to);
    if (errno != EINTR) return -errno;
  }
}

int isl_connect_unix(const char *socket_path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(socket_path) >= sizeof address.sun_path) return -ENAMETOOLONG;
  strcpy(address.sun_path, socket_path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  return -error;
}

int isl_send_descriptor(const char *socket_path, int descriptor, const char *name) {
  int fd = isl_connect_unix(socket_path);
  if (fd < 0) return fd;
  struct iovec data = {(void *)(uintptr_t)name, strlen(name)};
  int r = isl_send_parts(fd, &data, 1, &descriptor, 1);
  close(fd);
  return r;
}
