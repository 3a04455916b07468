/// A destination host in the one spelling that policy, recorder and resolver share.
package struct HostName: Sendable, Hashable, CustomStringConvertible {
  /// Lower case, without trailing dot and without the brackets of an IPv6 literal.
  package let text: String
  /// The address when the host was written as a literal.
  package let literal: IPAddress?

  /// Accepts a DNS name (letters, digits, hyphen, underscore) or an IP literal; everything else is nil.
  ///
  /// The numeric short forms that resolvers also take (`127.1`, `0x7f000001`, `2130706433`) are refused,
  /// because a policy could not tell what they mean.
  package init?(_ raw: String) {
    var name = raw.lowercased()
    if name.hasPrefix("["), name.hasSuffix("]") {
      guard let address = IPAddress(String(name.dropFirst().dropLast())), !address.isIPv4 else { return nil }
      (text, literal) = (address.description, address)
      return
    }
    if let address = IPAddress(name) {
      (text, literal) = (address.description, address)
      return
    }
    if name.hasSuffix(".") { name.removeLast() }
    if let address = IPAddress(name), address.isIPv4 {
      (text, literal) = (address.description, address)
      return
    }
    guard !name.isEmpty, name.utf8.count <= 253 else { return nil }
    let labels = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard labels.allSatisfy({ (1...63).contains($0.count) && $0.allSatisfy(Self.isNameByte) }) else {
      return nil
    }
    guard let last = labels.last, !Self.isNumeric(Array(last)) else { return nil }
    (text, literal) = (name, nil)
  }

  package var description: String { text }

  /// The host as it stands before a port in a URL or a CONNECT target.
  package var authority: String {
    if let literal, !literal.isIPv4 { return "[\(text)]" }
    return text
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default:
      false
    }
  }

  /// A last label of digits, or 0x and hexadecimal digits, makes inet_aton(3) read an address.
  private static func isNumeric(_ label: [UInt8]) -> Bool {
    if label.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) { return true }
    return label.starts(with: [UInt8(ascii: "0"), UInt8(ascii: "x")])
  }
}
