// Landlock (landlock(7), Linux 5.13): a process gives up all access to files but what its rules name, for good and for
// all that it starts. It takes no privileges and no namespace.
#include "isl_child.h"

#include "isl_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// landlock_create_ruleset(2), landlock_add_rule(2) and landlock_restrict_self(2) have these numbers everywhere.
#define CREATE_RULESET 444
#define ADD_RULE 445
#define RESTRICT_SELF 446

enum rights {
  execute = 1 << 0,
  write_file = 1 << 1,
  read_file = 1 << 2,
  read_dir = 1 << 3,
  make_char = 1 << 6,
  make_block = 1 << 11,
  all_of_version_1 = (1 << 13) - 1,
  refer = 1 << 13, // version 2: to another folder
  truncated = 1 << 14, // version 3
  ioctl_device = 1 << 15, // version 5
  for_files = execute | write_file | read_file | truncated | ioctl_device,
};

struct ruleset {
  uint64_t files, network, scoped;
};

struct path_rule {
  uint64_t allowed;
  int32_t parent;
} __attribute__((packed));

int isl_landlock_version(void) {
  long version = syscall(CREATE_RULESET, NULL, 0, 1 /* LANDLOCK_CREATE_RULESET_VERSION */);
  return version < 0 ? -errno : (int)version;
}

static uint64_t handled_files(int version) {
  return all_of_version_1 | (version > 1 ? refer : 0) | (version > 2 ? truncated : 0) | (version > 4 ? ioctl_device : 0);
}

/// A set of rules by which nothing is allowed yet: no file, no outgoing TCP connection (version 4), no signal to a
/// process outside and no abstract socket of one (version 6). Returns its descriptor or -errno.
static int make_ruleset(int version) {
  struct ruleset attributes = {
      .files = handled_files(version), .network = version > 3 ? 1 << 1 : 0, .scoped = version > 5 ? 3 : 0};
  size_t size = version > 5 ? sizeof attributes : version > 3 ? offsetof(struct ruleset, scoped) : sizeof attributes.files;
  long fd = syscall(CREATE_RULESET, &attributes, size, 0);
  return fd < 0 ? -errno : (int)fd;
}

static uint64_t rights_of(enum isl_access access) {
  switch (access) {
  case ISL_ACCESS_READ: return execute | read_file | read_dir;
  case ISL_ACCESS_LOOK: return read_file | read_dir;
  case ISL_ACCESS_WRITE: return (all_of_version_1 & ~(make_char | make_block)) | refer | truncated;
  case ISL_ACCESS_DEVICE: return read_file | write_file | truncated | ioctl_device;
  }
  return 0;
}

static int add_rule(int ruleset, int file, uint64_t allowed) {
  struct path_rule rule = {.allowed = allowed, .parent = file};
  return syscall(ADD_RULE, ruleset, 1 /* LANDLOCK_RULE_PATH_BENEATH */, &rule, 0) < 0 ? -errno : 0;
}

static int allow(int ruleset, const char *path, enum isl_access access, int version) {
  struct stat st;
  int fd = open(path, O_PATH | O_CLOEXEC);
  if (fd < 0) return -errno;
  int r = fstat(fd, &st) < 0 ? -errno : 0;
  uint64_t rights = rights_of(access) & handled_files(version);
  if (r == 0) r = add_rule(ruleset, fd, S_ISDIR(st.st_mode) ? rights : rights & for_files);
  close(fd);
  return r;
}

/// The version to be used: the kernel's, or the one that a test asks for.
static int version_of(const struct isl_step *step) {
  int version = isl_landlock_version();
  return version > 0 && step->w > 0 && (int)step->w < version ? (int)step->w : version;
}

int isl_step_allow(struct isl_child *child, const struct isl_step *step) {
  int version = version_of(step);
  if (version < 0) return version;
  if (child->ruleset < 0) child->ruleset = make_ruleset(version);
  if (child->ruleset < 0) return child->ruleset;
  return allow(child->ruleset, isl_text(child, step->a), (enum isl_access)step->v, version);
}

int isl_step_landlock(struct isl_child *child) {
  if (child->ruleset < 0) return -EINVAL;
  int r = syscall(RESTRICT_SELF, child->ruleset, 0) < 0 ? -errno : 0;
  close(child->ruleset);
  child->ruleset = -1;
  // A change of the user has undone it (PR_SET_PDEATHSIG).
  return r < 0 ? r : isl_end_with_keeper(child);
}

/// Whoever gets hold of a folder outside, by a descriptor that was left open or through a way out of the mount
/// namespace, finds it closed: the rules are bound to the root, and walking up from there never comes to it. The
/// standard streams can be opened again (/dev/stdin); those that are pipes Landlock does not ask about.
int isl_step_belt(void) {
  int version = isl_landlock_version();
  if (version < 0) return version;
  uint64_t handled = handled_files(version);
  // Without that right nothing can be moved to another folder, whatever the rules say.
  if (!(handled & refer)) return -EOPNOTSUPP;
  int ruleset = (int)syscall(CREATE_RULESET, &handled, sizeof handled, 0);
  if (ruleset < 0) return -errno;
  int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  int r = root < 0 ? -errno : add_rule(ruleset, root, handled);
  if (root >= 0) close(root);
  for (int fd = 0; fd < 3 && r == 0; fd++) {
    struct stat st;
    if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode))) continue;
    (void)add_rule(ruleset, fd, for_files & handled);
  }
  if (r == 0 && syscall(RESTRICT_SELF, ruleset, 0) < 0) r = -errno;
  close(ruleset);
  return r;
}

int isl_landlock_works(void) {
  int version = isl_landlock_version();
  if (version < 0) return version;
  int ruleset = make_ruleset(version);
  if (ruleset < 0) return ruleset;
  int r = allow(ruleset, "/proc/self", ISL_ACCESS_LOOK, version);
  if (r == 0 && syscall(RESTRICT_SELF, ruleset, 0) < 0) r = -errno;
  close(ruleset);
  if (r < 0) return r;
  // What it says it does is seen.
  int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), error = errno;
  if (fd >= 0) close(fd);
  return fd < 0 && error == EACCES ? 0 : -EOPNOTSUPP;
}
