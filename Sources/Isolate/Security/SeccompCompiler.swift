import CShims
import Glibc

/// Compiles a seccomp section into the kernel's filter program.
///
/// Sections as engines write them become a tree of ranges by FilterProgram; libseccomp(3), whose trees are several
/// times as long and take milliseconds to make, compiles the others (docs/performance.md).
enum SeccompCompiler {
  static let isNotEqual: UInt32 = 1
  static let isLess: UInt32 = 2
  static let isAtMost: UInt32 = 3
  static let isEqual: UInt32 = 4
  static let isAtLeast: UInt32 = 5
  static let isGreater: UInt32 = 6
  static let isMaskedEqual: UInt32 = 7

  /// A section whose names of actions, comparisons and architectures have been understood.
  private struct Section {
    var defaultAction: UInt32
    var architectures: [UInt32] = []
    var rules: [FilterRules.Rule] = []
    /// Of rules that say what the default says.
    var otherNames: [String] = []

    /// The highest number of a call that is named, or -1.
    func newest(for architecture: FilterRules.Architecture) -> Int {
      var newest = -1
      for names in rules.map(\.names) + [otherNames] {
        for name in names { newest = max(newest, FilterRules.number(of: name, for: architecture) ?? -1) }
      }
      return newest
    }
  }

  /// The program as bytes: an array of struct sock_filter (8 bytes each).
  ///
  /// Attempts to make a call of `notify` go to the notification listener instead of that call's rule.
  static func compile(_ seccomp: RuntimeSpec.Seccomp, notify: [String] = []) throws(IsolateError) -> [UInt8] {
    let section = try section(seccomp, notify: notify)
    let program = if let own = ownProgram(section) { own } else { try libraryProgram(section) }
    return seccomp.refusesTerminalInput || seccomp.isDefault ? terminalGuard + program : program
  }

  /// Both ways of compiling, for the tests that compare them; nil where the section is libseccomp's alone.
  static func programs(_ seccomp: RuntimeSpec.Seccomp) throws(IsolateError) -> (
    own: [UInt8]?, library: [UInt8]
  ) {
    let section = try section(seccomp, notify: [])
    return (ownProgram(section), try libraryProgram(section))
  }

  private static func section(
    _ seccomp: RuntimeSpec.Seccomp, notify: [String]
  ) throws(IsolateError) -> Section {
    let root = "linux.seccomp"
    var section = Section(
      defaultAction: try action(
        seccomp.defaultAction, number: seccomp.defaultErrnoRet, path: "\(root).defaultAction"))
    section.architectures = [isl_seccomp_native_architecture()]
    for (index, name) in seccomp.architectures.enumerated() {
      let token = unsafe isl_seccomp_architecture(name)
      if token == 0 {
        throw .specification(
          SpecError(path: "\(root).architectures[\(index)]", message: "\"\(name)\" is not an architecture"))
      }
      if !section.architectures.contains(token) { section.architectures.append(token) }
    }
    if !notify.isEmpty {
      section.rules.append(.init(names: notify, action: isl_seccomp_action_notify(), arguments: []))
    }
    for (index, rule) in seccomp.syscalls.enumerated() {
      let path = "\(root).syscalls[\(index)]"
      let action = try action(rule.action, number: rule.errnoRet, path: "\(path).action")
      let arguments = try arguments(rule.args, path: path)
      // libseccomp refuses a rule that says what the default already says.
      if action == section.defaultAction {
        section.otherNames += rule.names
        continue
      }
      let names = notify.isEmpty ? rule.names : rule.names.filter { !notify.contains($0) }
      for comparisons in alternatives(arguments) {
        section.rules.append(.init(names: names, action: action, arguments: comparisons))
      }
    }
    try refuseContradictions(section.rules)
    return section
  }

  private static func arguments(
    _ arguments: [RuntimeSpec.Seccomp.Argument], path: String
  ) throws(IsolateError) -> [isl_seccomp_argument] {
    var words: [isl_seccomp_argument] = []
    for (index, argument) in arguments.enumerated() {
      guard let operation = comparisons[argument.op], argument.index < 6 else {
        throw .specification(
          SpecError(
            path: "\(path).args[\(index)]", message: "\"\(argument.op)\" of argument \(argument.index)"))
      }
      words.append(
        isl_seccomp_argument(
          index: argument.index, operation: UInt32(operation.set), value: argument.value,
          value_two: argument.valueTwo))
    }
    return words
  }

  /// What libseccomp does with an architecture it was not told of (SCMP_FLTATR_ACT_BADARCH): SECCOMP_RET_KILL_THREAD.
  private static let unknownArchitecture: UInt32 = 0
  /// BPF_MAXINSNS.
  static let maximumLength = 4096

  private static func ownProgram(_ section: Section) -> [UInt8]? {
    var all: [FilterRules] = []
    for token in section.architectures {
      guard let architecture = FilterRules.Architecture(token: token),
        let rules = FilterRules(
          section.rules, for: architecture, defaultAction: section.defaultAction,
          otherNames: section.otherNames)
      else { return nil }
      all.append(rules)
    }
    let program = FilterProgram(all, defaultAction: section.defaultAction, unknown: unknownArchitecture)
    return program.count <= maximumLength ? program.bytes : nil
  }

  private static func libraryProgram(_ section: Section) throws(IsolateError) -> [UInt8] {
    var filter: OpaquePointer?
    let opened = unsafe isl_seccomp_open(section.defaultAction, &filter)
    guard opened == 0, let filter = unsafe filter else {
      throw .system(SystemError("seccomp_init", code: -opened))
    }
    defer { unsafe isl_seccomp_close(filter) }
    for token in section.architectures {
      let added = unsafe isl_seccomp_add_architecture(filter, token)
      if added != 0 { throw .system(SystemError("seccomp_arch_add", code: -added)) }
    }
    for rule in section.rules {
      for name in rule.names {
        let result = unsafe isl_seccomp_add_rule(
          filter, rule.action, name, rule.arguments, UInt32(rule.arguments.count))
        // A name no kernel of this libseccomp knows cannot be called by it either: as runc and crun do.
        if result == 0 || result == -ENOENT || result == -EDOM || result == -EEXIST { continue }
        throw .system(SystemError("seccomp_rule_add", name, code: -result))
      }
    }
    let file = unsafe isl_seccomp_export(filter)
    guard file >= 0 else { throw .system(SystemError("seccomp_export_bpf", code: -file)) }
    return newerCallsGuard(section) + (try read(OwnedDescriptor(owning: file)))
  }

  /// Instructions before a program of libseccomp's that do what `FilterRules.actionForNewer` says.
  private static func newerCallsGuard(_ section: Section) -> [UInt8] {
    guard let action = FilterRules.actionForNewer(than: section.defaultAction) else { return [] }
    var words: [UInt64] = []
    func add(_ code: UInt64, _ k: UInt32, _ jt: UInt64 = 0, _ jf: UInt64 = 0) {
      words.append(code | jt << 16 | jf << 24 | UInt64(k) << 32)
    }
    for token in section.architectures {
      guard let architecture = FilterRules.Architecture(token: token) else { continue }
      let newest = section.newest(for: architecture)
      guard newest >= 0 else { continue }
      // x32 shares its architecture with x86-64 and has a bit of its own in the number.
      let isX32 = architecture.base != 0
      let isShared = architecture.audit == 0xc000_003e
      add(0x20, 4)  // load the architecture
      add(0x15, architecture.audit, 0, isShared ? 4 : 3)
      add(0x20, 0)  // load the number
      if isShared { add(0x35, FilterRules.Architecture.x32Bit, isX32 ? 0 : 2, isX32 ? 2 : 0) }
      add(0x25, UInt32(newest) + architecture.base, 0, 1)
      add(0x06, action)
    }
    return unsafe words.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  /// Instructions before the default filter that refuse to push input into a terminal: ioctl(2) with TIOCSTI or
  /// TIOCLINUX. The kernel looks at 32 bits of the request, so do they; libseccomp's comparison for "is not" would
  /// look at 64, and let through what differs above (CVE-2019-10063).
  private static let terminalGuard: [UInt8] = {
    var bytes = [UInt8](repeating: 0, count: 8 * Int(ISL_TERMINAL_GUARD_LENGTH))
    unsafe bytes.withUnsafeMutableBytes { unsafe isl_seccomp_terminal_guard($0.baseAddress) }
    return bytes
  }()

  /// All comparisons of a rule must hold; but where one argument is compared twice, which libseccomp refuses, each
  /// comparison is a rule by itself, as runc and crun read it and as widespread profiles mean it.
  private static func alternatives(_ arguments: [isl_seccomp_argument]) -> [[isl_seccomp_argument]] {
    // Indexes are below 6.
    var seen: UInt32 = 0
    for argument in arguments {
      if seen & 1 << argument.index != 0 { return arguments.map { [$0] } }
      seen |= 1 << argument.index
    }
    return [arguments]
  }

  static let comparisons: [NamedBits] = [
    .init("SCMP_CMP_NE", UInt64(isNotEqual)), .init("SCMP_CMP_LT", UInt64(isLess)),
    .init("SCMP_CMP_LE", UInt64(isAtMost)), .init("SCMP_CMP_EQ", UInt64(isEqual)),
    .init("SCMP_CMP_GE", UInt64(isAtLeast)), .init("SCMP_CMP_GT", UInt64(isGreater)),
    .init("SCMP_CMP_MASKED_EQ", UInt64(isMaskedEqual)),
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
