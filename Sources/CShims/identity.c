// Who the payload is: user, capabilities, and the filter of its system calls.
#include "isl_child.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

int isl_map_own_ids(unsigned user_inside, unsigned user, unsigned group_inside, unsigned group) {
  char text[64];
  int r = isl_write_file("/proc/self/setgroups", "deny");
  snprintf(text, sizeof text, "%u %u 1", group_inside, group);
  if (r == 0) r = isl_write_file("/proc/self/gid_map", text);
  snprintf(text, sizeof text, "%u %u 1", user_inside, user);
  return r < 0 ? r : isl_write_file("/proc/self/uid_map", text);
}

int isl_drop_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {0};
  return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

/// Leaving id 0 keeps the permitted set (PR_SET_KEEPCAPS) but clears the effective one, which the next
/// step needs to drop from the bounding set.
static int raise_effective(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data) < 0) return -errno;
  for (int i = 0; i < 2; i++) data[i].effective = data[i].permitted;
  return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/// The payload's standard streams become its user's, so that it can open /dev/stdout anew. Never a device node, such as
/// /dev/null, which is everybody's; a terminal is one's own. What cannot be given stays as it is.
static void give_streams(uid_t uid) {
  struct stat st;
  struct termios settings;
  for (int fd = 0; fd < 3; fd++) {
    if (fstat(fd, &st) < 0 || st.st_uid == uid) continue;
    int is_own = S_ISFIFO(st.st_mode) || S_ISREG(st.st_mode) || (S_ISCHR(st.st_mode) && tcgetattr(fd, &settings) == 0);
    if (is_own) (void)!fchown(fd, uid, (gid_t)-1);
  }
}

int isl_step_user(struct isl_child *child, const struct isl_step *step) {
  if (step->v != 0) give_streams((uid_t)step->v);
  // Capabilities survive the change of ids until ISL_STEP_CAPABILITIES says which stay.
  if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return -errno;
  const gid_t *groups = (const gid_t *)(const void *)(child->arena + step->a);
  if (step->flags & ISL_FLAG_KEEP_GROUPS) {
    // Asked for; a group that the namespace does not map shows as the overflow id (user_namespaces(7)).
  } else if (!child->denies_setgroups) {
    if (syscall(SYS_setgroups, (size_t)step->b, groups) < 0) return -errno;
  } else if (step->b > 0) {
    return -EPERM;
  }
  if (syscall(SYS_setresgid, (gid_t)step->w, (gid_t)step->w, (gid_t)step->w) < 0) return -errno;
  if (syscall(SYS_setresuid, (uid_t)step->v, (uid_t)step->v, (uid_t)step->v) < 0) return -errno;
  if (prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0) return -errno;
  return step->v == 0 ? 0 : raise_effective();
}

int isl_step_capabilities(struct isl_child *child, const struct isl_step *step) {
  const uint64_t *sets = (const uint64_t *)(const void *)(child->arena + step->a);
  uint64_t bounding = sets[0], permitted = sets[1], effective = sets[2], inheritable = sets[3], ambient = sets[4];
  // In a user namespace that was made for it nobody else is yet, but for programs of hooks.
  if (!(child->plan->clone_flags & CLONE_NEWUSER)) isl_hide(child);
  // The bounding set goes first: dropping from it needs CAP_SETPCAP, which the rest may take away.
  for (int capability = 0; capability < 64; capability++) {
    if (bounding >> capability & 1) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno == EINVAL) break; // the last one this kernel knows is behind us
      return -errno;
    }
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  for (int i = 0; i < 2; i++)
    data[i] = (struct __user_cap_data_struct){
        (uint32_t)(effective >> (32 * i)), (uint32_t)(permitted >> (32 * i)), (uint32_t)(inheritable >> (32 * i))};
  if (syscall(SYS_capset, &header, data) < 0) return -errno;
  if (!step->v && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -errno;
  for (int capability = 0; capability < 64; capability++)
    if ((ambient >> capability & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return -errno;
  return 0;
}

/// Only the pages that are used are there.
static struct sock_filter late_filter[BPF_MAXINSNS];

int isl_pass_early_gate(struct isl_child *child) {
  struct isl_message message;
  struct iovec parts[] = {{&message, sizeof message}, {late_filter, sizeof late_filter}};
  int fds[ISL_MAX_CARRIED], fd_count;
  ssize_t n = isl_receive_parts(child->sync, parts, 2, fds, &fd_count);
  while (fd_count > 1) close(fds[--fd_count]);
  isl_take_stub(child, fd_count > 0 ? fds[0] : -1);
  if (n == 0) _exit(127);
  if (n < 0) return (int)n;
  if (n < (ssize_t)sizeof message || message.type != ISL_MESSAGE_GO || message.step < 0 ||
      (size_t)n != sizeof message + (size_t)message.step * sizeof *late_filter)
    return -EPROTO;
  child->host_pid = message.index;
  child->late_count = (uint32_t)message.step;
  child->late_flags = (uint32_t)message.kind;
  return 0;
}

int isl_step_seccomp(struct isl_child *child, const struct isl_step *step) {
  struct sock_fprog program = {
      (unsigned short)step->b, (struct sock_filter *)(uintptr_t)(child->arena + step->a)};
  unsigned flags = (unsigned)step->v;
  if (step->flags & ISL_FLAG_LATE) {
    program = (struct sock_fprog){(unsigned short)child->late_count, late_filter};
    flags = child->late_flags;
  }
  child->filter = program.filter;
  child->filter_count = program.len;
  // What is needed for the stub is done before a filter that need not allow it.
  (void)isl_usable_stub(child);
  flags |= ((step->flags & ISL_FLAG_LISTENER) ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
  long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (fd < 0) return -errno;
  if (!(step->flags & ISL_FLAG_LISTENER)) return 0;
  // Closed by execve(2): from here on every call may be one that waits for an answer.
  if (child->seccomp_socket >= 0)
    return isl_send_state(child, isl_text(child, child->plan->seccomp_state), child->seccomp_socket, (int)fd);
  struct isl_message message = {.type = ISL_MESSAGE_DESCRIPTOR, .index = (int32_t)step->index};
  int r = isl_send(child->sync, &message, (int)fd);
  close((int)fd);
  return r;
}
