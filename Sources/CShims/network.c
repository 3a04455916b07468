// Network steps: the loopback interface by ioctl (netdevice(7)) and sockets that live in the
// container's network namespace but are served from outside it.
#include "isl_child.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void set_name(struct ifreq *request, const char *name) {
  memset(request, 0, sizeof *request);
  memcpy(request->ifr_name, name, strlen(name));
}

static void set_address(struct ifreq *request, uint32_t address) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = address};
  memcpy(&request->ifr_addr, &in, sizeof in);
}

int isl_step_loopback(const struct isl_step *step) {
  struct ifreq request;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int r = 0;
  set_name(&request, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (ioctl(fd, SIOCSIFFLAGS, &request) < 0) r = -errno;
  if (r == 0 && step->v) {
    // A second address makes "reachable from outside" testable: a program bound to 127.0.0.1
    // refuses a connection to it.
    set_name(&request, "lo:0");
    set_address(&request, (uint32_t)step->v);
    if (ioctl(fd, SIOCSIFADDR, &request) < 0) r = -errno;
    set_name(&request, "lo:0");
    set_address(&request, 0xffffffffu);
    if (r == 0 && ioctl(fd, SIOCSIFNETMASK, &request) < 0) r = -errno;
  }
  isl_leave_open(fd);
  return r;
}

int isl_step_listen(struct isl_child *child, const struct isl_step *step) {
  int datagram = (step->flags & ISL_FLAG_DATAGRAM) != 0;
  int fd = socket(AF_INET, (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  struct sockaddr_in in = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)step->w), .sin_addr.s_addr = (uint32_t)step->v};
  int r = 0;
  if (bind(fd, (struct sockaddr *)&in, sizeof in) < 0 || (!datagram && listen(fd, 128) < 0)) r = -errno;
  if (r == 0) {
    struct isl_message message = {.type = ISL_MESSAGE_DESCRIPTOR, .index = (int32_t)step->index};
    r = isl_send(child->sync, &message, fd);
  }
  close(fd);
  return r;
}
