import TestSupport
import Testing

@testable import Isolate

@Suite("The own compiler of filters")
struct FilterProgramTests {
  private static let x86 = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
  private static let audits: [UInt32] = [0xc000_003e, 0x4000_0003, 0xc000_00b7, 0x4000_0028, 0xdead_beef]

  /// Calls around every limit: each number of the kernels, x32's, a tracer's -1, and arguments near those of rules.
  private static func calls(_ values: [UInt64]) -> [FilterInterpreter.Call] {
    let numbers =
      Array(UInt32(0)..<520) + (0x4000_0000..<0x4000_0230) + [1023, 1024, 0x3fff_ffff, 0x4000_0400, .max]
    var edges: [UInt64] = [0, 1, 40, .max, 0x1_0000_0000]
    for value in values { edges += [value, value &- 1, value &+ 1, value ^ 1 << 40] }
    var calls: [FilterInterpreter.Call] = []
    for audit in audits {
      for (index, number) in numbers.enumerated() {
        for turn in 0..<2 {
          let arguments = (0..<6).map { edges[(index &* 7 &+ turn &* 5 &+ $0 &* 3) % edges.count] }
          // As the kernel gives them to a filter: 32 bits, where calls have no more.
          let isNarrow = audit & 0x8000_0000 == 0
          calls.append(
            .init(
              number: number, architecture: audit,
              arguments: isNarrow ? arguments.map { $0 & 0xffff_ffff } : arguments))
        }
      }
    }
    return calls
  }

  private static func expectSame(_ profile: RuntimeSpec.Seccomp, isOwn: Bool? = true) throws {
    let (own, library) = try SeccompCompiler.programs(profile)
    if let isOwn { #expect((own != nil) == isOwn) }
    guard let own else { return }
    let ours = FilterInterpreter(own)
    let theirs = FilterInterpreter(library)
    let values = profile.syscalls.flatMap { $0.args.flatMap { [$0.value, $0.valueTwo] } }
    for call in calls(values) {
      guard let expected = theirs.run(call), let found = ours.run(call) else {
        Issue.record("a program ends without an action at \(call)")
        return
      }
      if found != expected {
        Issue.record("\(call): ours \(found), libseccomp's \(expected)")
        return
      }
    }
  }

  @Test("decides as libseccomp does for the default profiles")
  func defaults() throws {
    try Self.expectSame(.default)
    try Self.expectSame(.singleIdentity)
  }

  @Test("decides as libseccomp does for Docker's profile on three architectures, in a third of the length")
  func docker() throws {
    var profile = RuntimeSpec.Seccomp.default
    profile.architectures = Self.x86
    profile.syscalls.append(.init(names: ["socketcall", "ipc"], action: "SCMP_ACT_ALLOW"))
    try Self.expectSame(profile)
    let (own, library) = try SeccompCompiler.programs(profile)
    #expect((own?.count ?? .max) * 3 < library.count)
  }

  @Test(
    "says of calls newer than those the section names that the kernel lacks them, where the default refuses")
  func newer() throws {
    for (action, expected) in [
      ("SCMP_ACT_ERRNO", 0x0005_0026), ("SCMP_ACT_KILL_PROCESS", 0x0005_0026), ("SCMP_ACT_LOG", 0x7ffc_0000),
    ] as [(String, UInt32)] {
      // 39 and 61, and 200 by a rule that says what the default says.
      let profile = RuntimeSpec.Seccomp(
        defaultAction: action, architectures: ["SCMP_ARCH_X86_64"],
        syscalls: [
          .init(names: ["getpid", "wait4"], action: "SCMP_ACT_ALLOW"),
          .init(names: ["tkill"], action: action),
        ])
      let (own, library) = try SeccompCompiler.programs(profile)
      for program in [try #require(own), library].map({ FilterInterpreter($0) }) {
        func verdict(_ number: UInt32) -> UInt32? {
          program.run(
            .init(number: number, architecture: 0xc000_003e, arguments: Array(repeating: 0, count: 6)))
        }
        let refusal = verdict(150)
        #expect(verdict(61) == 0x7fff_0000 && verdict(200) == refusal)
        #expect(verdict(201) == expected && verdict(1000) == expected, "\(action)")
      }
    }
  }

  @Test("sends calls that share one of x86's by its first argument")
  func shared() throws {
    let names = ["socket", "accept", "sendmmsg", "semop", "shmget", "msgctl", "recv"]
    try Self.expectSame(
      .init(
        defaultAction: "SCMP_ACT_ERRNO", architectures: Self.x86,
        syscalls: [.init(names: names, action: "SCMP_ACT_ALLOW")]))
  }

  @Test("leaves conditions with different actions that one call can fulfil to libseccomp")
  func overlapping() throws {
    typealias Argument = RuntimeSpec.Seccomp.Argument
    try Self.expectSame(
      .init(
        defaultAction: "SCMP_ACT_ERRNO",
        syscalls: [
          .init(
            names: ["read"], action: "SCMP_ACT_ALLOW", args: [Argument(index: 0, value: 5, op: "SCMP_CMP_LT")]
          ),
          .init(
            names: ["read"], action: "SCMP_ACT_KILL_PROCESS",
            args: [Argument(index: 1, value: 5, op: "SCMP_CMP_LT")]),
        ]), isOwn: false)
  }

  @Test(
    "compares all 64 bits of an argument, with every comparison",
    arguments: SeccompCompiler.comparisons.map(\.name))
  func comparison(_ operation: String) throws {
    for value: UInt64 in [0, 1, 0xffff_ffff, 0x1_0000_0000, 0x7e02_0000, .max, 0x8000_0000_0000_0001] {
      try Self.expectSame(
        .init(
          defaultAction: "SCMP_ACT_ERRNO",
          syscalls: [
            .init(
              names: ["write", "clone"], action: "SCMP_ACT_ALLOW",
              args: [
                .init(index: 2, value: value, valueTwo: value & 0xf0f0_0000_ffff, op: operation),
                .init(index: 0, value: 1, op: "SCMP_CMP_NE"),
              ])
          ]))
    }
  }

  @Test("decides as libseccomp does for profiles made by chance")
  func random() throws {
    var generator = SeededGenerator(seed: 0x5345_4343)
    let names = """
      read write open close stat mmap socket bind accept sendto recvmsg semop shmat msgget clone personality ioctl
      fcntl kill getpid ptrace prctl openat mknod io_uring_setup no_such_call socketcall ipc time waitpid
      """.split { $0 == " " || $0 == "\n" }.map(String.init)
    let actions = [
      "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP", "SCMP_ACT_LOG",
    ]
    let operations = SeccompCompiler.comparisons.map(\.name).sorted()
    for _ in 0..<20 {
      var profile = RuntimeSpec.Seccomp(defaultAction: actions.randomElement(using: &generator) ?? "")
      profile.architectures = Bool.random(using: &generator) ? Self.x86 : []
      for _ in 0..<Int.random(in: 1...8, using: &generator) {
        let chosen = names.shuffled(using: &generator).prefix(Int.random(in: 1...6, using: &generator))
        var rule = RuntimeSpec.Seccomp.Rule(
          names: Array(chosen), action: actions.randomElement(using: &generator) ?? "")
        if Bool.random(using: &generator) {
          rule.args = [
            .init(
              index: UInt32.random(in: 0..<6, using: &generator),
              value: UInt64.random(in: 0...64, using: &generator) << 30,
              valueTwo: UInt64.random(in: 0...64, using: &generator) << 30,
              op: operations.randomElement(using: &generator) ?? "")
          ]
        }
        // Two actions under the same condition are refused.
        rule.names.removeAll { name in
          profile.syscalls.contains {
            $0.names.contains(name) && $0.args == rule.args && $0.action != rule.action
          }
        }
        if !rule.names.isEmpty { profile.syscalls.append(rule) }
      }
      try Self.expectSame(profile, isOwn: nil)
    }
  }
}
