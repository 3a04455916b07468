// What a process keeps in memory, mapped and in open files, read from /proc (proc(5)).
#pragma once

#include <stdint.h>

/// What keeps an open file's bytes.
enum isl_held_kind { ISL_HELD_PIPE, ISL_HELD_SOCKET, ISL_HELD_MEMORY, ISL_HELD_DISK };

/// An open file that keeps something although no folder shows it. Pipes and sockets have no `device`.
struct isl_held_file {
  enum isl_held_kind kind;
  uint64_t device, inode;
  int64_t bytes;
};

/// Gives the pipes, sockets, files of memfd_create(2) and removed files that a process has open: writes up to
/// `capacity` of them, once for each descriptor. Gives how many there are, or -errno. Pipes and sockets are there
/// only where pidfd_getfd(2) is allowed (Linux 5.6).
long isl_held_files(int process, struct isl_held_file *files, long capacity);

/// Gives how many files a process has open (Linux 6.2; 0 before, and where it cannot be told).
long isl_open_file_count(int process);

/// Gives a process's own pages with its share of files' pages, and its share of shared memory's, in bytes
/// (smaps_rollup, Linux 4.14; before 5.4 all is `own`). Gives 0, or -errno.
int isl_memory_share(int process, long *own, long *shared);

/// Gives the bytes in a socket's queues, by what SO_MEMINFO and sock_diag(7) tell of it; 0 for NULL.
long isl_queued_bytes(const uint32_t *info);

/// How many sockets of TCP a network namespace has that listen, and that are or were connected.
struct isl_tcp_sockets {
  long listening, connected;
};

/// Gives the bytes in the queues of all UNIX, TCP and UDP sockets of a network namespace, those that no process has
/// open any more among them; `table` is a sock_diag(7) socket made there. -errno where the kernel does not tell.
/// Without `tcp` those of TCP are left out: for them the kernel walks through the whole machine's table, which takes
/// it a millisecond where there is much memory (tcp_diag_dump).
long isl_socket_memory(int table, struct isl_tcp_sockets *tcp);
