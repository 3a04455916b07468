// What the two halves of a launch say to each other, with descriptors (unix(7), SCM_RIGHTS). Async-signal-safe.
#include "isl_child.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
  char bytes[CMSG_SPACE(ISL_MAX_CARRIED * sizeof(int))];
  struct cmsghdr align;
};

int isl_send_parts(int socket, struct iovec *parts, size_t count, const int *fds, size_t fd_count) {
  union control control;
  struct msghdr header = {.msg_iov = parts, .msg_iovlen = count};
  if (fd_count > ISL_MAX_CARRIED) return -EINVAL;
  if (fd_count > 0) {
    memset(&control, 0, sizeof control);
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(fd_count * sizeof *fds);
    struct cmsghdr *item = CMSG_FIRSTHDR(&header);
    item->cmsg_level = SOL_SOCKET;
    item->cmsg_type = SCM_RIGHTS;
    item->cmsg_len = CMSG_LEN(fd_count * sizeof *fds);
    memcpy(CMSG_DATA(item), fds, fd_count * sizeof *fds);
  }
  ssize_t n;
  do
    n = sendmsg(socket, &header, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : 0;
}

int isl_send(int sync, const struct isl_message *message, int fd) {
  struct iovec data = {(void *)(uintptr_t)message, sizeof *message};
  return isl_send_parts(sync, &data, 1, &fd, fd >= 0);
}

ssize_t isl_receive_parts(
    int sync, struct iovec *parts, size_t count, int fds[ISL_MAX_CARRIED], int *fd_count) {
  union control control;
  struct msghdr header = {
      .msg_iov = parts, .msg_iovlen = count, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
  ssize_t n;
  *fd_count = 0;
  // A peer that went away with a message of ours unread is reported once; what it had said comes after that.
  for (int resets = 0;;) {
    n = recvmsg(sync, &header, MSG_CMSG_CLOEXEC);
    if (n >= 0 || (errno != EINTR && (errno != ECONNRESET || resets++))) break;
  }
  if (n < 0) return errno == ECONNRESET ? 0 : -errno;
  if (n == 0) return 0;
  struct cmsghdr *item = CMSG_FIRSTHDR(&header);
  if (item && item->cmsg_level == SOL_SOCKET && item->cmsg_type == SCM_RIGHTS) {
    *fd_count = (int)((item->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
    memcpy(fds, CMSG_DATA(item), (size_t)*fd_count * sizeof *fds);
  }
  return n;
}

int isl_receive_descriptors(int sync, struct isl_message *message, int fds[ISL_MAX_CARRIED], int *fd_count) {
  struct iovec data = {message, sizeof *message};
  ssize_t n = isl_receive_parts(sync, &data, 1, fds, fd_count);
  if (n <= 0) return (int)n;
  if (n == (ssize_t)sizeof *message) return 1;
  while (*fd_count > 0) close(fds[--*fd_count]);
  return -EPROTO;
}

int isl_receive(int sync, struct isl_message *message, int *fd) {
  int fds[ISL_MAX_CARRIED], count, r = isl_receive_descriptors(sync, message, fds, &count);
  *fd = count > 0 ? fds[0] : -1;
  while (count > 1) close(fds[--count]);
  return r;
}
