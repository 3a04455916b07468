// The numbers of system calls by name, for the architectures of this table. libseccomp knows them too, but takes a
// tenth of a millisecond for the names of one profile.
#include "isl_seccomp.h"

#include <seccomp.h>
#include <string.h>

enum { ARCHITECTURES = 5 };

struct call {
  const char *name;
  /// Negative where the architecture has none.
  int32_t numbers[ARCHITECTURES];
};

// Sorted by name; written by scripts/calls.
static const struct call calls[] = {
#include "call_numbers.inc"
};
enum { CALLS = sizeof calls / sizeof *calls };

static int column(uint32_t architecture) {
  switch (architecture) {
  case SCMP_ARCH_X86_64: return 0;
  case SCMP_ARCH_X86: return 1;
  case SCMP_ARCH_X32: return 2;
  case SCMP_ARCH_AARCH64: return 3;
  case SCMP_ARCH_ARM: return 4;
  default: return -1;
  }
}

static int compare(const char *name, size_t length, const char *entry) {
  int order = strncmp(name, entry, length);
  return order ? order : -(int)(unsigned char)entry[length];
}

/// The place of a name in the table; -1 when it is not there. Profiles list names in order, and ask for each once for
/// every architecture: it is mostly the last one or the next.
static int find(const char *name, size_t length) {
  static _Thread_local int last;
  int low = 0, high = CALLS - 1;
  for (int guess = last; guess < last + 2 && guess < CALLS; guess++) {
    if (compare(name, length, calls[guess].name) == 0) return last = guess;
  }
  while (low <= high) {
    int middle = (low + high) / 2, order = compare(name, length, calls[middle].name);
    if (order == 0) return last = middle;
    if (order < 0) high = middle - 1;
    else low = middle + 1;
  }
  return -1;
}

int32_t isl_call_number(uint32_t architecture, const char *name, size_t length) {
  int place = column(architecture);
  // With a NUL in it it is no name.
  if (place < 0 || strnlen(name, length) != length) return -1;
  int index = find(name, length);
  return index < 0 ? -1 : calls[index].numbers[place];
}

int32_t isl_seccomp_resolve(uint32_t architecture, const char *name, size_t length) {
  // A number never changes; what this table does not have, a newer libseccomp may.
  int32_t number = isl_call_number(architecture, name, length);
  char copy[128];
  if (number >= 0 || length >= sizeof copy) return number;
  memcpy(copy, name, length);
  copy[length] = 0;
  return seccomp_syscall_resolve_name_arch(architecture, copy);
}
