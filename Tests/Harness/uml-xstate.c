// Preloaded into linux.uml by uml-run.
//
// User-Mode Linux gives its processes their registers by ptrace(2), PTRACE_SETREGSET, in a buffer that has room for
// what processors had when it was written. A processor with AMX has more, and the host's kernel takes all or nothing:
// EFAULT.
// What the buffer leaves out is added here, as the process has it at that moment.
#define _GNU_SOURCE
#include <cpuid.h>
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/types.h>
#include <sys/uio.h>

typedef long trace(enum __ptrace_request, pid_t, void *, void *);

// The header behind the legacy area begins with a bit for each component that is not in its initial state (Intel SDM,
// volume 1, "XSAVE header").
enum { LEGACY_BYTES = 512, MOST_BYTES = 1 << 16, COMPONENTS = 63 };

// The components that do not lie within the first `length` bytes (CPUID leaf 0xd).
static uint64_t components_behind(size_t length) {
  uint64_t behind = 0;
  for (unsigned number = 2; number < COMPONENTS; number++) {
    unsigned size = 0, offset = 0, flags, unused;
    if (!__get_cpuid_count(0xd, number, &size, &offset, &flags, &unused) || size == 0) continue;
    if (offset + size > length) behind |= 1ULL << number;
  }
  return behind;
}

static long set_all(trace *real, pid_t pid, void *kind, const struct iovec *given) {
  static _Alignas(64) char state[MOST_BYTES];
  struct iovec whole = {state, sizeof state};
  uint64_t own, asked;
  if (given->iov_len < LEGACY_BYTES + sizeof own || real(PTRACE_GETREGSET, pid, kind, &whole) < 0 ||
      whole.iov_len <= given->iov_len) {
    errno = EFAULT;
    return -1;
  }
  uint64_t behind = components_behind(given->iov_len);
  memcpy(&own, state + LEGACY_BYTES, sizeof own);
  memcpy(state, given->iov_base, given->iov_len);
  memcpy(&asked, state + LEGACY_BYTES, sizeof asked);
  asked = (asked & ~behind) | (own & behind);
  memcpy(state + LEGACY_BYTES, &asked, sizeof asked);
  return real(PTRACE_SETREGSET, pid, kind, &whole);
}

long ptrace(enum __ptrace_request request, ...) {
  static trace *real;
  va_list rest;
  va_start(rest, request);
  pid_t pid = va_arg(rest, pid_t);
  void *address = va_arg(rest, void *), *data = va_arg(rest, void *);
  va_end(rest);
  if (!real) real = (trace *)dlsym(RTLD_NEXT, "ptrace");
  long r = real(request, pid, address, data);
  if (r < 0 && errno == EFAULT && request == PTRACE_SETREGSET && address == (void *)NT_X86_XSTATE)
    r = set_all(real, pid, address, data);
  return r;
}
