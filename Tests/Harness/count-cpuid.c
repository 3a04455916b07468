// usage: count-cpuid PROGRAM [ARGUMENT...]
//
// Runs PROGRAM one instruction at a time (ptrace(2), PTRACE_SINGLESTEP) and prints how many of them were cpuid, of the
// first thread, on standard error's last line. Ends with PROGRAM's status, 64 for its own errors. x86-64.
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 2) return 64;
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    execv(arguments[1], arguments + 1);
    _exit(64);
  }
  int status, found = 0;
  if (pid < 0 || waitpid(pid, &status, 0) < 0) return 64;
  while (WIFSTOPPED(status)) {
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, pid, 0, &registers) < 0) return 64;
    errno = 0;
    long word = ptrace(PTRACE_PEEKTEXT, pid, registers.rip, 0);
    if (errno == 0 && (word & 0xffff) == 0xa20f) found++;
    int signal = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    if (ptrace(PTRACE_SINGLESTEP, pid, 0, signal) < 0 || waitpid(pid, &status, 0) < 0) return 64;
  }
  fprintf(stderr, "%d\n", found);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 64;
}
