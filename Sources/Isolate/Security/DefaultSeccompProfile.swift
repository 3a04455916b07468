import Glibc

extension RuntimeSpec.Seccomp {
  /// The default filter: everything is refused with EPERM but the calls ordinary programs need.
  ///
  /// The list follows what Docker's default profile allows a container without capabilities. Not in
  /// it, so refused: new user namespaces (unshare, setns, clone with CLONE_NEW*), the mount API,
  /// keyctl, bpf, userfaultfd, io_uring, perf_event_open, open_by_handle_at, module and clock
  /// calls; sockets of the families AF_ALG (38) and AF_VSOCK (40). Only the native architecture is
  /// allowed: a call made through another one (int 0x80) ends the process.
  public static let `default` = RuntimeSpec.Seccomp(
    defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: UInt32(EPERM),
    syscalls: [
      Rule(names: allowedCalls, action: "SCMP_ACT_ALLOW"),
      // Address families: below AF_ALG, AF_NFC, and above AF_VSOCK.
      Rule(
        names: ["socket"], action: "SCMP_ACT_ALLOW", args: [Argument(index: 0, value: 38, op: "SCMP_CMP_LT")]),
      Rule(
        names: ["socket"], action: "SCMP_ACT_ALLOW", args: [Argument(index: 0, value: 39, op: "SCMP_CMP_EQ")]),
      Rule(
        names: ["socket"], action: "SCMP_ACT_ALLOW", args: [Argument(index: 0, value: 40, op: "SCMP_CMP_GT")]),
      // clone(2) without any CLONE_NEW* flag; clone3(2) hides its flags behind a pointer, so callers
      // are told to fall back to clone.
      Rule(
        names: ["clone"], action: "SCMP_ACT_ALLOW",
        args: [Argument(index: 0, value: 0x7e02_0000, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ")]),
      Rule(names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: UInt32(ENOSYS)),
    ]
      + personalities.map { value in
        Rule(
          names: ["personality"], action: "SCMP_ACT_ALLOW",
          args: [Argument(index: 0, value: value, op: "SCMP_CMP_EQ")])
      })

  /// Whether this is the default filter, also when it was read from a file; others show it by their first words.
  var isDefault: Bool {
    defaultErrnoRet == UInt32(EPERM) && architectures.isEmpty
      && syscalls.first?.names.first == Self.firstCall && self == .default
  }

  private static let firstCall = "_llseek"

  /// PER_LINUX, PER_LINUX32, UNAME26 and both, and the query (personality(2)).
  private static let personalities: [UInt64] = [0, 8, 0x20000, 0x20008, 0xffff_ffff]

  private static let allowedCalls: [String] = """
    _llseek _newselect accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir
    chmod chown chown32 clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime
    clock_gettime64 clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range
    creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2
    epoll_wait epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2
    fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32
    fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat
    fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64
    futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents
    getdents64 getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer
    getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid
    getresuid32 getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32
    getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel
    io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get
    ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32
    lgetxattr link linkat listen listmount listxattr listxattrat llistxattr lremovexattr lseek
    lsetxattr lstat lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir
    mkdirat mknod mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open
    mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal
    msgctl msgget msgrcv msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat
    open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free
    pkey_mprotect poll ppoll ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease
    pselect6 pselect6_time64 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv
    recvfrom recvmmsg recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename
    renameat renameat2 restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64
    rt_tgsigqueueinfo sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr
    sched_getparam sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl
    semget semop semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto
    set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid
    setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid
    setresgid32 setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32
    setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask
    sigreturn socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync
    sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun
    timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit
    umask uname unlink unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4
    waitid waitpid write writev process_vm_readv process_vm_writev ptrace arch_prctl modify_ldt
    """.split { $0 == " " || $0 == "\n" }.map(String.init)

  /// The default filter for a container whose root is one single id: calls that change owners or identities are
  /// answered with success without being made, as are those that make devices, so that package managers work
  /// which expect to be the machine's root. What was asked for is not so afterwards.
  public static let singleIdentity: RuntimeSpec.Seccomp = {
    var filter = RuntimeSpec.Seccomp.default
    filter.refusesTerminalInput = true
    filter.answerIdentities()
    return filter
  }()

  /// Answers the calls of `singleIdentity`.
  mutating func answerIdentities() {
    syscalls[0].names.removeAll { Self.answeredCalls.contains($0) || $0 == "mknod" || $0 == "mknodat" }
    syscalls.append(Rule(names: Self.answeredCalls, action: "SCMP_ACT_ERRNO", errnoRet: 0))
    let typeBits = UInt64(S_IFMT)
    for (call, index) in [("mknod", UInt32(1)), ("mknodat", 2)] {
      for (type, action) in [
        (S_IFCHR, "SCMP_ACT_ERRNO"), (S_IFBLK, "SCMP_ACT_ERRNO"), (S_IFIFO, "SCMP_ACT_ALLOW"),
        (S_IFREG, "SCMP_ACT_ALLOW"), (S_IFSOCK, "SCMP_ACT_ALLOW"), (0, "SCMP_ACT_ALLOW"),
      ] {
        let mode = Argument(index: index, value: typeBits, valueTwo: UInt64(type), op: "SCMP_CMP_MASKED_EQ")
        syscalls.append(
          Rule(names: [call], action: action, errnoRet: action == "SCMP_ACT_ERRNO" ? 0 : nil, args: [mode]))
      }
    }
  }

  private static let answeredCalls: [String] = """
    capset chown chown32 fchown fchown32 fchownat lchown lchown32 setfsgid setfsgid32 setfsuid setfsuid32 setgid
    setgid32 setgroups setgroups32 setregid setregid32 setresgid setresgid32 setresuid setresuid32 setreuid
    setreuid32 setuid setuid32
    """.split { $0 == " " || $0 == "\n" }.map(String.init)
}
