import CShims
import Glibc

/// Compiles a seccomp section with libseccomp(3) into the kernel's filter program.
enum SeccompCompiler {
  /// The program as bytes: an array of struct sock_filter (8 bytes each).
  ///
  /// Attempts to make a call of `notify` go to the notification listener instead of that call's rule.
  static func compile(_ seccomp: RuntimeSpec.Seccomp, notify: [String] = []) throws(IsolateError) -> [UInt8] {
    let root = "linux.seccomp"
    var filter: OpaquePointer?
    let defaultAction = try action(
      seccomp.defaultAction, number: seccomp.defaultErrnoRet, path: "\(root).defaultAction")
    let opened = unsafe isl_seccomp_open(defaultAction, &filter)
    guard opened == 0, let filter = unsafe filter else {
      throw .system(SystemError("seccomp_init", code: -opened))
    }
    defer { unsafe isl_seccomp_close(filter) }
    for (index, name) in seccomp.architectures.enumerated()
    where unsafe isl_seccomp_add_architecture(filter, name) != 0 {
      throw .specification(
        SpecError(path: "\(root).architectures[\(index)]", message: "\"\(name)\" is not an architecture"))
    }
    for call in notify {
      let added = unsafe isl_seccomp_add_rule(filter, isl_seccomp_action_notify(), call, nil, 0)
      if added != 0 { throw .system(SystemError("seccomp_rule_add", call, code: -added)) }
    }
    for (index, rule) in seccomp.syscalls.enumerated() {
      try unsafe add(rule, to: filter, path: "\(root).syscalls[\(index)]", defaultAction, except: notify)
    }
    let file = unsafe isl_seccomp_export(filter)
    guard file >= 0 else { throw .system(SystemError("seccomp_export_bpf", code: -file)) }
    let program = try read(OwnedDescriptor(owning: file))
    return seccomp.refusesTerminalInput || seccomp == .default ? terminalGuard + program : program
  }

  /// Instructions before the default filter that refuse to push input into a terminal: ioctl(2) with TIOCSTI or
  /// TIOCLINUX. The kernel looks at 32 bits of the request, so do they; libseccomp's comparison for "is not" would
  /// look at 64, and let through what differs above (CVE-2019-10063).
  private static let terminalGuard: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: 8 * Int(ISL_TERMINAL_GUARD_LENGTH))
    unsafe bytes.withUnsafeMutableBytes { unsafe isl_seccomp_terminal_guard($0.baseAddress) }
    return bytes
  }()

  private static func add(
    _ rule: RuntimeSpec.Seccomp.Rule, to filter: OpaquePointer, path: String, _ defaultAction: UInt32,
    except notify: [String]
  ) throws(IsolateError) {
    let action = try action(rule.action, number: rule.errnoRet, path: "\(path).action")
    // libseccomp refuses a rule that says what the default already says.
    if action == defaultAction { return }
    var arguments: [isl_seccomp_argument] = []
    for (index, argument) in rule.args.enumerated() {
      guard let operation = comparisons[argument.op], argument.index < 6 else {
        throw .specification(
          SpecError(
            path: "\(path).args[\(index)]", message: "\"\(argument.op)\" of argument \(argument.index)"))
      }
      arguments.append(
        isl_seccomp_argument(
          index: argument.index, operation: operation, value: argument.value, value_two: argument.valueTwo))
    }
    for name in rule.names where !notify.contains(name) {
      for comparisons in alternatives(arguments) {
        let result = unsafe isl_seccomp_add_rule(filter, action, name, comparisons, UInt32(comparisons.count))
        // A name no kernel of this libseccomp knows cannot be called by it either: as runc and crun do.
        if result == 0 || result == -ENOENT || result == -EDOM || result == -EEXIST { continue }
        throw .system(SystemError("seccomp_rule_add", name, code: -result))
      }
    }
  }

  /// All comparisons of a rule must hold; but where one argument is compared twice, which libseccomp refuses, each
  /// comparison is a rule by itself, as runc and crun read it and as widespread profiles mean it.
  private static func alternatives(_ arguments: [isl_seccomp_argument]) -> [[isl_seccomp_argument]] {
    Set(arguments.map(\.index)).count < arguments.count ? arguments.map { [$0] } : [arguments]
  }

  static let comparisons: [String: UInt32] = [
    "SCMP_CMP_NE": 1, "SCMP_CMP_LT": 2, "SCMP_CMP_LE": 3, "SCMP_CMP_EQ": 4, "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6, "SCMP_CMP_MASKED_EQ": 7,
  ]

  /// The actions that the kernel knows (SECCOMP_GET_ACTION_AVAIL).
  static var availableActions: [String] {
    [
      "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD",
      "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP",
    ].filter { name in
      guard let word = try? action(name, number: 0, path: "") else { return false }
      return isl_seccomp_action_available(word & 0xffff_0000) == 1
    }
  }

  /// Those of the specification that libseccomp can compile for.
  static let architectures = [
    "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32",
    "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_X32", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64",
  ]

  private static func action(_ name: String, number: UInt32?, path: String) throws(IsolateError) -> UInt32 {
    switch name {
    case "SCMP_ACT_ALLOW": isl_seccomp_action_allow()
    case "SCMP_ACT_ERRNO": isl_seccomp_action_errno(number ?? UInt32(EPERM))
    case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": isl_seccomp_action_kill_thread()
    case "SCMP_ACT_KILL_PROCESS": isl_seccomp_action_kill_process()
    case "SCMP_ACT_TRAP": isl_seccomp_action_trap()
    case "SCMP_ACT_NOTIFY": isl_seccomp_action_notify()
    case "SCMP_ACT_LOG": isl_seccomp_action_log()
    case "SCMP_ACT_TRACE": isl_seccomp_action_trace(number ?? UInt32(EPERM))
    default:
      throw .specification(
        SpecError(path: path, message: "\"\(name)\" is not an action this version of isolate supports"))
    }
  }

  private static func read(_ file: consuming OwnedDescriptor) throws(IsolateError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { buffer in
        unsafe pread(file.number, buffer.baseAddress, buffer.count, bytes.count)
      }
      if count < 0 { throw .system(SystemError("pread", "seccomp", code: errno)) }
      if count == 0 { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}
