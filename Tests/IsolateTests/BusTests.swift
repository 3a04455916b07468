import TestSupport
import Testing

@testable import Isolate

@Suite("A message of D-Bus")
struct BusTests {
  private static let values: [BusValue] = [
    .byte(7), .boolean(true), .uint32(.max), .uint64(.max - 1), .string("text \u{e9}"), .objectPath("/a/b"),
    .signature("a(sv)"), .array(of: "u", [.uint32(1), .uint32(2)]), .array(of: "t", []),
    .array(of: "(sv)", [.structure([.string("Name"), .variant(.array(of: "y", [.byte(1), .byte(2)]))])]),
    .variant(.variant(.string(""))), .structure([.byte(1), .uint64(2), .string("x")]),
  ]

  private static func message(_ body: [BusValue]) -> BusMessage {
    var message = BusMessage(kind: .call, serial: 9)
    message.path = "/org/freedesktop/systemd1"
    message.interface = "org.freedesktop.systemd1.Manager"
    message.member = "StartTransientUnit"
    message.destination = "org.freedesktop.systemd1"
    message.body = body
    return message
  }

  @Test("is read as it was written, each type by itself and all of them together")
  func roundTrip() throws {
    for value in Self.values {
      let message = Self.message([value])
      #expect(try BusMessage(message.bytes) == message)
      #expect(try BusMessage.length(ofPrefix: Array(message.bytes.prefix(16))) == message.bytes.count)
    }
    let all = Self.message(Self.values)
    #expect(try BusMessage(all.bytes) == all)
    var error = BusMessage(kind: .error, serial: 3)
    error.errorName = "org.freedesktop.DBus.Error.Failed"
    error.replySerial = 2
    #expect(try BusMessage(error.bytes) == error)
  }

  @Test("has the bytes of the specification's example of a call")
  func knownBytes() {
    var hello = BusMessage(kind: .call, serial: 1)
    hello.path = "/org/freedesktop/DBus"
    hello.member = "Hello"
    let text: [UInt8] =
      [0x6c, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0x2e, 0, 0, 0, 1, 1, 0x6f, 0, 21, 0, 0, 0]
      + Array("/org/freedesktop/DBus".utf8)
      + [0, 0, 0, 3, 1, 0x73, 0, 5, 0, 0, 0] + Array("Hello".utf8) + [0, 0, 0]
    #expect(hello.bytes == text)
  }

  @Test("in the other byte order is read too")
  func bigEndian() throws {
    let bytes: [UInt8] =
      [
        UInt8(ascii: "B"), 4, 0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 0, 0, 7, 8, 1, UInt8(ascii: "g"), 0, 1,
        UInt8(ascii: "u"), 0, 0,
      ]
      + [1, 2, 3, 4]
    let message = try BusMessage(bytes)
    #expect(message.kind == .signal && message.serial == 9 && message.body == [.uint32(0x0102_0304)])
  }

  @Test("that is cut off, or that lies about a length, is refused and never read beyond its end")
  func hostile() {
    let bytes = Self.message(Self.values).bytes
    for length in 0..<bytes.count {
      #expect(throws: BusReader.Malformed.self) { try BusMessage(Array(bytes[..<length])) }
    }
    var random = SeededGenerator(seed: 12)
    var refused = 0
    for _ in 0..<20_000 {
      var changed = bytes
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        changed[Int.random(in: 0..<changed.count, using: &random)] = .random(in: 0...255, using: &random)
      }
      if (try? BusMessage(changed)) == nil { refused += 1 }
    }
    #expect(refused > 1000)
    for place in [4, 12] {
      var large = bytes
      for offset in 0..<4 { large[place + offset] = 0xff }
      #expect(throws: BusReader.Malformed.self) { try BusMessage.length(ofPrefix: Array(large.prefix(16))) }
    }
    let nested = BusMessage.deeplyNested
    #expect(throws: BusReader.Malformed.self) { try BusMessage(nested.bytes) }
  }
}

extension BusMessage {
  /// A variant in a variant, forty times.
  fileprivate static var deeplyNested: BusMessage {
    var value = BusValue.byte(0)
    for _ in 0..<40 { value = .variant(value) }
    var message = BusMessage(kind: .call, serial: 1)
    message.body = [value]
    return message
  }
}

@Suite("A container's scope unit")
struct SystemdScopeTests {
  @Test("is named by cgroupsPath, with defaults for what that leaves out")
  func names() throws {
    func scope(_ path: String?, isUsers: Bool = false) throws -> String {
      let scope = try SystemdScope(cgroupsPath: path, identifier: "c1", isUsers: isUsers)
      return "\(scope.slice) \(scope.unit)"
    }
    #expect(try scope("machine.slice:libpod:abc") == "machine.slice libpod-abc.scope")
    #expect(try scope(nil) == "system.slice isolate-c1.scope")
    #expect(try scope(nil, isUsers: true) == "user.slice isolate-c1.scope")
    #expect(try scope("::", isUsers: true) == "user.slice isolate-c1.scope")
    for path in ["/a/b", "a:b", "a:b:c", "a.slice:b:c:d", "x.slice:../b:c", "x.slice:b:c/d", "x.slice:b:c d"]
    {
      let error = #expect(throws: SpecError.self) { try scope(path) }
      #expect(error?.path == "linux.cgroupsPath")
    }
  }

  @Test("has the properties that systemd has for the limits")
  func properties() {
    var resources = RuntimeSpec.Resources(
      memoryLimitInBytes: 100, memorySwapLimitInBytes: 150, pidsLimit: -1, cpuQuotaMicroseconds: 33_333,
      cpuPeriodMicroseconds: 100_000)
    resources.cpus = "0,9"
    let properties = SystemdScope.properties(of: resources)
    func value(_ name: String) -> BusValue? { properties.first { $0.name == name }?.value }
    #expect(value("MemoryMax") == .uint64(100) && value("MemorySwapMax") == .uint64(50))
    #expect(value("TasksMax") == .uint64(.max))
    #expect(
      value("CPUQuotaPerSecUSec") == .uint64(340_000) && value("CPUQuotaPeriodUSec") == .uint64(100_000))
    let bytes: [BusValue] = [.byte(1), .byte(2), .byte(0), .byte(0), .byte(0), .byte(0), .byte(0), .byte(0)]
    #expect(value("AllowedCPUs") == .array(of: "y", bytes))
    #expect(value("CPUWeight") == nil)
  }
}
