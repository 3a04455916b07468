import CShims
import Glibc

/// The rules of a seccomp section, put in order by architecture and number of the call: what SeccompCompiler makes a
/// program of by itself. A section that needs more is left to libseccomp(3).
///
/// What rules mean together is as there: a rule without conditions takes the place of all others of its call, and the
/// first of those stays; conditions of several rules are tried one after the other.
struct FilterRules {
  /// What happens to a call.
  enum Verdict: Equatable {
    /// A word of SECCOMP_RET_*.
    case action(UInt32)
    /// The index in `conditions`.
    case conditional(Int)
  }

  /// One way to fulfil a rule: every comparison holds.
  struct Condition: Equatable {
    var action: UInt32
    var arguments: [isl_seccomp_argument]

    static func == (left: Self, right: Self) -> Bool {
      left.action == right.action && left.arguments.elementsEqual(right.arguments, by: Self.same)
    }

    private static func same(_ left: isl_seccomp_argument, _ right: isl_seccomp_argument) -> Bool {
      left.index == right.index && left.operation == right.operation && left.value == right.value
        && left.value_two == right.value_two
    }
  }

  /// From the number `first` on calls get `verdict`, up to the next one of these.
  struct Segment: Equatable {
    var first: UInt32
    var verdict: Verdict
  }

  /// How calls are numbered and their arguments compared.
  struct Architecture {
    /// libseccomp's name for it (seccomp_arch_add(3)).
    var token: UInt32
    /// In struct seccomp_data (AUDIT_ARCH_*).
    var audit: UInt32
    /// Added to every number.
    var base: UInt32
    /// Whether arguments have 32 bits.
    var isNarrow: Bool

    static let x32Bit: UInt32 = 0x4000_0000

    private static let known = [
      Architecture(token: 0xc000_003e, audit: 0xc000_003e, base: 0, isNarrow: false),  // x86-64
      Architecture(token: 0x4000_0003, audit: 0x4000_0003, base: 0, isNarrow: true),  // x86
      Architecture(token: 0x4000_003e, audit: 0xc000_003e, base: x32Bit, isNarrow: true),  // x32
      Architecture(token: 0xc000_00b7, audit: 0xc000_00b7, base: 0, isNarrow: false),  // aarch64
      Architecture(token: 0x4000_0028, audit: 0x4000_0028, base: 0, isNarrow: true),  // arm
    ]

    init?(token: UInt32) {
      guard let found = Self.known.first(where: { $0.token == token }) else { return nil }
      self = found
    }

    private init(token: UInt32, audit: UInt32, base: UInt32, isNarrow: Bool) {
      (self.token, self.audit, self.base, self.isNarrow) = (token, audit, base, isNarrow)
    }

    var isX86: Bool { token == 0x4000_0003 }
  }

  private(set) var segments: [Segment] = []
  private(set) var conditions: [[Condition]] = []
  let architecture: Architecture

  let defaultAction: UInt32
  /// By number: 0 is the default, 1 + n the verdict n.
  private var table = [UInt16](repeating: 0, count: tableSize)
  private var verdicts: [Verdict] = []
  /// The highest number of a call that is named, without the architecture's base, or -1.
  private var newest = -1
  private static let tableSize = 1024

  /// One rule of the section, its names not looked up yet.
  struct Rule {
    var names: [String]
    var action: UInt32
    var arguments: [isl_seccomp_argument]
  }

  /// Fails with nil where the rules need what only libseccomp knows. `otherNames` are those of
  /// rules that say what the default says.
  init?(_ rules: [Rule], for architecture: Architecture, defaultAction: UInt32, otherNames: [String]) {
    self.architecture = architecture
    self.defaultAction = defaultAction
    for rule in rules {
      for name in rule.names where !add(rule, name) { return nil }
    }
    guard hasNoConflicts else { return nil }
    makeSegments()
    for name in otherNames { newest = max(newest, Self.number(of: name, for: architecture) ?? -1) }
    guard newest >= 0, let action = Self.actionForNewer(than: defaultAction) else { return }
    let first = UInt32(newest + 1) + architecture.base
    segments.removeAll { $0.first >= first }
    segments.append(Segment(first: first, verdict: .action(action)))
  }

  /// Calls that are newer than any that the section names are unknown to whoever wrote it: a program that tries one
  /// and would go on without is told that the kernel does not have it, as by runc and crun. nil where the default is
  /// no refusal.
  static func actionForNewer(than defaultAction: UInt32) -> UInt32? {
    let kind = defaultAction & 0xffff_0000
    // SECCOMP_RET_ALLOW, _LOG, _TRACE and _USER_NOTIF.
    let goesOn: [UInt32] = [0x7fff_0000, 0x7ffc_0000, 0x7ff0_0000, 0x7fc0_0000]
    return goesOn.contains(kind) ? nil : isl_seccomp_action_errno(UInt32(ENOSYS))
  }

  /// The number of a call, without the architecture's base; nil where it has none.
  static func number(of name: String, for architecture: Architecture) -> Int? {
    let number = resolve(name, for: architecture)
    guard number >= 0 else { return nil }
    return Int(UInt32(number) &- architecture.base)
  }

  private static func resolve(_ name: String, for architecture: Architecture) -> Int32 {
    // As an argument of C's a string is copied to the heap.
    var name = name
    return name.withUTF8 { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
        guard let start = characters.baseAddress else { return -1 as Int32 }
        return unsafe isl_seccomp_resolve(architecture.token, start, characters.count)
      }
    }
  }

  private mutating func add(_ rule: Rule, _ name: String) -> Bool {
    let number = Self.resolve(name, for: architecture)
    if number >= 0 { newest = max(newest, Int(UInt32(number) &- architecture.base)) }
    if architecture.isX86, let shared = SharedCall(number) {
      // Called through socketcall(2) or ipc(2) as well, whose first argument says which is meant.
      var arguments = rule.arguments.filter { $0.index != 0 }
      let selector = isl_seccomp_argument(
        index: 0, operation: SeccompCompiler.isEqual, value: UInt64(shared.selector), value_two: 0)
      arguments.insert(selector, at: 0)
      guard set(shared.number, Condition(action: rule.action, arguments: arguments)) else { return false }
      guard shared.direct >= 0 else { return true }
      return set(UInt32(shared.direct), Condition(action: rule.action, arguments: rule.arguments))
    }
    // Unknown to every kernel, or not there on this architecture: nobody can call it.
    guard number >= 0 else { return true }
    return set(UInt32(number) &- architecture.base, Condition(action: rule.action, arguments: rule.arguments))
  }

  /// False for a number beyond the table, such as ARM's own.
  private mutating func set(_ number: UInt32, _ condition: Condition) -> Bool {
    guard number < UInt32(Self.tableSize) else { return false }
    let known = table[Int(number)]
    guard known != 0 else {
      table[Int(number)] = place(condition)
      return true
    }
    guard case .conditional(let index) = verdicts[Int(known) - 1] else { return true }
    if condition.arguments.isEmpty {
      table[Int(number)] = place(condition)
    } else if !conditions[index].contains(condition) {
      conditions[index].append(condition)
    }
    return true
  }

  private mutating func place(_ condition: Condition) -> UInt16 {
    guard condition.arguments.isEmpty else {
      conditions.append([condition])
      verdicts.append(.conditional(conditions.count - 1))
      return UInt16(verdicts.count)
    }
    if let found = verdicts.firstIndex(of: .action(condition.action)) { return UInt16(found + 1) }
    verdicts.append(.action(condition.action))
    return UInt16(verdicts.count)
  }

  /// Whether no call can fulfil conditions with two different actions, so that their order says nothing.
  private var hasNoConflicts: Bool {
    conditions.allSatisfy { list in
      list.indices.allSatisfy { first in
        list[(first + 1)...].allSatisfy { other in
          other.action == list[first].action || Self.exclude(list[first], other)
        }
      }
    }
  }

  private static func exclude(_ left: Condition, _ right: Condition) -> Bool {
    left.arguments.contains { one in
      right.arguments.contains { other in
        guard one.index == other.index, one.operation == other.operation else { return false }
        switch one.operation {
        case SeccompCompiler.isEqual: return one.value != other.value
        case SeccompCompiler.isMaskedEqual:
          let mask = one.value & other.value
          return one.value_two & mask != other.value_two & mask
        default: return false
        }
      }
    }
  }

  private mutating func makeSegments() {
    var last: UInt16?
    for (number, entry) in table.enumerated() where entry != last {
      last = entry
      let verdict = entry == 0 ? Verdict.action(defaultAction) : verdicts[Int(entry) - 1]
      segments.append(Segment(first: UInt32(number) + architecture.base, verdict: verdict))
    }
    guard last != 0 else { return }
    segments.append(
      Segment(first: UInt32(Self.tableSize) + architecture.base, verdict: .action(defaultAction)))
  }
}

/// A call of 32-bit x86 that is made through another one (socketcall(2), ipc(2)), as libseccomp numbers it.
struct SharedCall {
  /// Of the call it is made through.
  var number: UInt32
  /// The value of that call's first argument.
  var selector: UInt32
  /// Its own number, where newer kernels have one, or -1.
  var direct: Int32

  private static let socketCall: UInt32 = 102
  private static let ipc: UInt32 = 117
  /// By selector, from 1 on: socket, bind, connect, listen, accept, getsockname, getpeername, socketpair, send, recv,
  /// sendto, recvfrom, shutdown, setsockopt, getsockopt, sendmsg, recvmsg, accept4, recvmmsg, sendmmsg (since Linux
  /// 2.6.33 to 4.3; those with -1 have none).
  private static let directSockets: [Int32] = [
    359, 361, 362, 363, -1, 367, 368, 360, -1, -1, 369, 371, 373, 366, 365, 370, 372, 364, 337, 345,
  ]

  /// The same of ipc(2) (Linux 5.1); a selector says the family by its tens.
  private static let directIPC: [(selector: UInt32, number: Int32)] = [
    (2, 393), (3, 394), (11, 400), (12, 401), (13, 399), (14, 402), (21, 397), (22, 398), (23, 395),
    (24, 396),
  ]

  init?(_ number: Int32) {
    if number > 0, let selector = Self.directSockets.firstIndex(of: number) {
      self.init(number: Self.socketCall, selector: UInt32(selector + 1), direct: number)
    } else if number > 0, let known = Self.directIPC.first(where: { $0.number == number }) {
      self.init(number: Self.ipc, selector: known.selector, direct: number)
    } else if number <= -101, number >= -120 {
      let selector = -number - 100
      self.init(
        number: Self.socketCall, selector: UInt32(selector), direct: Self.directSockets[Int(selector) - 1])
    } else if number <= -201, number >= -224 {
      let selector = UInt32(-number - 200)
      let direct = Self.directIPC.first { $0.selector == selector }?.number
      self.init(number: Self.ipc, selector: selector, direct: direct ?? -1)
    } else {
      return nil
    }
  }

  private init(number: UInt32, selector: UInt32, direct: Int32) {
    (self.number, self.selector, self.direct) = (number, selector, direct)
  }
}
