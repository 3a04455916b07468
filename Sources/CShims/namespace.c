// Sockets and files of other namespaces.
#include "isl_namespace.h"

#include "isl_child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// What is to be opened, and where.
struct wish {
  int user_namespace; // negative: the caller's
  int where;          // a namespace's descriptor, or a pidfd of a process in it
  int flags;          // CLONE_NEW* of what is joined
  int count;
  const char *path; // NULL: sockets
  int domain, type, protocol;
};

static int make(const struct wish *wish, int out) {
  if (wish->user_namespace >= 0 && syscall(SYS_setns, wish->user_namespace, CLONE_NEWUSER) < 0) return -errno;
  if (syscall(SYS_setns, wish->where, wish->flags) < 0) return -errno;
  for (int i = 0; i < wish->count; i++) {
    int fd = wish->path ? open(wish->path, O_RDONLY | O_CLOEXEC)
                        : socket(wish->domain, wish->type | SOCK_CLOEXEC, wish->protocol);
    if (fd < 0) return -errno;
    struct isl_message message = {.type = ISL_MESSAGE_DESCRIPTOR, .index = i};
    int r = isl_send(out, &message, fd);
    close(fd);
    if (r < 0) return r;
  }
  return 0;
}

static int open_in(const struct wish *wish, int *fds) {
  int pair[2], got = 0;
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return -errno;
  // setns(2): only a process without other threads may join a user namespace.
  long pid = isl_fork(0);
  if (pid == 0) {
    struct isl_message message = {.type = ISL_MESSAGE_FAILED};
    int r = make(wish, pair[1]);
    if (r < 0) {
      message.error = -r;
      (void)isl_send(pair[1], &message, -1);
    }
    _exit(0);
  }
  close(pair[1]);
  int r = pid < 0 ? (int)pid : 0;
  while (r == 0 && got < wish->count) {
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

int isl_open_sockets(int user_namespace, int network_namespace, int domain, int type, int *fds, int count) {
  struct wish wish = {.user_namespace = user_namespace, .where = network_namespace, .flags = CLONE_NEWNET};
  wish.count = count;
  wish.domain = domain;
  wish.type = type;
  return open_in(&wish, fds);
}

int isl_open_socket_table(int user_namespace, int network_namespace) {
  struct wish wish = {.user_namespace = user_namespace, .where = network_namespace, .flags = CLONE_NEWNET};
  wish.count = 1;
  wish.domain = AF_NETLINK;
  wish.type = SOCK_RAW;
  wish.protocol = NETLINK_SOCK_DIAG;
  int fd, r = open_in(&wish, &fd);
  return r < 0 ? r : fd;
}

int isl_open_segments(int user_namespace, int process) {
  struct wish wish = {.user_namespace = user_namespace, .where = process, .flags = CLONE_NEWIPC, .count = 1};
  wish.path = "/proc/sysvipc/shm";
  int fd, r = open_in(&wish, &fd);
  return r < 0 ? r : fd;
}
