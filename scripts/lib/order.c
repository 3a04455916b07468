// usage: order OUTPUT PROGRAM [ARGUMENT...]
// Runs a static program and all it forks, one instruction at a time (ptrace(2), PTRACE_SINGLESTEP), until the others
// execute something, and writes the addresses within the program's own text in the order of their first execution.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t first = UINT64_MAX, last;

/// Finds where the program's executable segments are.
static int find_text(const char *path) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &st) < 0) return -1;
  const char *file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (file == MAP_FAILED) return -1;
  const Elf64_Ehdr *header = (const void *)file;
  const Elf64_Phdr *segment = (const void *)(file + header->e_phoff);
  for (int i = 0; i < header->e_phnum; i++) {
    if (segment[i].p_type != PT_LOAD || !(segment[i].p_flags & PF_X)) continue;
    if (segment[i].p_vaddr < first) first = segment[i].p_vaddr;
    if (segment[i].p_vaddr + segment[i].p_memsz > last) last = segment[i].p_vaddr + segment[i].p_memsz;
  }
  return first < last ? 0 : -1;
}

int main(int count, char **arguments) {
  if (count < 3 || find_text(arguments[2]) < 0) {
    fprintf(stderr, "order: OUTPUT and a static program are needed\n");
    return 2;
  }
  pid_t child = fork();
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(arguments[2], arguments + 2);
    _exit(127);
  }
  FILE *output = fopen(arguments[1], "w");
  unsigned char *seen = calloc(1, last - first);
  int status;
  if (!output || !seen || child < 0 || waitpid(child, &status, 0) < 0 || !WIFSTOPPED(status)) return 1;
  ptrace(PTRACE_SETOPTIONS, child, 0,
         PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
  ptrace(PTRACE_SINGLESTEP, child, 0, 0);
  for (;;) {
    pid_t task = waitpid(-1, &status, __WALL);
    if (task < 0) break;
    if (!WIFSTOPPED(status)) continue;
    int event = status >> 16, signal = WSTOPSIG(status);
    if (event == PTRACE_EVENT_EXEC) { // another program: it is none of ours
      ptrace(PTRACE_CONT, task, 0, 0);
      continue;
    }
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, task, 0, &registers) == 0 && registers.rip >= first && registers.rip < last &&
        !seen[registers.rip - first]) {
      seen[registers.rip - first] = 1;
      fprintf(output, "%llx\n", (unsigned long long)registers.rip);
    }
    ptrace(PTRACE_SINGLESTEP, task, 0, event || signal == SIGTRAP || signal == SIGSTOP ? 0 : signal);
  }
  return fclose(output) == 0 ? 0 : 1;
}
