// The payload's program: found before the container is reported as created, executed at the end.
#include "isl_child.h"
#include "isl_stub.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/// Where no stub can be had (stub.c): a payload that is the runtime's own file, or a script whose interpreter it is,
/// could open it and overwrite it later. What is at the path can be exchanged after we looked. Returns 0 for any
/// other program; -EPERM for the runtime; -EACCES for a file that cannot be looked into.
int isl_refuse_runtime(const struct isl_plan_header *plan, const char *path) {
  char text[512];
  if (!plan->program_inode) return 0;
  for (int level = 0; level < 6; level++) { // execve(2) follows at most four interpreters
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) return 0; // execve says it better
    if (st.st_dev == plan->program_device && st.st_ino == plan->program_inode) return -EPERM;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return -errno;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n < 3 || text[0] != '#' || text[1] != '!') return 0;
    text[n] = 0;
    char *name = text + 2;
    while (*name == ' ' || *name == '\t') name++;
    name[strcspn(name, " \t\n")] = 0;
    path = name;
  }
  return 0;
}

int isl_step_find_program(struct isl_child *child) {
  const struct isl_plan_header *plan = child->plan;
  const uint32_t *paths = (const uint32_t *)(const void *)(child->arena + plan->paths);
  int error = ENOENT;
  for (uint32_t i = 0; i < plan->paths_count; i++) {
    const char *path = isl_text(child, paths[i]);
    struct stat st;
    if (path[0] != '/') return 0; // relative to a working directory that is not ours yet
    // A file that only its user may look into is for execve to judge.
    if (stat(path, &st) < 0) {
      if (errno == EACCES) return 0;
    } else if (S_ISREG(st.st_mode) && (st.st_mode & 0111)) {
      return 0;
    } else {
      error = EACCES;
    }
  }
  return -error;
}

int isl_usable_stub(struct isl_child *child) {
  int is_usable = !child->is_labelled && isl_stub_is_allowed(child->filter, child->filter_count);
  if (is_usable && child->stub < 0) child->stub = isl_stub_make();
  if (is_usable && child->stub >= 0) return child->stub;
  if (child->sync_survives && fcntl(child->sync, F_SETFD, FD_CLOEXEC) == 0) child->sync_survives = 0;
  return -1;
}

int isl_execute(struct isl_child *child) {
  const struct isl_plan_header *plan = child->plan;
  const uint32_t *offsets = (const uint32_t *)(const void *)(child->arena + plan->paths);
  const char **paths = (const char **)(uintptr_t)child->argv - plan->paths_count;
  int error = ENOENT, stub = isl_usable_stub(child);
  for (uint32_t i = 0; i < plan->paths_count; i++) paths[i] = isl_text(child, offsets[i]);
  if (stub >= 0) {
    // Whoever started a container that waited for it watches the pipe, not the socket.
    int report = child->start_pipe >= 0 ? child->start_pipe : child->sync;
    if (report != child->sync || !child->sync_survives) (void)fcntl(report, F_SETFD, 0);
    int r = isl_stub_execute(stub, report, child->is_hidden, plan->paths_count, (char **)(uintptr_t)child->argv, child->envp);
    // What else keeps a memfd from being executed (a mount option, a policy, an outer filter) keeps no payload from it.
    if (r == -E2BIG || r == -ENOMEM || r == -EAGAIN) return r;
  }
  for (uint32_t i = 0; i < plan->paths_count; i++) {
    int refused = isl_refuse_runtime(child->plan, paths[i]);
    if (refused == 0) execve(paths[i], child->argv, child->envp);
    else errno = -refused;
    // As execvp(3): a candidate we may not run is remembered, one that is absent is not.
    if (errno != ENOENT && errno != ENOTDIR && errno != EACCES) return -errno;
    if (errno == EACCES) error = EACCES;
  }
  return -error;
}
