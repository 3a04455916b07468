// Sockets that a process of a container without a network namespace gets, made and connected by another one.
//
// The kernel reports the calls by which it would make or connect one (seccomp_unotify(2)). Memory that such a call
// names may change after it was looked at, so the call itself never goes on: what was decided on is what is connected.
#include "isl_lent_sockets.h"

#include "isl_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

int isl_loopback_socket(int family) {
  static const char name[] = "lo";
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  // To be undone by who has CAP_NET_RAW alone.
  if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, sizeof name) == 0) return fd;
  int error = errno;
  close(fd);
  return -error;
}

int isl_message_pair(int fds[2]) {
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0 ? -errno : 0;
}

int isl_seccomp_lend(int listener, uint64_t id, int fd, int number, int is_close_on_exec) {
  struct seccomp_notif_addfd request = {
      .id = id, .flags = number < 0 ? 0 : SECCOMP_ADDFD_FLAG_SETFD, .srcfd = (uint32_t)fd,
      .newfd = number < 0 ? 0 : (uint32_t)number, .newfd_flags = is_close_on_exec ? O_CLOEXEC : 0};
  int r = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
  return r < 0 ? -errno : r;
}

int isl_seccomp_answer(int listener, uint64_t id, int64_t value, int error) {
  // The kernel's structure may be larger than ours was at build time; it must be zeroed.
  struct {
    struct seccomp_notif_resp response;
    char room[128];
  } buffer;
  memset(&buffer, 0, sizeof buffer);
  buffer.response.id = id;
  buffer.response.val = error ? 0 : value;
  buffer.response.error = -error;
  return ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &buffer.response) < 0 ? -errno : 0;
}

int64_t isl_read_memory(int32_t pid, uint64_t address, void *buffer, size_t size) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t count = pread(fd, buffer, size, (off_t)address);
  int error = errno;
  close(fd);
  return count < 0 ? -error : count;
}

int isl_socket_protocol(int32_t pid, int number, char name[32]) {
  char path[48];
  snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, number);
  ssize_t count = getxattr(path, "system.sockprotoname", name, 31);
  if (count < 0) return -errno;
  name[count] = 0;
  return 0;
}

int isl_descriptor_flags(int32_t pid, int number) {
  char path[48], text[256];
  snprintf(path, sizeof path, "/proc/%d/fdinfo/%d", pid, number);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  ssize_t count = read(fd, text, sizeof text - 1);
  close(fd);
  if (count < 0) return -EIO;
  text[count] = 0;
  const char *line = strstr(text, "flags:");
  return line ? (int)strtoul(line + 6, NULL, 8) : -EIO;
}

int isl_connect_soon(int socket, const void *address, uint32_t size) {
  int flags = fcntl(socket, F_GETFL);
  if (flags < 0 || fcntl(socket, F_SETFL, flags | O_NONBLOCK) < 0) return -errno;
  int error = connect(socket, address, size) < 0 ? errno : 0;
  if (error == EINPROGRESS && !(flags & O_NONBLOCK)) {
    struct pollfd watched = {.fd = socket, .events = POLLOUT};
    socklen_t length = sizeof error;
    if (poll(&watched, 1, 1000) <= 0) error = ETIMEDOUT;
    else if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) < 0) error = errno;
  }
  (void)fcntl(socket, F_SETFL, flags);
  return -error;
}

int isl_open_socket_file(int32_t pid, const char *path) {
  char text[32];
  struct stat st;
  int folder = AT_FDCWD;
  if (path[0] != '/') {
    snprintf(text, sizeof text, "/proc/%d/cwd", pid);
    folder = open(text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return -errno;
  }
  int fd = openat(folder, path, O_PATH | O_CLOEXEC), error = errno;
  if (folder != AT_FDCWD) close(folder);
  if (fd < 0) return -error;
  if (fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode)) return fd;
  close(fd);
  return -ECONNREFUSED;
}

int isl_connect_to_file(int file, int type) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  isl_fd_path(address.sun_path, file);
  int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
  int error = errno;
  close(fd);
  return -error;
}

void isl_look_as(uint32_t user, uint32_t group) {
  // The raw calls, which are for one thread.
  syscall(SYS_setfsgid, group);
  syscall(SYS_setfsuid, user);
}
