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

  /// What is notified whatever its arguments are.
  static let inPlaceNotified = ["connect"]

  /// The types of UNIX sockets that take no address to send to.
  private static let connected = [UInt64(SOCK_STREAM.rawValue), UInt64(SOCK_SEQPACKET.rawValue)]
  /// SOCK_TYPE_MASK of the kernel: the rest are flags.
  private static let typeBits: UInt64 = 0xf
  /// MSG_FASTOPEN connects.
  private static let fastOpen: UInt64 = 0x2000_0000

  private static let conditional = [
    "socket", "socketpair", "sendto", "sendmsg", "sendmmsg", "prlimit64", "setpriority", "setsockopt",
  ]

  private static let refused = """
    chroot ioprio_set ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend
    mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd process_mrelease process_vm_readv process_vm_writev ptrace
    sched_setattr sched_setparam sched_setscheduler semctl semget semop semtimedop semtimedop_time64 send shmat shmctl
    shmdt shmget
    """.split { $0 == " " || $0 == "\n" }.map(String.init)
}
