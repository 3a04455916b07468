// Sockets for a process that may make and connect none itself (lent_sockets.c).
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Makes a TCP socket of AF_INET or AF_INET6 that is bound to the loopback interface for good, for who has no
/// capabilities (SO_BINDTODEVICE, Linux 5.7). Returns it or -errno.
int isl_loopback_socket(int family);

/// A pair of UNIX sockets of SOCK_SEQPACKET. Returns 0 or -errno.
int isl_message_pair(int fds[2]);

/// Gives a descriptor to the process whose call a listener has reported (seccomp_unotify(2),
/// SECCOMP_IOCTL_NOTIF_ADDFD), in the place of its descriptor `number`, or as a new one below 0. Returns the number
/// that it has there, or -errno.
int isl_seccomp_lend(int listener, uint64_t id, int fd, int number, int is_close_on_exec);

/// Answers a call that was reported: with `value`, or with `error` (an errno value) unless that is 0. Returns 0 or
/// -errno.
int isl_seccomp_answer(int listener, uint64_t id, int64_t value, int error);

/// Reads a process's memory (proc_pid_mem(5)). Returns the count of bytes, or -errno.
int64_t isl_read_memory(int32_t pid, uint64_t address, void *buffer, size_t size);

/// The protocol of a process's socket, as "TCP" or "UNIX-STREAM" (the attribute system.sockprotoname). Returns 0, or
/// -errno where it is none.
int isl_socket_protocol(int32_t pid, int number, char name[32]);

/// O_* of a process's descriptor (proc_pid_fdinfo(5)), or -errno.
int isl_descriptor_flags(int32_t pid, int number);

/// Connects a socket, and waits for at most a second unless it is of those that do not wait. Returns 0 or -errno.
int isl_connect_soon(int socket, const void *address, uint32_t size);

/// Opens the file of a UNIX socket as a process names it (O_PATH), following what it would follow. Returns it, or
/// -errno.
int isl_open_socket_file(int32_t pid, const char *path);

/// A UNIX socket of this type that is connected to such a file. Returns it or -errno.
int isl_connect_to_file(int file, int type);

/// The calling thread looks at files and processes as this user would (setfsuid(2)), if it may.
void isl_look_as(uint32_t user, uint32_t group);
