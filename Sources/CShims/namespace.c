// Sockets of another network namespace.
#include "isl_namespace.h"

#include "isl_child.h"

#include <errno.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int make_sockets(int user_namespace, int network_namespace, int domain, int type, int count, int out) {
  if (user_namespace >= 0 && syscall(SYS_setns, user_namespace, CLONE_NEWUSER) < 0) return -errno;
  if (syscall(SYS_setns, network_namespace, CLONE_NEWNET) < 0) return -errno;
  for (int i = 0; i < count; i++) {
    int fd = socket(domain, type | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    struct isl_message message = {.type = ISL_MESSAGE_DESCRIPTOR, .index = i};
    int r = isl_send(out, &message, fd);
    close(fd);
    if (r < 0) return r;
  }
  return 0;
}

int isl_open_sockets(int user_namespace, int network_namespace, int domain, int type, int *fds, int count) {
  int pair[2], got = 0;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
  // setns(2): only a process without other threads may join a user namespace.
  long pid = isl_fork(0);
  if (pid == 0) {
    struct isl_message message = {.type = ISL_MESSAGE_FAILED};
    int r = make_sockets(user_namespace, network_namespace, domain, type, count, pair[1]);
    if (r < 0) {
      message.error = -r;
      (void)isl_send(pair[1], &message, -1);
    }
    _exit(0);
  }
  close(pair[1]);
  int r = pid < 0 ? (int)pid : 0;
  while (r == 0 && got < count) {
    struct isl_message message;
    int fd, n = isl_receive(pair[0], &message, &fd);
    if (n <= 0) r = n < 0 ? n : -EPIPE;
    else if (message.type == ISL_MESSAGE_FAILED) r = -message.error;
    else if (fd >= 0) fds[got++] = fd;
  }
  close(pair[0]);
  if (pid > 0) while (waitpid((pid_t)pid, NULL, 0) < 0 && errno == EINTR) {}
  if (r < 0) while (got) close(fds[--got]);
  return r;
}
