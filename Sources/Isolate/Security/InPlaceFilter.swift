import Glibc

extension RuntimeSpec.Seccomp {
  /// The default filter without what namespaces make harmless: looking into processes, objects that all processes of
  /// a machine share (System V, message queues, keys), and another process's limits and priorities.
  ///
  /// The process makes and connects no internet socket itself: who listens to the filter does that for it
  /// (`Container.seccompListener`). UNIX sockets are connected in the same way, so that no program outside is reached.
  /// A UNIX socket that sends without a connection could name anybody in memory that no filter sees, and is not made.
  static let inPlace: RuntimeSpec.Seccomp = {
    var filter = RuntimeSpec.Seccomp.default
    filter.refusesTerminalInput = true
    filter.syscalls[0].names.removeAll { refused.contains($0) || conditional.contains($0) }
    filter.syscalls.removeAll { $0.names == ["socket"] }
    filter.syscalls += sharedMemoryRules
    func equal(_ index: UInt32, _ value: UInt64) -> Argument {
      Argument(index: index, value: value, op: "SCMP_CMP_EQ")
    }
    func different(_ index: UInt32, _ value: UInt64) -> Argument {
      Argument(index: index, value: value, op: "SCMP_CMP_NE")
    }
    func masked(_ index: UInt32, _ mask: UInt64, _ value: UInt64) -> Argument {
      Argument(index: index, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ")
    }
    for type in connected {
      for call in ["socket", "socketpair"] {
        let arguments = [equal(0, UInt64(AF_UNIX)), masked(1, typeBits, type)]
        filter.syscalls.append(Rule(names: [call], action: "SCMP_ACT_ALLOW", args: arguments))
      }
    }
    let asked = [
      [equal(0, UInt64(AF_INET))], [equal(0, UInt64(AF_INET6))],
      [equal(0, UInt64(AF_UNIX)), masked(1, typeBits, UInt64(SOCK_DGRAM.rawValue))],
    ]
    filter.syscalls += asked.map { Rule(names: ["socket"], action: "SCMP_ACT_NOTIFY", args: $0) }
    // The network interfaces, to be read.
    filter.syscalls.append(
      Rule(names: ["socket"], action: "SCMP_ACT_ALLOW", args: [equal(0, UInt64(AF_NETLINK)), equal(2, 0)]))
    // Without an address it goes where its socket is connected to.
    filter.syscalls.append(Rule(names: ["sendto"], action: "SCMP_ACT_ALLOW", args: [equal(4, 0)]))
    filter.syscalls.append(
      Rule(
        names: ["sendto"], action: "SCMP_ACT_NOTIFY",
        args: [different(4, 0)]))
    for (call, index) in [("sendmsg", UInt32(2)), ("sendmmsg", 3)] {
      filter.syscalls.append(
        Rule(names: [call], action: "SCMP_ACT_ALLOW", args: [masked(index, fastOpen, 0)]))
    }
    // A resolver asks for errors of its socket (ip(7), IP_RECVERR), which one that stands for it does not have.
    let errors: [(level: UInt64, option: UInt64)] = [(0, 11), (41, 25)]
    for (level, option) in errors {
      filter.syscalls.append(
        Rule(
          names: ["setsockopt"], action: "SCMP_ACT_ERRNO", errnoRet: 0,
          args: [equal(1, level), equal(2, option)]))
      filter.syscalls.append(
        Rule(
          names: ["setsockopt"], action: "SCMP_ACT_ALLOW", args: [equal(1, level), different(2, option)]))
    }
    // SOL_SOCKET, SOL_TCP and those above IPv6's.
    for others in [equal(1, 1), equal(1, 6), Argument(index: 1, value: 41, op: "SCMP_CMP_GT")] {
      filter.syscalls.append(Rule(names: ["setsockopt"], action: "SCMP_ACT_ALLOW", args: [others]))
    }
    // Of itself alone.
    filter.syscalls.append(Rule(names: ["prlimit64"], action: "SCMP_ACT_ALLOW", args: [equal(0, 0)]))
    filter.syscalls.append(Rule(names: ["setpriority"], action: "SCMP_ACT_ALLOW", args: [equal(1, 0)]))
    return filter
  }()

  /// The same for a program that is the caller's own user. Landlock does not hold modes, owners, times and attributes
  /// of files, nor on which processors a thread runs: those of everything that is the user's could be changed.
  static let inPlaceAsCaller: RuntimeSpec.Seccomp = {
    var filter = inPlace
    filter.syscalls[0].names.removeAll { attributes.contains($0) || $0 == "sched_setaffinity" }
    filter.syscalls.append(
      Rule(names: attributes, action: "SCMP_ACT_ERRNO", errnoRet: UInt32(EOPNOTSUPP)))
    for (comparison, action) in [("SCMP_CMP_EQ", "SCMP_ACT_ALLOW"), ("SCMP_CMP_NE", "SCMP_ACT_NOTIFY")] {
      filter.syscalls.append(
        Rule(
          names: ["sched_setaffinity"], action: action, args: [Argument(index: 0, value: 0, op: comparison)]))
    }
    return filter
  }()

  /// The same for the programs of an image whose user is root, in a root of their own.
  static let inPlaceAsRoot: RuntimeSpec.Seccomp = {
    var filter = inPlace
    filter.answerIdentities()
    return filter
  }()

  /// What is notified whatever its arguments are.
  static func inPlaceNotified(isCaller: Bool) -> [String] {
    let always = ["connect", "bind"] + removals
    return isCaller ? always + changes : always
  }

  /// All calls that are ever notified.
  public static let inPlaceCalls =
    ["socket", "sendto", "open", "openat", "sched_setaffinity"] + inPlaceNotified(isCaller: true)

  #if arch(x86_64)
    /// By which the C library names and removes objects in shared memory (sem_open(3), shm_unlink(3)).
    private static let removals = ["link", "unlink"]
  #else
    private static let removals = ["linkat", "unlinkat"]
  #endif

  private static let changes = """
    chmod fchmod fchmodat fchmodat2 chown fchown fchownat lchown futimesat utime utimensat utimes
    """.split(separator: " ").map(String.init)

  private static let attributes = """
    setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat
    """.split(separator: " ").map(String.init)

  /// Opening a file in the ways of shm_open(3) and sem_open(3), which mean /dev/shm: following no link, or making a
  /// file that is to be read and written. Who listens looks at the path; all others go on.
  private static let sharedMemoryRules: [Rule] = {
    let (noLink, access) = (UInt64(O_NOFOLLOW), UInt64(O_ACCMODE))
    let other = [UInt64(O_DIRECTORY), 0o10_000_000]  // O_PATH
    let made = [UInt64(O_CREAT), UInt64(O_EXCL)]
    func rules(_ call: String, _ index: UInt32) -> [Rule] {
      func rule(_ action: String, _ mask: UInt64, _ value: UInt64) -> Rule {
        Rule(
          names: [call], action: action,
          args: [Argument(index: index, value: mask, valueTwo: value, op: "SCMP_CMP_MASKED_EQ")])
      }
      // Those that go on are the complement of those that do not, so that their order means nothing.
      var all = [0, 1, 3].map { rule("SCMP_ACT_ALLOW", noLink | access, $0) }
      all += made.map { rule("SCMP_ACT_ALLOW", noLink | $0, 0) }
      all += other.map { rule("SCMP_ACT_ALLOW", noLink | $0, noLink | $0) }
      all.append(rule("SCMP_ACT_NOTIFY", noLink | other.reduce(0, |), noLink))
      let whole = made.reduce(UInt64(O_RDWR), |)
      all.append(rule("SCMP_ACT_NOTIFY", noLink | access | whole, whole))
      return all
    }
    return rules("openat", 2) + rules("open", 1)
  }()

  /// The types of UNIX sockets that take no address to send to.
  private static let connected = [UInt64(SOCK_STREAM.rawValue), UInt64(SOCK_SEQPACKET.rawValue)]
  /// SOCK_TYPE_MASK of the kernel: the rest are flags.
  private static let typeBits: UInt64 = 0xf
  /// MSG_FASTOPEN connects.
  private static let fastOpen: UInt64 = 0x2000_0000

  private static let conditional = [
    "socket", "socketpair", "sendto", "sendmsg", "sendmmsg", "prlimit64", "setpriority", "setsockopt", "open",
    "openat",
  ]

  private static let refused = """
    chroot ioprio_set ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd process_mrelease process_vm_readv process_vm_writev ptrace
    sched_setattr sched_setparam sched_setscheduler semctl semget semop semtimedop semtimedop_time64 send shmat shmctl
    shmdt shmget
    """.split { $0 == " " || $0 == "\n" }.map(String.init)
}
