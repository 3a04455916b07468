/// A packet that a program sent to an address outside of its sandbox, as the kernel made it.
///
/// It is read from the packet itself: what the program's memory said meanwhile does not matter.
package struct OutsidePacket: Sendable, Equatable {
  /// What a packet carries, by its number of IANA's list of protocols.
  package enum Transport: UInt8, Sendable {
    case tcp = 6
    case udp = 17
    case dccp = 33
    case sctp = 132
    case udpLite = 136
  }

  package let source: IPAddress
  package let destination: IPAddress
  /// Nil for a protocol that is none of ours.
  package let transport: Transport?
  package let sourcePort: Int?
  package let destinationPort: Int?
  /// Tells one attempt of TCP from the next one between the same ports; nil for other protocols.
  package let sequenceNumber: UInt32?
  /// Whether it asks for something: what belongs to a connection that exists already does not.
  package let isAttempt: Bool
  /// As much of the packet as was kept.
  let bytes: [UInt8]
  /// Where the transport's header begins.
  private let headerLength: Int

  /// Reads a packet of IPv4 or IPv6 (RFC 791, RFC 8200); nil when it is neither, or too short to have a destination.
  package init?(_ bytes: [UInt8]) {
    let start: Int
    let number: UInt8
    switch bytes.first.map({ $0 >> 4 }) {
    case 4:
      start = Int(bytes[0] & 15) * 4
      guard start >= 20, bytes.count >= start, let source = IPAddress(bytes: Array(bytes[12..<16])),
        let destination = IPAddress(bytes: Array(bytes[16..<20]))
      else { return nil }
      (self.source, self.destination, number) = (source, destination, bytes[9])
    case 6:
      guard bytes.count >= 40, let source = IPAddress(bytes: Array(bytes[8..<24])),
        let destination = IPAddress(bytes: Array(bytes[24..<40]))
      else { return nil }
      (self.source, self.destination) = (source, destination)
      (start, number) = Self.transportHeader(of: bytes)
    default: return nil
    }
    self.bytes = bytes
    headerLength = start
    let known = Transport(rawValue: number)
    transport = known
    guard let known, bytes.count >= start + 4 else {
      (sourcePort, destinationPort, sequenceNumber, isAttempt) = (nil, nil, nil, true)
      return
    }
    sourcePort = Int(bytes[start]) << 8 | Int(bytes[start + 1])
    destinationPort = Int(bytes[start + 2]) << 8 | Int(bytes[start + 3])
    guard known == .tcp, bytes.count >= start + 14 else {
      (sequenceNumber, isAttempt) = (nil, true)
      return
    }
    sequenceNumber = bytes[start + 4..<start + 8].reduce(0) { $0 << 8 | UInt32($1) }
    // SYN without ACK.
    isAttempt = bytes[start + 13] & 0x12 == 0x02
  }

  /// Passes over the extension headers of IPv6.
  private static func transportHeader(of bytes: [UInt8]) -> (start: Int, number: UInt8) {
    var (start, number) = (40, bytes[6])
    while bytes.count >= start + 8 {
      switch number {
      case 0, 43, 60: (start, number) = (start + (Int(bytes[start + 1]) + 1) * 8, bytes[start])
      case 44: (start, number) = (start + 8, bytes[start])
      default: return (start, number)
      }
    }
    return (start, number)
  }

  /// What a router says that may not let the packet pass: connect(2) and send(2) fail with ENETUNREACH at once.
  ///
  /// Nil for IPv6, whose packets the sandbox's own kernel answers, and for protocols that do not listen to it.
  package var refusal: [UInt8]? {
    guard destination.isIPv4, let transport, transport != .sctp else { return nil }
    // Destination unreachable, communication with the network administratively prohibited (RFC 1122, section 3.2.2.1).
    var message: [UInt8] = [3, 9, 0, 0, 0, 0, 0, 0]
    message += bytes.prefix(headerLength + 20)
    Self.setChecksum(of: &message, at: 2)
    let length = 20 + message.count
    var header: [UInt8] = [0x45, 0, UInt8(length >> 8), UInt8(length & 255), 0, 0, 0, 0, 64, 1, 0, 0]
    header += destination.bytes + source.bytes
    Self.setChecksum(of: &header, at: 10)
    return header + message
  }

  /// The internet checksum (RFC 1071) over bytes whose own place for it holds zeros.
  private static func setChecksum(of bytes: inout [UInt8], at place: Int) {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
    }
    while sum >> 16 != 0 { sum = sum & 0xffff + sum >> 16 }
    bytes[place] = UInt8(truncatingIfNeeded: ~sum >> 8)
    bytes[place + 1] = UInt8(truncatingIfNeeded: ~sum)
  }
}
