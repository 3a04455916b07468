import Testing

@testable import Isolate

@Suite("Compiling a filter")
struct SeccompCompilerTests {
  @Test("gives a program that the kernel's limit of instructions allows")
  func size() throws {
    let program = try SeccompCompiler.compile(.default)
    #expect(program.count % 8 == 0)
    #expect((1...4096).contains(program.count / 8))
  }

  @Test("gives the same program each time")
  func isStable() throws {
    #expect(try SeccompCompiler.compile(.default) == SeccompCompiler.compile(.default))
  }

  private static func failure(_ profile: RuntimeSpec.Seccomp) -> SpecError? {
    do {
      _ = try SeccompCompiler.compile(profile)
      return nil
    } catch {
      guard case .specification(let error) = error else { return nil }
      return error
    }
  }

  @Test("refuses an unknown action, architecture, comparison or argument and names its path")
  func refusals() {
    typealias Seccomp = RuntimeSpec.Seccomp
    func profile(_ rule: Seccomp.Rule) -> Seccomp {
      Seccomp(
        defaultAction: "SCMP_ACT_ERRNO", syscalls: [.init(names: ["read"], action: "SCMP_ACT_ALLOW"), rule])
    }
    #expect(Self.failure(Seccomp(defaultAction: "ALLOW"))?.path == "linux.seccomp.defaultAction")
    #expect(Self.failure(Seccomp(defaultAction: "SCMP_ACT_NONE"))?.path == "linux.seccomp.defaultAction")
    let architecture = Seccomp(
      defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_VAX"])
    #expect(Self.failure(architecture)?.path == "linux.seccomp.architectures[1]")
    #expect(
      Self.failure(profile(.init(names: ["write"], action: "permit")))?.path
        == "linux.seccomp.syscalls[1].action")
    let comparison = Seccomp.Argument(index: 0, value: 1, op: "=")
    let index = Seccomp.Argument(index: 6, value: 1, op: "SCMP_CMP_EQ")
    for argument in [comparison, index] {
      let rule = Seccomp.Rule(names: ["write"], action: "SCMP_ACT_ALLOW", args: [argument])
      #expect(Self.failure(profile(rule))?.path == "linux.seccomp.syscalls[1].args[0]")
    }
  }

  @Test(
    "takes comparisons of one argument in one rule for alternatives, as the profiles of engines mean them")
  func alternatives() throws {
    typealias Seccomp = RuntimeSpec.Seccomp
    func compiled(_ arguments: [[Seccomp.Argument]]) throws -> [UInt8] {
      let rules = arguments.map { Seccomp.Rule(names: ["personality"], action: "SCMP_ACT_ALLOW", args: $0) }
      return try SeccompCompiler.compile(.init(defaultAction: "SCMP_ACT_ERRNO", syscalls: rules))
    }
    let first = Seccomp.Argument(index: 0, value: 0, op: "SCMP_CMP_EQ")
    let second = Seccomp.Argument(index: 0, value: 8, op: "SCMP_CMP_EQ")
    let other = Seccomp.Argument(index: 1, value: 8, op: "SCMP_CMP_EQ")
    #expect(try compiled([[first, second]]) == compiled([[first], [second]]))
    #expect(try compiled([[first, other]]) != compiled([[first], [other]]))
  }

  @Test("refuses two actions for one call under the same condition, and takes the same action twice")
  func contradictions() throws {
    typealias Seccomp = RuntimeSpec.Seccomp
    let (zero, one) = (
      Seccomp.Argument(index: 0, value: 0, op: "SCMP_CMP_EQ"),
      Seccomp.Argument(index: 1, value: 1, op: "SCMP_CMP_EQ")
    )
    func rule(_ action: String, _ arguments: [Seccomp.Argument] = [], errno: UInt32? = nil) -> Seccomp.Rule {
      .init(names: ["close", "read"], action: action, errnoRet: errno, args: arguments)
    }
    func profile(_ rules: Seccomp.Rule...) -> Seccomp {
      .init(defaultAction: "SCMP_ACT_ALLOW", syscalls: rules)
    }
    for wrong in [
      profile(rule("SCMP_ACT_ERRNO"), rule("SCMP_ACT_KILL")),
      profile(
        rule("SCMP_ACT_ERRNO", errno: 1), rule("SCMP_ACT_LOG", [one]), rule("SCMP_ACT_ERRNO", errno: 2)),
      profile(rule("SCMP_ACT_ERRNO", [zero, one]), rule("SCMP_ACT_LOG", [one, zero])),
    ] {
      let failure = Self.failure(wrong)
      #expect(failure?.path == "linux.seccomp.syscalls")
      #expect(failure?.message == "two actions for \"close\" under the same condition")
    }
    for right in [
      profile(rule("SCMP_ACT_ERRNO"), rule("SCMP_ACT_ERRNO")),
      profile(rule("SCMP_ACT_ERRNO", [zero]), rule("SCMP_ACT_LOG", [one])),
      // As in Podman's profile.
      .init(
        defaultAction: "SCMP_ACT_LOG", syscalls: [rule("SCMP_ACT_ERRNO", errno: 1), rule("SCMP_ACT_ALLOW")]),
      // What the default says needs no rule.
      profile(rule("SCMP_ACT_ERRNO"), rule("SCMP_ACT_ALLOW")),
    ] {
      _ = try SeccompCompiler.compile(right)
    }
  }

  @Test("passes over calls that no kernel has, as runc does")
  func unknownCalls() throws {
    let rule = RuntimeSpec.Seccomp.Rule(names: ["no_such_call", "read"], action: "SCMP_ACT_ALLOW")
    _ = try SeccompCompiler.compile(.init(defaultAction: "SCMP_ACT_ERRNO", syscalls: [rule]))
  }

  /// What the kernel lets a payload reach is what it can attack (threats.md, 3.3).
  @Test(
    "never lets the default profile allow a call that changes namespaces, mounts or the kernel",
    arguments: [
      "unshare", "setns", "mount", "umount", "umount2", "pivot_root", "chroot", "fsopen", "fsconfig",
      "fsmount",
      "fspick", "open_tree", "move_mount", "mount_setattr", "keyctl", "add_key", "request_key", "bpf",
      "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "perf_event_open",
      "open_by_handle_at", "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load",
      "reboot", "swapon", "swapoff", "settimeofday", "clock_settime", "acct", "quotactl", "syslog", "iopl",
      "ioperm", "sethostname", "setdomainname", "lookup_dcookie", "nfsservctl", "vhangup", "kcmp",
      "process_madvise", "move_pages", "mbind", "set_mempolicy", "pidfd_getfd", "fanotify_init", "clone3",
    ])
  func deniedByDefault(_ call: String) {
    let allowing = RuntimeSpec.Seccomp.default.syscalls.filter { $0.action == "SCMP_ACT_ALLOW" }
    #expect(!allowing.contains { $0.names.contains(call) })
    #expect(RuntimeSpec.Seccomp.default.defaultAction == "SCMP_ACT_ERRNO")
  }
}
