/// Runs a classic BPF program as the kernel runs a seccomp filter: the subset of seccomp_check_filter in
/// kernel/seccomp.c, read anew for the tests.
struct FilterInterpreter {
  struct Call {
    var number: UInt32
    var architecture: UInt32
    var arguments: [UInt64]
  }

  private let program: [UInt8]

  init(_ program: [UInt8]) { self.program = program }

  var length: Int { program.count / 8 }

  private func word(_ offset: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(program[offset + $1]) << UInt32(8 * $1) }
  }

  private static func load(_ call: Call, _ offset: UInt32) -> UInt32? {
    switch offset {
    case 0: return call.number
    case 4: return call.architecture
    case 16..<64 where offset % 4 == 0:
      let argument = call.arguments[Int(offset - 16) / 8]
      return UInt32(truncatingIfNeeded: offset % 8 == 0 ? argument : argument >> 32)
    default: return nil
    }
  }

  /// The action, or nil for a program the kernel would refuse.
  func run(_ call: Call) -> UInt32? {
    var (accumulator, at) = (UInt32(0), 0)
    while at < length {
      let code = UInt16(program[at * 8]) | UInt16(program[at * 8 + 1]) << 8
      let (whenTrue, whenFalse) = (Int(program[at * 8 + 2]), Int(program[at * 8 + 3]))
      let k = word(at * 8 + 4)
      at += 1
      func jump(_ holds: Bool) { at += holds ? whenTrue : whenFalse }
      switch code {
      case 0x20:
        guard let value = Self.load(call, k) else { return nil }
        accumulator = value
      case 0x54: accumulator &= k
      case 0x05: at += Int(k)
      case 0x15: jump(accumulator == k)
      case 0x25: jump(accumulator > k)
      case 0x35: jump(accumulator >= k)
      case 0x06: return k
      default: return nil
      }
    }
    return nil
  }
}
