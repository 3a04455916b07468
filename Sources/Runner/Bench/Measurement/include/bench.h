// What the benchmark does in C: starting and awaiting programs with as little of its own time as can be, counting
// system calls with ptrace(2), and the work that is timed inside and outside a sandbox.
//
// Every function returns 0 or a positive result, or -errno.
#pragma once

#include <stdint.h>
#include <sys/types.h>

/// A program that was started, and when: CLOCK_MONOTONIC in nanoseconds just before posix_spawn(3).
struct ben_process {
  int32_t pid;
  int32_t pidfd;
  int64_t started;
};

/// How a program ended: its exit status, or 128 and the number of a signal; and when that was known.
struct ben_ending {
  int32_t status;
  int64_t ended;
};

/// CLOCK_MONOTONIC in nanoseconds.
int64_t ben_now(void);
/// Makes the calling process the parent of everything it starts whose own parent has ended
/// (PR_SET_CHILD_SUBREAPER, Linux 3.4).
int ben_adopt_orphans(void);
/// Kills and awaits all children until there are none, for at most `milliseconds`; the number that is left.
int ben_end_children(int milliseconds);
/// Starts a process that, should the calling one end without ben_dismiss, kills everything that has `directory` in its
/// environment or runs a program of `directory`/rootfs, and removes the directory. To be called before
/// ben_adopt_orphans. A descriptor that only the caller may hold.
int ben_guard(const char *directory);
/// Lets the guard go.
void ben_dismiss(int guard);
/// posix_spawn(3) in a process group of its own with no signal blocked: standard input is /dev/null, standard output
/// and error are the given descriptors, or /dev/null where they are negative. It is left at exec, no page is copied.
int ben_spawn(char *const *arguments, char *const *environment, int output, int errors, struct ben_process *process);
/// Waits for a program's end: 1 when it ended, 0 when `milliseconds` passed, -EINTR when `stop` became readable.
int ben_await(struct ben_process *process, int stop, int milliseconds, struct ben_ending *ending);
/// Kills a program's process group and awaits it.
void ben_kill(struct ben_process *process);

/// What was seen of a program under ptrace(2).
struct ben_trace {
  int64_t calls;     // by all processes and threads, from after the program's execve to the payload's, which counts
  int32_t processes; // processes and threads besides the first
  int32_t reached;   // whether the payload was executed
  int32_t status;    // as in ben_ending
};
/// Runs a program and all it makes under ptrace(2) and counts their system calls until the file `inode` on `device`
/// is executed. -ETIMEDOUT, and -EINTR when `stop` became readable.
int ben_count_calls(char *const *arguments, char *const *environment, int output, int errors, uint64_t device,
                    uint64_t inode, int stop, int milliseconds, struct ben_trace *trace);

/// Times each workload in `batches` batches of about `milliseconds` each, and writes a line for each to standard
/// output: its name and nanoseconds for one operation per batch, or its name and "!" and why it failed. Files are made
/// in `folder`, where a file "lower" of 4096 bytes lies; "-" leaves files out. `program` is executed.
int ben_work(const char *folder, const char *program, int milliseconds, int batches);

/// The path of the `index`th object the calling process has loaded (dl_iterate_phdr(3)), the program itself first
/// with an empty path; the length, 0 at the end.
int ben_loaded_object(int index, char *path, int size);
