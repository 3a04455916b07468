// The state document (runtime.md, "State") where only the child can tell it to others: its text is in the plan with
// a byte 1, which no JSON holds, for the process id that the parent has told us.
#include "isl_child.h"

#include "isl_hook.h"
#include "isl_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#define ISL_MAX_PIECES 16

struct pieces {
  struct iovec part[ISL_MAX_PIECES];
  int count;
  char digits[12];
};

static int take_apart(pid_t pid, const char *text, struct pieces *out) {
  char *digit = out->digits + sizeof out->digits;
  unsigned number = pid > 0 ? (unsigned)pid : 0;
  do
    *--digit = (char)('0' + number % 10);
  while (number /= 10);
  size_t length = (size_t)(out->digits + sizeof out->digits - digit);
  out->count = 0;
  for (;;) {
    size_t plain = strcspn(text, "\1");
    if (out->count + 2 > ISL_MAX_PIECES) return -E2BIG;
    out->part[out->count++] = (struct iovec){(void *)(uintptr_t)text, plain};
    if (!text[plain]) return 0;
    out->part[out->count++] = (struct iovec){digit, length};
    text += plain + 1;
  }
}

int isl_send_state(const struct isl_child *child, const char *text, int socket, int fd) {
  struct pieces pieces;
  int r = take_apart(child->host_pid, text, &pieces);
  if (r < 0) return r;
  return isl_send_parts(socket, pieces.part, (size_t)pieces.count, &fd, fd >= 0);
}

/// The strings of an array in the plan, as execve(2) takes them.
static int vector(const struct isl_child *child, uint32_t offset, uint32_t count, char **out, uint32_t room) {
  const uint32_t *offsets = (const uint32_t *)(const void *)(child->arena + offset);
  if (count >= room) return -E2BIG;
  for (uint32_t i = 0; i < count; i++) out[i] = (char *)(uintptr_t)isl_text(child, offsets[i]);
  out[count] = NULL;
  return 0;
}

/// A text that is read from a descriptor: a memfd, or where that is refused a pipe, which takes 64 KiB (pipe(7)).
static int open_document(struct pieces *pieces) {
  int ends[2], fd = isl_was_refused(ISL_CALL_MEMFD_CREATE) ? -1 : memfd_create("state", MFD_CLOEXEC);
  if (fd >= 0) {
    if (writev(fd, pieces->part, pieces->count) >= 0 && lseek(fd, 0, SEEK_SET) == 0) return fd;
    int error = errno;
    close(fd);
    return -error;
  }
  if (!isl_was_refused(ISL_CALL_MEMFD_CREATE) && !isl_is_refused(ISL_CALL_MEMFD_CREATE, errno)) return -errno;
  if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
  size_t length = 0;
  for (int i = 0; i < pieces->count; i++) length += pieces->part[i].iov_len;
  (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
  int r = writev(ends[1], pieces->part, pieces->count) == (ssize_t)length ? 0 : -E2BIG;
  close(ends[1]);
  if (r == 0) return ends[0];
  close(ends[0]);
  return r;
}

/// Hooks that are run in the container's namespaces are told the process's number there, as by other runtimes.
/// They begin in its root, as by runc, also those that still see the host's.
int isl_step_hook(struct isl_child *child, const struct isl_step *step) {
  char root[40], *room[514], **arguments = room + 2, *environment[512];
  struct pieces pieces;
  uint32_t count = (uint32_t)step->v;
  int r = vector(child, step->b, step->c, arguments, 512);
  if (r == 0) r = vector(child, step->d, count, environment, 512);
  if (r == 0) r = take_apart(getpid(), isl_text(child, (uint32_t)step->w), &pieces);
  if (r < 0) return r;
  // A program of the container's is looked for by a process that is not the runtime, and may stay and look at us.
  if (child->is_inside) isl_hide(child);
  int stub = child->is_inside ? isl_usable_stub(child) : 0;
  if (stub < 0 && (r = isl_refuse_runtime(child->plan, isl_text(child, step->a))) < 0) return r;
  int state = open_document(&pieces);
  if (state < 0) return state;
  struct isl_hook hook = {
      .path = isl_text(child, step->a), .arguments = arguments, .environment = environment,
      .directory = child->is_inside ? "/" : isl_fd_path(root, child->root), .input = state, .output = 2,
      .timeout = (int32_t)(step->v >> 32), .stub = stub > 0 ? stub : 0};
  // One of the container's own programs that is given none has its process's, as by other runtimes.
  if (child->is_inside && count == 0) hook.environment = (char **)(uintptr_t)child->envp;
  int32_t code = 0;
  if (r == 0) r = isl_run_hook(&hook, &code);
  close(state);
  if (r < 0) return r;
  if (r == ISL_HOOK_EXITED && code == 0) return 0;
  return -(ISL_HOOK_FAILED + (r << 8) + (code & 0xff));
}
