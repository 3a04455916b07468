import Testing

@testable import Egress

@Suite("A packet for the outside")
struct OutsidePacketTests {
  /// From 10.0.2.100 to 203.0.113.7.
  private static func four(_ protocol: UInt8, _ rest: [UInt8], options: Int = 0) -> [UInt8] {
    [0x45 + UInt8(options / 4), 0, 0, 0, 0, 0, 0, 0, 64, `protocol`, 0, 0, 10, 0, 2, 100, 203, 0, 113, 7]
      + Array(repeating: 1, count: options) + rest
  }

  /// From ::1 to 2001:db8::7.
  private static func six(_ next: UInt8, _ rest: [UInt8]) -> [UInt8] {
    [0x60, 0, 0, 0, 0, 0, next, 64] + Array(repeating: 0, count: 15) + [1, 0x20, 0x01, 0x0d, 0xb8]
      + Array(repeating: 0, count: 11) + [7] + rest
  }

  private static func segment(flags: UInt8) -> [UInt8] {
    [0x12, 0x34, 0x01, 0xbb, 0, 0, 1, 2, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]
  }

  @Test("of TCP is an attempt when it opens a connection, and has its ports behind any options")
  func opening() throws {
    for bytes in [Self.four(6, Self.segment(flags: 2)), Self.four(6, Self.segment(flags: 0xc2), options: 12)]
    {
      let packet = try #require(OutsidePacket(bytes))
      #expect(packet.destination == IPAddress("203.0.113.7") && packet.source == IPAddress("10.0.2.100"))
      #expect(packet.transport == .tcp && packet.sourcePort == 0x1234 && packet.destinationPort == 443)
      #expect(packet.sequenceNumber == 258 && packet.isAttempt)
    }
    for flags: UInt8 in [0x12, 0x10, 0x04, 0x11, 0] {
      let packet = try #require(OutsidePacket(Self.four(6, Self.segment(flags: flags))))
      #expect(!packet.isAttempt)
    }
  }

  @Test("of IPv6 has its ports behind the extension headers")
  func extensions() throws {
    let datagram: [UInt8] = [0, 9, 0, 53, 0, 8, 0, 0]
    let routing: [UInt8] = [17, 1] + Array(repeating: 0, count: 14)
    let fragment: [UInt8] = [43, 0, 0, 0, 0, 0, 0, 0]
    for (next, rest): (UInt8, [UInt8]) in [
      (17, datagram), (43, routing + datagram), (44, fragment + routing + datagram),
    ] {
      let packet = try #require(OutsidePacket(Self.six(next, rest)))
      #expect(packet.destination == IPAddress("2001:db8::7") && packet.refusal == nil)
      #expect(packet.transport == .udp && packet.destinationPort == 53 && packet.isAttempt)
    }
  }

  @Test("of another protocol, or cut short, still has its destination; what has none is no packet")
  func odd() throws {
    let whole = Self.six(0, [43, 255, 0, 0, 0, 0, 0, 0])
    let long = try #require(OutsidePacket(whole))
    #expect(long.destinationPort == nil && long.isAttempt)
    let echo = try #require(OutsidePacket(Self.four(1, [8, 0, 0, 0])))
    #expect(echo.transport == nil && echo.isAttempt && echo.refusal == nil)
    for length in 0...64 {
      let packet = OutsidePacket(Array(Self.four(6, Self.segment(flags: 2), options: 24).prefix(length)))
      #expect((packet != nil) == (length >= 44))
      #expect((OutsidePacket(Array(Self.six(43, whole).prefix(length))) != nil) == (length >= 40))
    }
    #expect(OutsidePacket([0x41] + Array(repeating: 0, count: 60)) == nil)
    #expect(OutsidePacket([0x55] + Array(repeating: 0, count: 60)) == nil)
  }

  @Test("is refused in the name of its destination, with checksums that are right")
  func refusal() throws {
    let bytes = Self.four(6, Self.segment(flags: 2), options: 4)
    let packet = try #require(OutsidePacket(bytes))
    let refusal = try #require(packet.refusal)
    #expect(refusal[12..<20].elementsEqual([203, 0, 113, 7, 10, 0, 2, 100]))
    #expect(refusal[20..<22].elementsEqual([3, 9]) && refusal[28...].elementsEqual(bytes))
    #expect(Int(refusal[2]) << 8 | Int(refusal[3]) == refusal.count)
    for part in [refusal[..<20], refusal[20...]] {
      let words = stride(from: part.startIndex, to: part.endIndex, by: 2).map {
        Int(part[$0]) << 8 | Int(part[$0 + 1])
      }
      #expect(words.reduce(0, +) % 0xffff == 0)
    }
  }
}
