import CShims

/// Writes a classic BPF program (kernel documentation, networking/filter.rst) that looks for a call's number in a
/// balanced tree of ranges.
///
/// The kernel walks a program once for each number when it is installed (seccomp_cache_prepare in kernel/seccomp.c) and
/// translates each instruction, so depth and length decide what a start costs.
struct FilterProgram {
  /// Instructions from the last to the first, as struct sock_filter has them: code, jt, jf, k from the lowest bits up
  /// (both architectures are little-endian). Jumps lead forward only, so what they lead to is there already.
  private var reversed: [UInt64] = []
  /// Where the latest return of an action stands.
  private var returns: [(action: UInt32, place: Int)] = []

  /// What a jump leads to.
  private enum Target {
    case action(UInt32)
    case place(Int)
  }

  // linux/bpf_common.h
  private static let load: UInt16 = 0x20  // BPF_LD | BPF_W | BPF_ABS
  private static let and: UInt16 = 0x54  // BPF_ALU | BPF_AND | BPF_K
  private static let jump: UInt16 = 0x05  // BPF_JMP | BPF_JA
  private static let equal: UInt16 = 0x15  // BPF_JMP | BPF_JEQ | BPF_K
  private static let greater: UInt16 = 0x25  // BPF_JMP | BPF_JGT | BPF_K
  private static let atLeast: UInt16 = 0x35  // BPF_JMP | BPF_JGE | BPF_K
  private static let giveBack: UInt16 = 0x06  // BPF_RET | BPF_K

  // struct seccomp_data (seccomp(2)).
  private static let numberOffset: UInt32 = 0
  private static let architectureOffset: UInt32 = 4
  private static let argumentsOffset: UInt32 = 16

  /// `architectures` are the sections, the native one first; `unknown` is the action for every other architecture.
  init(_ architectures: [FilterRules], defaultAction: UInt32, unknown: UInt32) {
    var next = Target.action(unknown)
    for rules in architectures.reversed() where rules.architecture.base == 0 {
      var own = search(rules.segments[...], rules)
      if rules.architecture.audit == 0xc000_003e {
        // x32 shares its architecture with x86-64 and has a bit of its own in the number.
        let other =
          if let wide = architectures.first(where: { $0.architecture.base != 0 }) {
            search(wide.segments[...], wide)
          } else {
            // A tracer's -1 stands for a call that is not made (seccomp(2)).
            branch(Self.equal, .max, then: .action(defaultAction), otherwise: .action(unknown))
          }
        own = branch(Self.atLeast, FilterRules.Architecture.x32Bit, then: other, otherwise: own)
      }
      let part = load(Self.numberOffset, before: own)
      next = branch(Self.equal, rules.architecture.audit, then: part, otherwise: next)
    }
    _ = load(Self.architectureOffset, before: next)
  }

  /// How many instructions there are.
  var count: Int { reversed.count }

  /// The bytes that seccomp(2) takes.
  var bytes: [UInt8] {
    let instructions = Array(reversed.reversed())
    return unsafe instructions.withUnsafeBytes { unsafe [UInt8]($0) }
  }

  // MARK: From the end to the beginning

  private mutating func add(_ code: UInt16, _ k: UInt32, _ jt: Int = 0, _ jf: Int = 0) -> Target {
    reversed.append(UInt64(code) | UInt64(jt) << 16 | UInt64(jf) << 24 | UInt64(k) << 32)
    return .place(reversed.count - 1)
  }

  /// A place that the next instructions but `room` can jump to with 8 bits.
  private mutating func reach(_ target: Target, room: Int) -> Int {
    switch target {
    case .place(let place):
      if reversed.count + room - place <= 255 { return place }
      _ = add(Self.jump, UInt32(reversed.count - place - 1))
    case .action(let action):
      let known = returns.firstIndex { $0.action == action }
      if let known, reversed.count + room - returns[known].place <= 255 { return returns[known].place }
      _ = add(Self.giveBack, action)
      if let known {
        returns[known].place = reversed.count - 1
      } else {
        returns.append((action, reversed.count - 1))
      }
    }
    return reversed.count - 1
  }

  private mutating func branch(_ code: UInt16, _ k: UInt32, then: Target, otherwise: Target) -> Target {
    let (yes, no) = (reach(then, room: 1), reach(otherwise, room: 0))
    return add(code, k, reversed.count - yes - 1, reversed.count - no - 1)
  }

  /// Loads a word; what follows must stand right behind.
  private mutating func load(_ offset: UInt32, before target: Target) -> Target {
    if case .place(let place) = target, place == reversed.count - 1 { return add(Self.load, offset) }
    switch target {
    case .place(let place): _ = add(Self.jump, UInt32(reversed.count - place - 1))
    case .action(let action): _ = add(Self.giveBack, action)
    }
    return add(Self.load, offset)
  }

  private mutating func search(_ segments: ArraySlice<FilterRules.Segment>, _ rules: FilterRules) -> Target {
    guard segments.count > 1 else {
      switch segments.first?.verdict {
      case .conditional(let index)?: return conditions(rules.conditions[index], rules)
      case .action(let action)?: return .action(action)
      case nil: return .action(rules.defaultAction)
      }
    }
    let middle = segments.startIndex + segments.count / 2
    let above = search(segments[middle...], rules)
    let below = search(segments[..<middle], rules)
    return branch(Self.atLeast, segments[middle].first, then: above, otherwise: below)
  }

  /// One condition after the other, the default action behind the last.
  private mutating func conditions(_ list: [FilterRules.Condition], _ rules: FilterRules) -> Target {
    var next = Target.action(rules.defaultAction)
    for condition in list.reversed() {
      var holds = Target.action(condition.action)
      for argument in condition.arguments.reversed() {
        holds = compare(argument, isNarrow: rules.architecture.isNarrow, then: holds, otherwise: next)
      }
      next = holds
    }
    return next
  }

  /// A comparison of 64 bits looks at the upper 32 first, which decide unless they are equal.
  private mutating func compare(
    _ argument: isl_seccomp_argument, isNarrow: Bool, then: Target, otherwise: Target
  ) -> Target {
    let low = Self.argumentsOffset + 8 * argument.index
    let isMasked = argument.operation == SeccompCompiler.isMaskedEqual
    let value = isMasked ? argument.value & argument.value_two : argument.value
    let mask = isMasked ? argument.value : .max
    func half(_ word: UInt64, _ isUpper: Bool) -> UInt32 {
      UInt32(truncatingIfNeeded: isUpper ? word >> 32 : word)
    }

    var lower: Target
    switch argument.operation {
    case SeccompCompiler.isNotEqual:
      lower = branch(Self.equal, half(value, false), then: otherwise, otherwise: then)
    case SeccompCompiler.isGreater:
      lower = branch(Self.greater, half(value, false), then: then, otherwise: otherwise)
    case SeccompCompiler.isAtMost:
      lower = branch(Self.greater, half(value, false), then: otherwise, otherwise: then)
    case SeccompCompiler.isAtLeast:
      lower = branch(Self.atLeast, half(value, false), then: then, otherwise: otherwise)
    case SeccompCompiler.isLess:
      lower = branch(Self.atLeast, half(value, false), then: otherwise, otherwise: then)
    default: lower = branch(Self.equal, half(value, false), then: then, otherwise: otherwise)
    }
    if isMasked { lower = add(Self.and, half(mask, false)) }
    lower = load(low, before: lower)
    if isNarrow { return lower }

    let unequal = argument.operation == SeccompCompiler.isNotEqual ? then : otherwise
    var upper: Target
    switch argument.operation {
    case SeccompCompiler.isGreater, SeccompCompiler.isAtLeast:
      upper = branch(Self.equal, half(value, true), then: lower, otherwise: otherwise)
      upper = branch(Self.greater, half(value, true), then: then, otherwise: upper)
    case SeccompCompiler.isLess, SeccompCompiler.isAtMost:
      upper = branch(Self.equal, half(value, true), then: lower, otherwise: then)
      upper = branch(Self.greater, half(value, true), then: otherwise, otherwise: upper)
    default: upper = branch(Self.equal, half(value, true), then: lower, otherwise: unequal)
    }
    if isMasked { upper = add(Self.and, half(mask, true)) }
    return load(low + 4, before: upper)
  }
}
