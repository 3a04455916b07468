package import Crypto

/// A content address: `sha256:` and 64 lower-case hexadecimal digits (OCI image-spec, descriptor.md, "Digests").
package struct Digest: Hashable, Sendable, CustomStringConvertible {
  /// The digits alone: the name of a file in the store.
  package let hex: String

  /// Reads a digest; nil when it is none, or one by another algorithm than SHA-256.
  package init?(_ text: String) {
    guard text.hasPrefix("sha256:") else { return nil }
    self.init(hex: String(text.dropFirst(7)))
  }

  /// Takes the digits alone.
  package init?(hex: String) {
    guard hex.utf8.count == 64,
      hex.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    self.hex = hex
  }

  /// The digest of bytes.
  package init(of bytes: [UInt8]) { self.init(SHA256.hash(data: bytes)) }

  /// What a finished hash gives.
  package init(_ digest: SHA256Digest) {
    let digits = Array("0123456789abcdef".utf8)
    hex = String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  package var description: String { "sha256:\(hex)" }
}
