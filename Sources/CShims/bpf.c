// The filter of device accesses that a cgroup has (bpf(2)).
#include "isl_syscalls.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int command, union bpf_attr *attributes) {
  long r = syscall(SYS_bpf, command, attributes, sizeof *attributes);
  return r < 0 ? -errno : (int)r;
}

/// A descriptor of the one program that is attached already; -ENOENT when there is none.
static int attached_program(int cgroup) {
  uint32_t id = 0;
  union bpf_attr query;
  memset(&query, 0, sizeof query);
  query.query.target_fd = (uint32_t)cgroup;
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = (uint64_t)(uintptr_t)&id;
  query.query.prog_cnt = 1;
  int r = bpf(BPF_PROG_QUERY, &query);
  if (r < 0) return r;
  if (query.query.prog_cnt == 0) return -ENOENT;
  union bpf_attr get;
  memset(&get, 0, sizeof get);
  get.prog_id = id;
  return bpf(BPF_PROG_GET_FD_BY_ID, &get);
}

int isl_set_device_filter(int cgroup, const uint64_t *instructions, uint32_t count) {
  union bpf_attr load;
  memset(&load, 0, sizeof load);
  load.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  load.insns = (uint64_t)(uintptr_t)instructions;
  load.insn_cnt = count;
  load.license = (uint64_t)(uintptr_t)"Apache-2.0";
  int program = bpf(BPF_PROG_LOAD, &load);
  if (program < 0) return program;
  int old = attached_program(cgroup);
  union bpf_attr attach;
  memset(&attach, 0, sizeof attach);
  attach.target_fd = (uint32_t)cgroup;
  attach.attach_bpf_fd = (uint32_t)program;
  attach.attach_type = BPF_CGROUP_DEVICE;
  // Beside those of the cgroups above, whose word counts too.
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  if (old >= 0) {
    attach.attach_flags |= BPF_F_REPLACE; // Linux 5.6
    attach.replace_bpf_fd = (uint32_t)old;
  }
  int r = bpf(BPF_PROG_ATTACH, &attach);
  if (old >= 0) close(old);
  close(program);
  return r < 0 ? r : 0;
}
