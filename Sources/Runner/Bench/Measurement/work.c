// The work that is timed, the same code inside and outside a sandbox.
#include "work.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/// The cheapest system call there is: what it costs to enter the kernel, and to pass a filter that need not look.
static int64_t cheap_calls(struct ben_place *place, long count) {
  (void)place;
  int64_t begin = ben_now();
  for (long i = 0; i < count; i++) syscall(SYS_getppid);
  return ben_now() - begin;
}

/// A call whose argument the default filter reads, so that its program runs: personality(2), the query.
static int64_t examined_calls(struct ben_place *place, long count) {
  (void)place;
  int64_t begin = ben_now();
  for (long i = 0; i < count; i++)
    if (syscall(SYS_personality, 0xffffffffUL) < 0) return -errno;
  return ben_now() - begin;
}

static int64_t forks(struct ben_place *place, long count) {
  char *const arguments[] = {(char *)(uintptr_t)place->program, NULL}, *const environment[] = {NULL};
  int64_t begin = ben_now();
  for (long i = 0; i < count; i++) {
    int status = 0;
    pid_t pid = fork();
    if (pid < 0) return -errno;
    if (pid == 0) {
      execve(place->program, arguments, environment);
      _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
      if (errno != EINTR) return -errno;
    if (status != 0) return -ENOEXEC;
  }
  return ben_now() - begin;
}

/// First touches of anonymous memory, 4 KiB each.
static int64_t page_faults(struct ben_place *place, long count) {
  (void)place;
  int64_t spent = 0;
  const long most = 4096, page = 4096;
  for (long done = 0; done < count;) {
    long now = count - done < most ? count - done : most;
    char *memory = mmap(NULL, (size_t)(most * page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -errno;
    // Where this is refused there are no huge pages.
    (void)madvise(memory, (size_t)(most * page), MADV_NOHUGEPAGE);
    int64_t begin = ben_now();
    for (long i = 0; i < now; i++) *(volatile char *)(memory + i * page) = 1;
    spent += ben_now() - begin;
    munmap(memory, (size_t)(most * page));
    done += now;
  }
  return spent;
}

static volatile uint64_t outcome;

/// Arithmetic that stays in registers and the first cache: a million steps are one operation.
static int64_t arithmetic(struct ben_place *place, long count) {
  (void)place;
  uint64_t state = 0x9e3779b97f4a7c15u, table[256];
  for (int i = 0; i < 256; i++) table[i] = state * (uint64_t)(i + 1);
  int64_t begin = ben_now();
  for (long i = 0; i < count; i++) {
    for (int step = 0; step < 1000000; step++) {
      state ^= state << 13;
      state ^= state >> 7;
      state ^= state << 17;
      table[state & 255] += state;
    }
  }
  int64_t spent = ben_now() - begin;
  for (int i = 0; i < 256; i++) state ^= table[i];
  outcome = state;
  return spent;
}

struct workload {
  const char *name;
  int64_t (*run)(struct ben_place *place, long count); // nanoseconds, or -errno
  long most;                                           // operations in a batch
  int files;
};

static const struct workload workloads[] = {
    {"call", cheap_calls, 10000000, 0},      {"examined-call", examined_calls, 10000000, 0},
    {"fork-exec", forks, 1000, 0},           {"create", ben_create_files, 1000, 1},
    {"stat", ben_stat_file, 1000000, 1},     {"read", ben_read_file, 1000000, 1},
    {"write", ben_write_file, 1000000, 1},   {"rename", ben_rename_file, 1000000, 1},
    {"page-fault", page_faults, 1000000, 0}, {"round-trip", ben_round_trips, 100000, 0},
    {"throughput", ben_throughput, 4096, 0}, {"cpu", arithmetic, 1000, 0},
};

/// How many operations take about `milliseconds`.
static long calibrate(const struct workload *work, struct ben_place *place, int milliseconds, int64_t *failure) {
  const int64_t wanted = (int64_t)milliseconds * 1000000;
  for (long count = 1;;) {
    int64_t spent = work->run(place, count);
    if (spent < 0) *failure = spent;
    if (spent < 0) return 0;
    if (spent >= wanted / 8 || count >= work->most) {
      double fitting = (double)count * (double)wanted / (double)(spent > 0 ? spent : 1);
      return fitting < 1 ? 1 : fitting > (double)work->most ? work->most : (long)fitting;
    }
    count = count * 4 > work->most ? work->most : count * 4;
  }
}

static void time_batches(const struct workload *work, struct ben_place *place, int milliseconds, int batches) {
  int64_t spent = 0;
  long count = calibrate(work, place, milliseconds, &spent);
  printf("%s", work->name);
  for (int i = 0; i < batches && spent >= 0; i++) {
    spent = work->run(place, count);
    if (spent >= 0) printf(" %.3f", (double)spent / (double)count);
  }
  if (spent < 0) printf(" ! %s", strerror((int)-spent));
  printf("\n");
  fflush(stdout);
}

int ben_work(const char *folder, const char *program, int milliseconds, int batches) {
  struct ben_place place = {-1, program};
  int files = strcmp(folder, "-") != 0;
  if (files) place.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (files && place.folder < 0) return -errno;
  for (size_t i = 0; i < sizeof workloads / sizeof *workloads; i++)
    if (files || !workloads[i].files) time_batches(&workloads[i], &place, milliseconds, batches);
  if (files) close(place.folder);
  return 0;
}
