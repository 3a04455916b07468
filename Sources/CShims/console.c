// The payload's terminal: a pseudoterminal of the container's own devpts, so that nothing it does to it
// reaches the caller's (CVE-2017-5226), opened by descriptor and verified (CVE-2025-52565). pty(7),
// TIOCGPTPEER since Linux 4.13.
#include "isl_child.h"
#include "isl_launch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#ifndef TIOCGPTN
#define TIOCGPTN _IOR('T', 0x30, unsigned int)
#endif
#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif
#define ISL_DEVPTS_MAGIC 0x1cd1

/// The multiplexer of the devpts mounted in the container, and nothing else that may stand in its place.
static int open_multiplexer(struct isl_child *child) {
  int place = isl_resolve(child, child->root, "/dev/pts/ptmx", 1);
  if (place < 0) return place;
  struct stat st;
  struct statfs fs;
  if (fstat(place, &st) < 0 || fstatfs(place, &fs) < 0 || !S_ISCHR(st.st_mode) ||
      st.st_rdev != makedev(5, 2) || fs.f_type != ISL_DEVPTS_MAGIC) {
    close(place);
    return -ENODEV;
  }
  char path[40];
  int master = open(isl_fd_path(path, place), O_RDWR | O_NOCTTY | O_CLOEXEC);
  int error = errno;
  close(place);
  return master < 0 ? -error : master;
}

/// Whoever relays the terminal has one that puts the carriage return before a new line, or a file that is to have none.
static int leave_newlines(int slave) {
  struct termios settings;
  if (tcgetattr(slave, &settings) < 0) return -errno;
  settings.c_oflag &= ~(tcflag_t)ONLCR;
  return tcsetattr(slave, TCSANOW, &settings) < 0 ? -errno : 0;
}

static int hand_out(struct isl_child *child, const struct isl_step *step, int master) {
  struct isl_message message = {.type = ISL_MESSAGE_DESCRIPTOR, .index = (int32_t)step->index};
  return isl_send(child->sync, &message, master);
}

static int become_terminal(const struct isl_step *step, int slave) {
  if (fchown(slave, (uid_t)step->v, (gid_t)-1) < 0) return -errno;
  for (int fd = 0; fd < 3; fd++)
    if (dup2(slave, fd) < 0) return -errno;
  // We are a session leader without a terminal: this becomes it.
  return ioctl(0, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

int isl_step_console(struct isl_child *child, const struct isl_step *step) {
  int master = open_multiplexer(child);
  if (master < 0) return master;
  int unlock = 0, slave = -1, r = 0;
  if (ioctl(master, TIOCSPTLCK, &unlock) < 0) r = -errno;
  if (r == 0 && (slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) r = -errno;
  if (r == 0 && step->w >> 32) r = leave_newlines(slave);
  if (r == 0 && (uint32_t)step->w) {
    struct winsize size = {.ws_row = (unsigned short)((uint32_t)step->w >> 16), .ws_col = (unsigned short)step->w};
    if (ioctl(slave, TIOCSWINSZ, &size) < 0) r = -errno;
  }
  if (r == 0) r = hand_out(child, step, master);
  if (r == 0) r = become_terminal(step, slave);
  if (r == 0 && (step->flags & ISL_FLAG_CREATE)) r = isl_bind_onto(child, slave, "/dev/console");
  if (slave >= 0) close(slave);
  close(master);
  return r;
}

/// The terminal of a container that failed may hold what a hook said of the cause: it is shown where we would have
/// relayed it (leave_newlines()). Whoever else has it open is not waited for.
static void show_rest(int master) {
  char text[4096];
  struct pollfd watched = {.fd = master, .events = POLLIN};
  for (ssize_t count; poll(&watched, 1, 50) > 0 && (count = read(master, text, sizeof text)) > 0;)
    if (write(1, text, (size_t)count) != count) return;
}

void isl_give_up_descriptor(int fd) {
  struct termios settings;
  int number;
  if (ioctl(fd, TIOCGPTN, &number) == 0 && tcgetattr(fd, &settings) == 0 && !(settings.c_oflag & ONLCR)) show_rest(fd);
  close(fd);
}
