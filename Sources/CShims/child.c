// The child between clone and execve: one ordered list of steps, async-signal-safe calls only.
#include "isl_child.h"
#include "isl_refused.h"
#include "isl_startup.h"
#include "isl_syscalls.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/// Tells the parent what failed and ends. Before the first step `number` is -1 and `kind` says which part it was.
__attribute__((noreturn)) static void fail(struct isl_child *child, int32_t number, int32_t kind, uint32_t index, int error) {
  struct isl_message message = {
      .type = ISL_MESSAGE_FAILED, .step = number, .kind = kind, .index = (int32_t)index, .error = error};
  (void)isl_send(child->sync, &message, -1);
  _exit(127);
}

/// Writes a text in one write(2) and closes the file; `fd` may be an error.
static int write_and_close(int fd, const char *text) {
  if (fd < 0) return fd;
  size_t length = strlen(text);
  ssize_t n = write(fd, text, length);
  int r = n == (ssize_t)length ? 0 : n < 0 ? -errno : -EIO;
  close(fd);
  return r;
}

int isl_write_file(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  return fd < 0 ? -errno : write_and_close(fd, text);
}

int isl_write_own(const struct isl_child *child, const char *path, const char *text) {
  return write_and_close(isl_open_own(child, path), text);
}

/// Our program is the runtime's, which /proc/PID/exe leads to. We hide from the start where others may have our ids
/// and our capabilities: as the host's root, and in a user namespace that is not ours alone. Elsewhere we hide before
/// capabilities go, for until then nobody else has all of them, and whoever started us may want to look
/// (/proc/PID/ns, newuidmap(1)).
/// CAP_SYS_PTRACE of a container's own user namespace does not help: before execve(2) our memory belongs to the
/// caller's (ptrace(2), "Ptrace access mode checking").
void isl_hide(struct isl_child *child) {
  child->is_hidden = 1;
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

int isl_open_own(const struct isl_child *child, const char *path) {
  int fd = open(path, O_WRONLY | O_CLOEXEC), error = errno;
  if (fd < 0 && error == EACCES && child->is_hidden) {
    // While we still have every capability of our user namespace.
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    error = errno;
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  }
  return fd < 0 ? -error : fd;
}

/// Says one word to the parent and waits for its "go".
static int ask(struct isl_child *child, int32_t type) {
  struct isl_message message = {.type = type};
  int fd, r = isl_send(child->sync, &message, -1);
  if (r < 0) return r;
  r = isl_receive(child->sync, &message, &fd);
  isl_take_stub(child, fd);
  if (r == 0) _exit(127); // the parent is gone: so are we
  if (r > 0 && message.type == ISL_MESSAGE_GO && message.index > 0) child->host_pid = message.index;
  return r < 0 ? r : message.type == ISL_MESSAGE_GO ? 0 : -EPROTO;
}

/// A parent that had nothing to do here has given its word already, and is not woken for it.
static int pass_gate(struct isl_child *child) {
  return child->plan->flags & ISL_PLAN_OPENS_GATE_EARLY ? isl_pass_early_gate(child)
                                                        : ask(child, ISL_MESSAGE_READY);
}

/// Leaves the file open: it is closed with all the others.
static int write_map(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  size_t length = strlen(text);
  ssize_t n = write(fd, text, length);
  return n == (ssize_t)length ? 0 : n < 0 ? -errno : -EIO;
}

static int write_maps(struct isl_child *child) {
  const struct isl_plan_header *plan = child->plan;
  int r = 0;
  if (plan->flags & ISL_PLAN_CHILD_WRITES_MAPS) {
    // user_namespaces(7): an unprivileged writer of gid_map must deny setgroups first.
    if (plan->flags & ISL_PLAN_DENY_SETGROUPS) r = write_map("/proc/self/setgroups", "deny");
    if (r == 0) r = write_map("/proc/self/gid_map", isl_text(child, plan->gid_map));
    if (r == 0) r = write_map("/proc/self/uid_map", isl_text(child, plan->uid_map));
  } else if (plan->flags & ISL_PLAN_PARENT_WRITES_MAPS) {
    r = ask(child, ISL_MESSAGE_MAPS);
  }
  if (r == 0 && (plan->flags & ISL_PLAN_BECOME_ROOT)) {
    int left = syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0;
    // One that is entered need not map id 0: then the set-up is done as whom we are there.
    if (left && !(errno == EINVAL && (plan->flags & ISL_PLAN_ENTERS_USER))) r = -errno;
    // The change of ids made us undumpable, which hands /proc/self to the host's root.
    prctl(PR_SET_DUMPABLE, !child->is_hidden, 0, 0, 0);
  }
  // Strangers in the namespaces that were entered see us.
  if (r == 0 && plan->namespaces[0] >= 0 && !child->is_hidden) isl_hide(child);
  return r;
}

static int make_directory(struct isl_child *child, const struct isl_step *step) {
  int fd = isl_resolve_or_make(child, child->root, isl_text(child, step->a), 0, 1, (mode_t)step->v);
  if (fd < 0) return fd;
  close(fd);
  return 0;
}

static int make_symlink(struct isl_child *child, const struct isl_step *step) {
  const char *leaf = child->fresh < 0 ? NULL : isl_leaf_below(child->fresh_path, isl_text(child, step->a));
  if (leaf) return symlinkat(isl_text(child, step->b), child->fresh, leaf) < 0 && errno != EEXIST ? -errno : 0;
  int parent = isl_resolve_parent(child, child->root, isl_text(child, step->a), &leaf);
  if (parent < 0) return parent;
  int r = symlinkat(isl_text(child, step->b), parent, leaf) < 0 && errno != EEXIST ? -errno : 0;
  close(parent);
  return r;
}

static int run_step(struct isl_child *child, const struct isl_step *step) {
  const char *a = isl_text(child, step->a);
  switch ((enum isl_step_kind)step->kind) {
  case ISL_STEP_PROPAGATION:
  case ISL_STEP_ROOT_PROPAGATION: return isl_set_propagation("/", (unsigned long)step->v);
  case ISL_STEP_TIME_NAMESPACE: return isl_step_time_namespace(child, a);
  case ISL_STEP_HOOK: return isl_step_hook(child, step);
  case ISL_STEP_ROOT: return isl_step_root(child, step);
  case ISL_STEP_MOUNT: return isl_step_mount(child, step);
  case ISL_STEP_BIND: return isl_step_bind(child, step);
  case ISL_STEP_LABEL: return isl_step_label(child, step);
  case ISL_STEP_DIRECTORY: return make_directory(child, step);
  case ISL_STEP_SYMLINK: return make_symlink(child, step);
  case ISL_STEP_DEVICE: return isl_step_device(child, step);
  case ISL_STEP_DEVICE_ATTRIBUTES: return isl_step_device_attributes(child, step);
  case ISL_STEP_NODE: return isl_step_node(child, step);
  case ISL_STEP_MASK: return isl_step_mask(child, step);
  case ISL_STEP_READONLY: return isl_step_readonly(child, step);
  case ISL_STEP_PIVOT: child->is_inside = 1; return isl_step_pivot(child, step);
  case ISL_STEP_ROOT_READONLY: return isl_step_root_readonly(child);
  case ISL_STEP_LOOPBACK: return isl_step_loopback(step);
  case ISL_STEP_LISTEN: return isl_step_listen(child, step);
  case ISL_STEP_OUTSIDE: return isl_step_outside(child, step);
  case ISL_STEP_SYSCTL: return isl_write_file(a, isl_text(child, step->b));
  case ISL_STEP_CONSOLE: return isl_step_console(child, step);
  case ISL_STEP_HOSTNAME: return sethostname(a, strlen(a)) < 0 ? -errno : 0;
  case ISL_STEP_DOMAINNAME: return setdomainname(a, strlen(a)) < 0 ? -errno : 0;
  case ISL_STEP_SESSION_KEYRING:
    return syscall(SYS_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, 0, 0, 0, 0) < 0 ? -errno : 0;
  case ISL_STEP_OOM_SCORE: return isl_write_own(child, "/proc/self/oom_score_adj", a);
  case ISL_STEP_RLIMIT: return isl_step_resource_limit(step);
  case ISL_STEP_IO_PRIORITY: return isl_step_io_priority(step);
  case ISL_STEP_SCHEDULER: return isl_step_scheduler(child, step);
  case ISL_STEP_AFFINITY: return isl_step_affinity(child, step);
  case ISL_STEP_MEMORY_POLICY: return isl_step_memory_policy(child, step);
  case ISL_STEP_PERSONALITY: return personality((unsigned long)step->v) < 0 ? -errno : 0;
  case ISL_STEP_FIND_PROGRAM: return isl_step_find_program(child);
  case ISL_STEP_GATE: return pass_gate(child);
  case ISL_STEP_ADOPT: return isl_step_adopt(child);
  case ISL_STEP_START_PIPE: return isl_step_start_pipe(child);
  case ISL_STEP_USER: return isl_step_user(child, step);
  case ISL_STEP_CAPABILITIES: return isl_step_capabilities(child, step);
  case ISL_STEP_NO_NEW_PRIVILEGES: return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
  case ISL_STEP_UMASK: umask((mode_t)step->v); return 0;
  case ISL_STEP_WORKING_DIRECTORY: return isl_step_working_directory(child, step);
  case ISL_STEP_HOME: return isl_step_home(child, step);
  case ISL_STEP_INIT: return isl_step_init(child);
  case ISL_STEP_KEEP: return isl_step_keep(child, step);
  case ISL_STEP_OWN_ROOT: return isl_step_own_root(a);
  case ISL_STEP_ALLOW: return isl_step_allow(child, step);
  case ISL_STEP_LANDLOCK: return isl_step_landlock(child);
  case ISL_STEP_BELT: return isl_step_belt();
  case ISL_STEP_CLOSE_DESCRIPTORS: return isl_step_close_descriptors(3 + (int)child->plan->preserved);
  case ISL_STEP_SECCOMP: return isl_step_seccomp(child, step);
  case ISL_STEP_EXEC: return isl_execute(child);
  case ISL_STEP_NONE:
  case ISL_STEP_COUNT: break;
  }
  return -EINVAL;
}

/// Once more where the first time has found that a call is not to be had: every step then has an older way, or says
/// so again.
static int run_step_either_way(struct isl_child *child, const struct isl_step *step) {
  (void)isl_found_refusal();
  int r = run_step(child, step);
  while (r == -ENOSYS && isl_found_refusal()) r = run_step(child, step);
  return r;
}

static void reset_signals(const struct isl_child *child) {
  // The raw call: sigaction(3) leaves out 32 and 33, which are glibc's, and they too are inherited.
  static const unsigned long nothing[4]; // struct sigaction of the kernel: SIG_DFL, no flags, no mask
  for (int signal = 1; signal < 65; signal++) {
    if (child->handlers_are_default && !(child->ignored >> (signal - 1) & 1)) continue;
    syscall(SYS_rt_sigaction, signal, nothing, NULL, 8);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

/// Writes one of the maps of another process; `name` begins with a slash.
static int write_map_of(pid_t pid, const char *name, const char *text) {
  char path[40] = "/proc/", digits[12];
  size_t length = 6;
  int count = 0;
  for (unsigned long left = (unsigned long)pid; left > 0 && count < (int)sizeof digits; left /= 10)
    digits[count++] = (char)('0' + left % 10);
  while (count > 0) path[length++] = digits[--count];
  strcpy(path + length, name);
  return isl_write_file(path, text);
}

/// What is entered is that of a sibling of ours (CLONE_PARENT), because a PID namespace takes in only children.
/// The sibling goes on and we end: the caller waits for it as for a child of its own.
///
/// Within a held user namespace we have every capability over the sibling's, whose maps therefore we can write
/// (user_namespaces(7)). Until it has them, and if we fail, the sibling does nothing.
static int go_on_as_sibling(struct isl_child *child, uint64_t flags) {
  int gate[2], pidfd = -1;
  if (pipe2(gate, O_CLOEXEC) < 0) return -errno;
  long pid = syscall(SYS_clone, flags | CLONE_PARENT | CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
  if (pid < 0) return -errno;
  if (pid == 0) {
    // The caller must know of us before we ask it anything.
    char byte;
    ssize_t n;
    close(gate[1]);
    while ((n = read(gate[0], &byte, 1)) < 0 && errno == EINTR) {}
    if (n != 1) _exit(127);
    close(gate[0]);
    return 0;
  }
  struct isl_message message = {.type = ISL_MESSAGE_JOINED, .index = (int32_t)pid};
  (void)isl_send(child->sync, &message, pidfd);
  if (child->plan->held_user >= 0) {
    int r = write_map_of((pid_t)pid, "/gid_map", isl_text(child, child->plan->gid_map));
    if (r == 0) r = write_map_of((pid_t)pid, "/uid_map", isl_text(child, child->plan->uid_map));
    if (r < 0) fail(child, -1, 0, 0, -r);
  }
  (void)!write(gate[1], "", 1);
  _exit(0);
}

/// Enters a running container's namespaces.
static int join(struct isl_child *child) {
  if (child->join < 0) return 0;
  // What can be seen from inside before execve is still the host's (CVE-2016-9962).
  isl_hide(child);
  child->is_inside = 1;
  int r = 0;
  if (isl_is_process_folder(child->join)) r = isl_join_by_folder(child->join, child->plan->join_flags);
  else if (syscall(SYS_setns, child->join, (int)child->plan->join_flags) < 0) r = -errno;
  if (r < 0) return r;
  close(child->join);
  child->join = -1;
  r = go_on_as_sibling(child, 0);
  if (r < 0) return r;
  child->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  return child->root < 0 ? -errno : 0;
}

static int enter_one(int *namespace) {
  if (*namespace < 0) return 0;
  if (syscall(SYS_setns, *namespace, 0) < 0) return -errno;
  close(*namespace);
  *namespace = -1;
  return 0;
}

/// Whether the user namespace we are in lets nobody call setgroups(2): user_namespaces(7), /proc/PID/setgroups.
static int setgroups_is_denied(void) {
  char word[4];
  int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  ssize_t n = read(fd, word, sizeof word);
  close(fd);
  return n == (ssize_t)sizeof word && memcmp(word, "deny", sizeof word) == 0;
}

/// Enters the namespaces that the specification names by their paths and makes the new ones after that. With a user
/// namespace among them, what the caller's privileges do not open may belong to that one.
static int enter(struct isl_child *child) {
  if (child->held_user >= 0) {
    int r = enter_one(&child->held_user);
    return r < 0 ? r : go_on_as_sibling(child, child->plan->clone_flags);
  }
  if (child->namespaces[0] < 0) return 0;
  int enters_user = (child->plan->flags & ISL_PLAN_ENTERS_USER) != 0, r = 0;
  for (int i = enters_user; i < ISL_MAX_NAMESPACES && r == 0; i++) {
    r = enter_one(&child->namespaces[i]);
    if (r == -EPERM && enters_user) r = 0;
  }
  // Before /proc can be that of a mount namespace.
  if (r == 0 && enters_user && (r = enter_one(&child->namespaces[0])) == 0)
    child->denies_setgroups = setgroups_is_denied();
  for (int i = 0; i < ISL_MAX_NAMESPACES && r == 0; i++) r = enter_one(&child->namespaces[i]);
  return r < 0 ? r : go_on_as_sibling(child, child->plan->clone_flags);
}

/// What a security module makes of us at execve(2); children inherit it. While /proc is the host's: what is at
/// that path in a container could be anything (CVE-2025-52881).
static int set_label(struct isl_child *child) {
  const char *path = isl_text(child, child->plan->label_file), *text = isl_text(child, child->plan->label);
  if (!*path) return 0;
  child->is_labelled = 1;
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  struct statfs fs;
  int r = fstatfs(fd, &fs) < 0 ? -errno : fs.f_type != ISL_PROC_MAGIC ? -ENODEV : 0;
  if (r == 0 && write(fd, text, strlen(text)) < 0) r = -errno;
  close(fd);
  return r;
}

int isl_tell_refused(const struct isl_child *child, const struct isl_step *step, int error) {
  struct isl_message message = {.type = ISL_MESSAGE_SOFT, .kind = step->kind, .index = (int32_t)step->index, .error = error};
  return isl_send(child->sync, &message, -1);
}

/// Whether the container can do without what was refused. A name of the machine's is kept from us by a filter alone:
/// within namespaces of our own nothing else does.
static int is_dispensable(const struct isl_step *step, int error) {
  if (!(step->flags & ISL_FLAG_SOFT)) return 0;
  if (step->kind == ISL_STEP_HOSTNAME || step->kind == ISL_STEP_DOMAINNAME) return error == EPERM || error == ENOSYS;
  return step->kind != ISL_STEP_DEVICE || error == ENOENT;
}

static void run_plan(struct isl_child *child) {
  const struct isl_plan_header *plan = child->plan;
  for (uint32_t i = 0; i < plan->step_count; i++) {
    const struct isl_step *step = &child->steps[i];
    int r = run_step_either_way(child, step);
    if (r >= 0 && child->plan != plan) return;
    if (r >= 0) continue;
    if (!is_dispensable(step, -r)) fail(child, (int32_t)i, step->kind, step->index, -r);
    (void)isl_tell_refused(child, step, -r);
  }
}

/// While /proc is the caller's.
static int send_namespaces(struct isl_child *child) {
  const struct { const char *path; int kind; } all[] = {
      {"/proc/self/ns/user", CLONE_NEWUSER}, {"/proc/self/ns/net", CLONE_NEWNET}};
  for (size_t i = 0; i < 2; i++) {
    int fd = open(all[i].path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return -errno;
    struct isl_message message = {.type = ISL_MESSAGE_NAMESPACE, .index = all[i].kind};
    int r = isl_send(child->sync, &message, fd);
    close(fd);
    if (r < 0) return r;
  }
  return 0;
}

void isl_child_main(struct isl_child *child) {
  child->denies_setgroups = (child->plan->flags & ISL_PLAN_DENY_SETGROUPS) != 0;
  reset_signals(child);
  if (isl_callers_user() == 0 || child->plan->flags & ISL_PLAN_ENTERS_USER) isl_hide(child);
  int r = isl_keep_own_descriptors(child);
  if (r == 0 && (r = set_label(child)) < 0) fail(child, -1, ISL_FAILED_LABEL, 0, -r);
  if (r == 0) r = enter(child);
  if (r < 0) fail(child, -1, ISL_FAILED_NAMESPACE, 0, -r);
  if ((r = join(child)) < 0) fail(child, -1, ISL_FAILED_JOIN, 0, -r);
  r = write_maps(child);
  // A session of its own: signals of the caller's terminal do not reach it (CVE-2017-5226).
  if (r == 0 && syscall(SYS_setsid) < 0) r = -errno;
  if (r == 0 && child->sends_namespaces) r = send_namespaces(child);
  if (r < 0) fail(child, -1, 0, 0, -r);
  // What is made on the way gets its modes by name, or those of a new directory.
  if (!child->has_usual_umask) umask(022);
  run_plan(child);
  // It ended with ISL_STEP_ADOPT: what is left to do came with the request.
  run_plan(child);
  _exit(127);
}
