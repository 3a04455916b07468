// Prints the table of Sources/CShims/call_numbers.inc: what libseccomp knows of each system call that one of the
// architectures has, by name. Called by scripts/calls.
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t architectures[] = {
    SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32, SCMP_ARCH_AARCH64, SCMP_ARCH_ARM};
enum { COUNT = sizeof architectures / sizeof *architectures, MOST = 4096 };

static char *names[MOST];
static int count;

static void add(char *name) {
  if (!name) return;
  for (int i = 0; i < count; i++) {
    if (strcmp(names[i], name) == 0) {
      free(name);
      return;
    }
  }
  if (count < MOST) names[count++] = name;
}

static int compare(const void *left, const void *right) {
  return strcmp(*(char *const *)left, *(char *const *)right);
}

int main(void) {
  for (int a = 0; a < COUNT; a++) {
    for (int number = 0; number < 1024; number++) {
      add(seccomp_syscall_resolve_num_arch(architectures[a], number));
      // ARM's own begin here, x32's at bit 30.
      add(seccomp_syscall_resolve_num_arch(architectures[a], 0x0f0000 + number));
      add(seccomp_syscall_resolve_num_arch(architectures[a], 0x40000000 + number));
    }
  }
  qsort(names, (size_t)count, sizeof *names, compare);
  int column = 0;
  for (int i = 0; i < count; i++) {
    char entry[200];
    int length = snprintf(entry, sizeof entry, "{\"%s\", {", names[i]);
    for (int a = 0; a < COUNT; a++)
      length += snprintf(
          entry + length, sizeof entry - (size_t)length, a ? ", %d" : "%d",
          seccomp_syscall_resolve_name_arch(architectures[a], names[i]));
    length += snprintf(entry + length, sizeof entry - (size_t)length, "}},");
    if (column && column + 1 + length > 119) column = 0, putchar('\n');
    if (column) putchar(' '), column++;
    fputs(entry, stdout);
    column += length;
  }
  putchar('\n');
  return 0;
}
