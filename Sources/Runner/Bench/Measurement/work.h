// The parts of the timed work, each in the file of its concern.
#pragma once

#include "bench.h"

/// Where the work is done.
struct ben_place {
  int folder;          // an open directory, or -1
  const char *program; // a static program that ends at once
};

// Each does `count` operations and gives the nanoseconds they took, or -errno.
int64_t ben_create_files(struct ben_place *place, long count);
int64_t ben_stat_file(struct ben_place *place, long count);
int64_t ben_read_file(struct ben_place *place, long count);
int64_t ben_write_file(struct ben_place *place, long count);
int64_t ben_rename_file(struct ben_place *place, long count);
int64_t ben_round_trips(struct ben_place *place, long count);
int64_t ben_throughput(struct ben_place *place, long count);
