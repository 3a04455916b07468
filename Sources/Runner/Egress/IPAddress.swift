import Glibc

/// An IPv4 or IPv6 address as its bytes, with the questions the egress policy asks of it.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  /// Four bytes for IPv4, sixteen for IPv6, in network order.
  package let bytes: [UInt8]

  /// Reads the strict textual forms: a dotted quad, or RFC 4291 section 2.2 without brackets and zone.
  package init?(_ text: String) {
    guard text.utf8.count <= 45, !text.utf8.contains(0) else { return nil }
    var four: [UInt8] = Array(repeating: 0, count: 4)
    if unsafe inet_pton(AF_INET, text, &four) == 1 {
      bytes = four
      return
    }
    var sixteen: [UInt8] = Array(repeating: 0, count: 16)
    guard unsafe inet_pton(AF_INET6, text, &sixteen) == 1 else { return nil }
    bytes = sixteen
  }

  /// Takes four or sixteen bytes in network order.
  package init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.bytes = bytes
  }

  /// True for an address of four bytes.
  package var isIPv4: Bool { bytes.count == 4 }

  /// The canonical text: a dotted quad or RFC 5952.
  package var description: String {
    var text: [CChar] = Array(repeating: 0, count: 46)
    let family = isIPv4 ? AF_INET : AF_INET6
    let length = socklen_t(text.count)
    guard unsafe inet_ntop(family, bytes, &text, length) != nil else { return "?" }
    return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The IPv4 address that an IPv6 one stands for, so that no spelling of 127.0.0.1 escapes the rules:
  /// mapped (::ffff:0:0/96), compatible (::/96), NAT64 (64:ff9b::/96) and 6to4 (2002::/16).
  package var embeddedIPv4: IPAddress? {
    guard !isIPv4 else { return nil }
    let tail = Array(bytes[12..<16])
    if bytes[0..<10].allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
      return IPAddress(bytes: tail)
    }
    if bytes[0..<12].allSatisfy({ $0 == 0 }), !(tail[0] == 0 && tail[1] == 0 && tail[2] == 0) {
      return IPAddress(bytes: tail)
    }
    if bytes[0..<4].elementsEqual([0x00, 0x64, 0xff, 0x9b]), bytes[4..<12].allSatisfy({ $0 == 0 }) {
      return IPAddress(bytes: tail)
    }
    if bytes[0] == 0x20, bytes[1] == 0x02 { return IPAddress(bytes: Array(bytes[2..<6])) }
    return nil
  }

  /// True for what a name must not lead to unless its host was listed explicitly: loopback, unspecified,
  /// link-local, multicast, broadcast and the clouds' metadata services; private ranges are not among them.
  package var leadsToThisHost: Bool {
    if let embeddedIPv4 { return embeddedIPv4.leadsToThisHost }
    if Self.metadataServices.contains(self) { return true }
    if isIPv4 {
      return bytes[0] == 0 || bytes[0] == 127 || (bytes[0] == 169 && bytes[1] == 254)
        || (224...239).contains(bytes[0]) || bytes == [255, 255, 255, 255]
    }
    let isUnspecifiedOrLoopback = bytes[0..<15].allSatisfy { $0 == 0 }
    let isLinkLocal = bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80
    return isUnspecifiedOrLoopback || isLinkLocal || bytes[0] == 0xff
  }

  /// True when the first `prefixLength` bits are those of `network`.
  package func isInside(network: IPAddress, prefixLength: Int) -> Bool {
    guard bytes.count == network.bytes.count, (0...bytes.count * 8).contains(prefixLength) else {
      return false
    }
    let whole = prefixLength / 8
    guard bytes[..<whole].elementsEqual(network.bytes[..<whole]) else { return false }
    let rest = prefixLength % 8
    guard rest > 0 else { return true }
    let mask = UInt8(truncatingIfNeeded: 0xff00 >> rest)
    return bytes[whole] & mask == network.bytes[whole] & mask
  }

  /// Metadata services outside the link-local range: AWS over IPv6, Alibaba Cloud, Oracle Cloud, Azure.
  private static let metadataServices: Set<IPAddress> = Set(
    ["fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16"].compactMap { IPAddress($0) })
}
