// PID 1 of the machine that uml-run starts; uml-run compiles it, as a static program.
//
// The kernel argument isolate_job=DIR names a folder of the host: DIR/settings and DIR/command
// are read, DIR/status, DIR/error and DIR/log are written. One process and no helper programs,
// because a fork costs 50 ms and more in User-Mode Linux.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { MAXIMUM = 128 };

static char host_job[2048];  // the job folder's path on the host
static char job[2060];       // its path in the machine
static char directory[4096] = "/", user[64] = "root", group_path[528];
static unsigned uid, gid;
static int systemd;
static char *writable[MAXIMUM], *variables[MAXIMUM];
static int writables, variable_count;

static void write_file(const char *folder, const char *name, const char *text) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  if (write(file, text, strlen(text)) < 0) fprintf(stderr, "write %s: %m\n", path);
  close(file);
}

// The command's status, the kernel's log (which tells of out-of-memory kills), and power off.
static void finish(int status) {
  static char log[1 << 18];
  char text[16];
  if (syscall(SYS_syslog, 3, log, sizeof log - 1) > 0) write_file(job, "log", log);
  snprintf(text, sizeof text, "%d\n", status);
  write_file(job, "status", text);
  sync();
  reboot(RB_POWER_OFF);
  _exit(1);
}

static void fail(const char *format, ...) {
  char text[4096];
  int reason = errno;
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(text, sizeof text - 256, format, arguments);
  va_end(arguments);
  snprintf(text + length, 256, ": %s\n", strerror(reason));
  write_file(job, "error", text);
  sync();
  reboot(RB_POWER_OFF);
  _exit(1);
}

static void mount_at(const char *source, const char *target, const char *type, unsigned long flags,
                     const char *options) {
  if (mount(source, target, type, flags, options) < 0) fail("mount %s on %s", source, target);
}

static void make_folders(const char *path, mode_t mode) {
  char prefix[4096];
  snprintf(prefix, sizeof prefix, "%s", path);
  for (char *slash = strchr(prefix + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    mkdir(prefix, 0755);
    *slash = '/';
  }
  mkdir(prefix, mode);
}

static void make_owned(const char *path, mode_t mode) {
  make_folders(path, mode);
  chmod(path, mode);
  if (chown(path, uid, gid) < 0) fail("chown %s", path);
}

static void load_module(const char *name) {
  char path[512];
  struct utsname machine;
  uname(&machine);
  snprintf(path, sizeof path, "/usr/lib/uml/modules/%s/kernel/%s", machine.release, name);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || (syscall(SYS_finit_module, file, "", 0) < 0 && errno != EEXIST)) fail("module %s", path);
  close(file);
}

static void read_settings(void) {
  char path[4096], *line = NULL;
  size_t capacity = 0;
  ssize_t length;
  snprintf(path, sizeof path, "%s/settings", job);
  FILE *file = fopen(path, "re");
  if (!file) fail("open %s", path);
  while ((length = getline(&line, &capacity, file)) > 0) {
    if (line[length - 1] == '\n') line[length - 1] = 0;
    char *value = strchr(line, '=');
    if (!value) continue;
    *value++ = 0;
    if (!strcmp(line, "uid")) uid = (unsigned)atoi(value);
    else if (!strcmp(line, "gid")) gid = (unsigned)atoi(value);
    else if (!strcmp(line, "systemd")) systemd = atoi(value);
    else if (!strcmp(line, "user")) snprintf(user, sizeof user, "%s", value);
    else if (!strcmp(line, "directory")) snprintf(directory, sizeof directory, "%s", value);
    else if (!strcmp(line, "writable") && writables < MAXIMUM) writable[writables++] = strdup(value);
    else if (!strcmp(line, "variable") && variable_count < MAXIMUM) variables[variable_count++] = strdup(value);
  }
  fclose(file);
}

// The root: the host's files below, a tmpfs above. Afterwards the host's files can be written
// only in the writable folders and the job's own.
static void make_root(void) {
  char source[4096];
  mount_at("layers", "/mnt", "tmpfs", 0, "size=95%,mode=755");
  mkdir("/mnt/upper", 0755);
  mkdir("/mnt/work", 0755);
  mkdir("/mnt/root", 0755);
  mount_at("root", "/mnt/root", "overlay", 0, "lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work");
  if (chdir("/mnt/root") < 0) fail("chdir /mnt/root");
  // .host/root becomes the host's own / for a moment: a chmod of it would reach the host.
  mkdir(".host", 0700);
  mkdir(".host/root", 0755);
  if (syscall(SYS_pivot_root, ".", ".host/root") < 0) fail("pivot_root");
  if (chdir("/") < 0) fail("chdir /");
  mount_at("/.host/root/proc", "/proc", NULL, MS_MOVE, NULL);
  mount_at("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  mount_at("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=90%");
  mkdir("/run/job", 0700);
  snprintf(source, sizeof source, "/.host/root%s", host_job);
  mount_at(source, "/run/job", NULL, MS_BIND, NULL);
  strcpy(job, "/run/job");
  for (int i = 0; i < writables; i++) {
    make_folders(writable[i], 0755);
    snprintf(source, sizeof source, "/.host/root%s", writable[i]);
    mount_at(source, writable[i], NULL, MS_BIND, NULL);
  }
  if (umount2("/.host/root", MNT_DETACH) < 0) fail("umount /.host/root");
  rmdir("/.host/root");
  rmdir("/.host");
  mount_at("none", "/", NULL, MS_REC | MS_SHARED, NULL);  // as systemd leaves it
}

static void make_devices(void) {
  static const char *const open_to_all[] = {"null", "zero", "full", "random", "urandom", "tty", "ptmx", "fuse"};
  char path[64];
  mount_at("dev", "/dev", "devtmpfs", MS_NOSUID, NULL);
  mkdir("/dev/pts", 0755);
  mkdir("/dev/shm", 01777);
  mkdir("/dev/mqueue", 01777);
  mount_at("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
  mount_at("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
  mount_at("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  if (symlink("/proc/self/fd", "/dev/fd") | symlink("/proc/self/fd/0", "/dev/stdin") |
      symlink("/proc/self/fd/1", "/dev/stdout") | symlink("/proc/self/fd/2", "/dev/stderr"))
    fail("symlink /dev/fd");
  for (size_t i = 0; i < sizeof open_to_all / sizeof *open_to_all; i++) {
    snprintf(path, sizeof path, "/dev/%s", open_to_all[i]);
    chmod(path, 0666);
  }
}

static void enable_controllers(const char *group) {
  write_file(group, "cgroup.subtree_control", "+cpu +io +memory +pids");
}

static void give_group(const char *group) {
  static const char *const names[] = {"", "/cgroup.procs", "/cgroup.threads", "/cgroup.subtree_control"};
  char path[600];
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    snprintf(path, sizeof path, "%s%s", group, names[i]);
    if (chown(path, uid, gid) < 0) fail("chown %s", path);
  }
}

// Where systemd is: our own service's group for root, one in what is delegated to the user otherwise.
static void take_group_of_systemd(void) {
  char path[512];
  if (uid == 0) {
    group_path[0] = 0;
    return;
  }
  snprintf(path, sizeof path, "/sys/fs/cgroup/user.slice/user-%u.slice/user@%u.service/app.slice", uid, uid);
  make_folders(path, 0755);
  snprintf(group_path, sizeof group_path, "%s/run.scope", path);
  mkdir(group_path, 0755);
  give_group(path);
  give_group(group_path);
}

// The groups as systemd lays them out; the unprivileged user's are its own from user@UID.service on.
static void make_groups(void) {
  static const char root[] = "/sys/fs/cgroup";
  char path[512];
  mount_at("cgroup2", root, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate,memory_recursiveprot");
  mkdir("/sys/fs/cgroup/init.scope", 0755);
  write_file("/sys/fs/cgroup/init.scope", "cgroup.procs", "1");
  enable_controllers(root);
  if (uid == 0) {
    snprintf(group_path, sizeof group_path, "%s/system.slice/run.scope", root);
    mkdir("/sys/fs/cgroup/system.slice", 0755);
    enable_controllers("/sys/fs/cgroup/system.slice");
    mkdir(group_path, 0755);
    return;
  }
  snprintf(path, sizeof path, "%s/user.slice/user-%u.slice/user@%u.service/app.slice", root, uid, uid);
  make_folders(path, 0755);
  for (char *slash = path + sizeof root - 1; slash; slash = strchr(slash + 1, '/')) {
    char saved = *slash;
    *slash = 0;
    enable_controllers(path);
    *slash = saved;
  }
  enable_controllers(path);
  snprintf(group_path, sizeof group_path, "%s/run.scope", path);
  mkdir(group_path, 0755);
  give_group(group_path);
  give_group(path);
  *strrchr(path, '/') = 0;
  give_group(path);
}

static int open_raw_terminal(const char *path) {
  struct termios settings;
  int line = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (line < 0) fail("open %s", path);
  tcgetattr(line, &settings);
  cfmakeraw(&settings);
  tcsetattr(line, TCSANOW, &settings);
  return line;
}

static void pump(int from, int to) {
  static char bytes[65536];
  ssize_t count = read(from, bytes, sizeof bytes);
  for (ssize_t done = 0; done < count;) {
    ssize_t written = write(to, bytes + done, (size_t)(count - done));
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;
    if (written > 0) done += written;
  }
}

// Runs in the forked child: its group, its user, its environment, then the shell.
static void run_command(int output, int error_output) {
  static char text[1 << 17], path[2100], home[80], name[2][80], runtime[64];
  char *environment[MAXIMUM + 16];
  char *arguments[] = {"bash", "-c", text, NULL};
  int count = 0;
  snprintf(path, sizeof path, "%s/command", job);
  int command = open(path, O_RDONLY | O_CLOEXEC), input = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (command < 0 || read(command, text, sizeof text - 1) < 0 || input < 0) _exit(125);
  if (*group_path) write_file(group_path, "cgroup.procs", "0");
  snprintf(home, sizeof home, "HOME=/run/home/%s", user);
  snprintf(name[0], sizeof name[0], "USER=%s", user);
  snprintf(name[1], sizeof name[1], "LOGNAME=%s", user);
  snprintf(runtime, sizeof runtime, "XDG_RUNTIME_DIR=/run/user/%u", uid);
  environment[count++] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  environment[count++] = "LANG=C.UTF-8";
  environment[count++] = "TERM=dumb";
  environment[count++] = "SHELL=/bin/bash";
  environment[count++] = "TMPDIR=/run/tmp";
  environment[count++] = home;
  environment[count++] = name[0];
  environment[count++] = name[1];
  environment[count++] = runtime;
  for (int i = 0; i < variable_count; i++) environment[count++] = variables[i];
  environment[count] = NULL;
  setsid();
  dup2(input, 0);
  dup2(output, 1);
  dup2(error_output, 2);
  gid_t groups[] = {gid};
  if (uid && (setgroups(1, groups) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))) _exit(125);
  if (chdir(directory) < 0 && chdir("/") < 0) _exit(125);
  execve("/bin/bash", arguments, environment);
  _exit(127);
}

// Carries the command's output to the serial lines and finishes the machine with its status.
static void run(void) {
  int lines[] = {open_raw_terminal("/dev/ttyS0"), open_raw_terminal("/dev/ttyS1")};
  int output[2], error_output[2], status = 0, ended = 0;
  if (pipe2(output, O_CLOEXEC) || pipe2(error_output, O_CLOEXEC)) fail("pipe");
  pid_t child = fork(), reaped;
  if (child < 0) fail("fork");
  if (!child) run_command(output[1], error_output[1]);
  close(output[1]);
  close(error_output[1]);
  struct pollfd streams[] = {{.fd = output[0], .events = POLLIN}, {.fd = error_output[0], .events = POLLIN}};
  for (;;) {
    // What a command writes between a look at the streams and its end is there at the next look.
    int had_ended = ended, ready = poll(streams, 2, ended ? 150 : 20), state;
    for (int i = 0; ready > 0 && i < 2; i++) {
      if (streams[i].revents & POLLIN) pump(streams[i].fd, lines[i]);
      else if (streams[i].revents) streams[i].fd = -1;
    }
    while ((reaped = waitpid(-1, &state, WNOHANG)) > 0)
      if (reaped == child) status = state, ended = 1;
    // A daemon may keep the streams open: once the command has ended and they are quiet, that is all.
    if (had_ended && ready == 0) break;
  }
  tcdrain(lines[0]);
  tcdrain(lines[1]);
  finish(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

#include "uml-systemd.h"

int main(void) {
  char path[128], arguments[4096] = "";
  umask(022);
  if (getpid() == 1) {
    mkdir("/proc", 0755);
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
  }
  int file = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, arguments, sizeof arguments - 1) < 0) reboot(RB_POWER_OFF);
  close(file);
  char *argument = strstr(arguments, " isolate_job=");
  if (!argument || sscanf(argument, " isolate_job=%2000s", host_job) != 1) reboot(RB_POWER_OFF);
  strcpy(job, host_job);
  if (getpid() != 1) {
    // A service of systemd, which has had everything made.
    strcpy(job, "/run/job");
    read_settings();
    take_group_of_systemd();
    run();
  }
  read_settings();
  load_module("fs/overlayfs/overlay.ko");
  load_module("fs/fuse/fuse.ko");
  make_root();
  make_devices();
  snprintf(path, sizeof path, "/run/home/%s", user);
  make_owned(path, 0755);
  if (!systemd) {
    snprintf(path, sizeof path, "/run/user/%u", uid);
    make_owned(path, 0700);
  }
  make_folders("/run/lock", 01777);
  make_folders("/run/tmp", 01777);
  chmod("/run/tmp", 01777);
  if (!systemd) make_groups();
  sethostname("machine", 7);
  struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int net = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ioctl(net, SIOCSIFFLAGS, &loopback);
  close(net);
  if (systemd) become_systemd(uid);
  run();
}
