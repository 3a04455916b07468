/// A stable identity for "the same problem", for baselines and code-quality services.
enum Fingerprint {
  /// Returns 16 hexadecimal digits: the FNV-1a hash (64 bits) of the parts, separated by a zero byte.
  static func of(_ parts: [String]) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for part in parts {
      for byte in part.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      hash = hash &* 0x100_0000_01b3  // the separator: x ^ 0 is x
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
