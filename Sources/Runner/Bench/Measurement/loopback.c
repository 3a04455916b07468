// TCP over the loopback device, between two processes.
#include "work.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int everything(int fd, char *buffer, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t got = read(fd, buffer + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? -errno : -EPIPE;
    done += (size_t)got;
  }
  return 0;
}

static int send_all(int fd, const char *buffer, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t put = send(fd, buffer + done, size - done, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return -errno;
    done += (size_t)put;
  }
  return 0;
}

/// A connected pair over 127.0.0.1.
static int connected(int ends[2]) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), error = 0;
  ends[0] = ends[1] = -1;
  if (listener < 0) return -errno;
  if (bind(listener, (struct sockaddr *)&address, length) < 0 || listen(listener, 1) < 0 ||
      getsockname(listener, (struct sockaddr *)&address, &length) < 0 ||
      (ends[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0 ||
      connect(ends[0], (struct sockaddr *)&address, length) < 0 ||
      (ends[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
    error = errno;
  close(listener);
  for (int i = 0; i < 2 && !error; i++) setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (error && ends[0] >= 0) close(ends[0]);
  return -error;
}

enum { block = 65536, blocks = 16 };

/// The other process: answers each byte with a byte, or swallows MiBs and answers each with a byte.
static void serve(int fd, size_t request) {
  static char buffer[block];
  for (;;) {
    for (size_t left = request; left > 0;) {
      size_t now = left < block ? left : block;
      if (everything(fd, buffer, now) < 0) _exit(0);
      left -= now;
    }
    if (send_all(fd, buffer, 1) < 0) _exit(0);
  }
}

static int64_t exchange(long count, size_t request) {
  static char buffer[block];
  int ends[2], failure = connected(ends);
  if (failure) return failure;
  pid_t pid = fork();
  if (pid < 0) failure = -errno;
  if (pid == 0) {
    close(ends[0]);
    serve(ends[1], request);
  }
  close(ends[1]);
  int64_t begin = ben_now();
  for (long i = 0; i < count && !failure; i++) {
    for (size_t left = request; left > 0 && !failure;) {
      size_t now = left < block ? left : block;
      failure = send_all(ends[0], buffer, now);
      left -= now;
    }
    if (!failure) failure = everything(ends[0], buffer, 1);
  }
  int64_t spent = ben_now() - begin;
  close(ends[0]);
  if (pid > 0) {
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {}
  }
  return failure ? failure : spent;
}

/// One byte there and one back.
int64_t ben_round_trips(struct ben_place *place, long count) {
  (void)place;
  return exchange(count, 1);
}

/// One MiB there, in 64 KiB writes, and one byte back.
int64_t ben_throughput(struct ben_place *place, long count) {
  (void)place;
  return exchange(count, (size_t)block * blocks);
}
