// usage: kill-at N COMMAND [ARG...]
//
// Runs COMMAND and kills it with SIGKILL as it makes its N-th system call, before the kernel carries it out; its
// children are left alone. Ends with status 9 when it has killed, and with COMMAND's own status, at most 8, when that
// ended before. ptrace(2), PTRACE_SYSCALL: every call stops twice, on the way in and on the way out.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
  if (count < 3) return 64;
  long target = atol(arguments[1]), calls = 0;
  pid_t pid = fork();
  if (pid == 0) {
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    raise(SIGSTOP);
    execv(arguments[2], arguments + 2);
    _exit(63);
  }
  int status, entering = 1;
  if (waitpid(pid, &status, 0) < 0) return 64;
  ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC);
  int started = 0;
  for (int deliver = 0;;) {
    if (ptrace(PTRACE_SYSCALL, pid, 0, deliver) < 0) return 64;
    if (waitpid(pid, &status, 0) < 0) return 64;
    deliver = 0;
    if (WIFEXITED(status)) return WEXITSTATUS(status) > 8 ? 8 : WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return 8;
    int stop = WSTOPSIG(status);
    if (stop == SIGTRAP && status >> 16 == PTRACE_EVENT_EXEC) {
      started = 1;
      entering = 0; // what follows is execve's way out
    } else if (stop == (SIGTRAP | 0x80)) {
      if (started && entering && ++calls == target) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return 9;
      }
      entering = !entering;
    } else if (stop != SIGTRAP) {
      deliver = stop;
    }
  }
}
