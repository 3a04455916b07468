import TestSupport
import Testing

@testable import Isolate

@Suite("The filter of devices")
struct DeviceFilterTests {
  /// A reader of the few instructions there are, apart from the kernel's.
  private static func run(_ program: [UInt64], type: UInt64, access: UInt64, major: UInt64, minor: UInt64)
    -> UInt64?
  {
    let context: [UInt64: UInt64] = [0: access << 16 | type, 4: major, 8: minor]
    var registers = [UInt64](repeating: 0, count: 11)
    var place = 0
    for _ in 0..<10_000 {
      guard program.indices.contains(place) else { return nil }
      let word = program[place]
      let (destination, source) = (Int(word >> 8 & 0xf), Int(word >> 12 & 0xf))
      let offset = Int(Int16(truncatingIfNeeded: word >> 16))
      let immediate = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: word >> 32)))
      place += 1
      switch word & 0xff {
      case 0x61: registers[destination] = context[UInt64(offset)] ?? 0
      case 0xb7: registers[destination] = immediate
      case 0xbf: registers[destination] = registers[source]
      case 0x57: registers[destination] &= immediate
      case 0x77: registers[destination] >>= immediate
      case 0x15: if registers[destination] == immediate { place += offset }
      case 0x55: if registers[destination] != immediate { place += offset }
      case 0x95: return registers[0]
      default: return nil
      }
    }
    return nil
  }

  /// What the rules mean, in words: the last one that speaks of an access decides it.
  private static func allows(
    _ rules: [RuntimeSpec.DeviceRule], type: String, access: Character, major: UInt32, minor: UInt32
  ) -> Bool {
    rules.last { rule in
      (rule.type ?? type) == type && (rule.major ?? major) == major && (rule.minor ?? minor) == minor
        && rule.access.contains(access)
    }?.isAllowed ?? false
  }

  @Test("allows what the last rule for it allows, for each access by itself, and nothing without a rule")
  func decisions() {
    var random = SeededGenerator(seed: 20)
    let letters: [(Character, UInt64)] = [("m", 1), ("r", 2), ("w", 4)]
    for _ in 0..<300 {
      let rules = (0..<Int.random(in: 0...8, using: &random)).map { _ in
        RuntimeSpec.DeviceRule(
          isAllowed: .random(using: &random), type: ["c", "b", nil].randomElement(using: &random) ?? nil,
          major: [1, 2, nil].randomElement(using: &random) ?? nil,
          minor: [3, 4, nil].randomElement(using: &random) ?? nil,
          access: ["r", "w", "m", "rw", "rwm", "wm"].randomElement(using: &random) ?? "r")
      }
      let program = DeviceFilter(rules).instructions
      for (type, number) in [("b", 1 as UInt64), ("c", 2)] {
        for major in [1, 2, 9] as [UInt32] {
          for minor in [3, 4, 9] as [UInt32] {
            for access in 1...7 as ClosedRange<UInt64> {
              let expected = letters.allSatisfy { letter, bit in
                access & bit == 0
                  || Self.allows(rules, type: type, access: letter, major: major, minor: minor)
              }
              let verdict = Self.run(
                program, type: number, access: access, major: UInt64(major), minor: UInt64(minor))
              #expect(verdict == (expected ? 1 : 0), "\(type) \(major):\(minor) \(access) \(rules)")
            }
          }
        }
      }
    }
  }

  @Test("lets the default devices be used whatever the rules say")
  func defaults() {
    let program = DeviceFilter([.init(isAllowed: false)] + DeviceFilter.always).instructions
    #expect(Self.run(program, type: 2, access: 6, major: 1, minor: 3) == 1)
    #expect(Self.run(program, type: 2, access: 6, major: 136, minor: 77) == 1)
    #expect(Self.run(program, type: 2, access: 2, major: 1, minor: 1) == 0)
    #expect(Self.run(program, type: 1, access: 2, major: 8, minor: 0) == 0)
    #expect(Self.run(program, type: 1, access: 1, major: 8, minor: 0) == 1)
  }
}
