// What a service tells its manager (sd_notify(3)): datagrams on a UNIX socket.
#include "isl_notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int isl_notify_listen(const char *folder, const char *name) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  int directory = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return -errno;
  // An address takes 107 bytes, which the path of a folder may exceed.
  char *end = stpcpy(address.sun_path, "/proc/self/fd/");
  char digits[12];
  int count = 0, r = 0;
  for (unsigned number = (unsigned)directory; number > 0 || count == 0; number /= 10) digits[count++] = (char)('0' + number % 10);
  while (count > 0) *end++ = digits[--count];
  *end++ = '/';
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) r = -errno;
  if (r == 0 && (size_t)(end - address.sun_path) + strlen(name) >= sizeof address.sun_path) r = -ENAMETOOLONG;
  if (r == 0) strcpy(end, name);
  if (r == 0 && unlinkat(directory, name, 0) < 0 && errno != ENOENT) r = -errno;
  if (r == 0 && bind(fd, (struct sockaddr *)&address, sizeof address) < 0) r = -errno;
  // Whoever the payload is may send to it; the folder is for the container alone.
  if (r == 0 && fchmodat(directory, name, 0777, 0) < 0) r = -errno;
  close(directory);
  if (r == 0) return fd;
  if (fd >= 0) close(fd);
  return r;
}

int isl_notify_send(const char *socket_address, const void *text, uint32_t count) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  size_t length = strlen(socket_address);
  if (length == 0 || length >= sizeof address.sun_path) return -ENAMETOOLONG;
  memcpy(address.sun_path, socket_address, length);
  // An abstract one is written with an @ (unix(7), sd_notify(3)).
  if (address.sun_path[0] == '@') address.sun_path[0] = 0;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
  int r = sendto(fd, text, count, MSG_NOSIGNAL, (struct sockaddr *)&address, size) < 0 ? -errno : 0;
  close(fd);
  return r;
}
