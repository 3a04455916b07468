extension String {
  /// The text as a part of a URI: each byte of its UTF-8 that is no unreserved character (RFC 3986, section 2.3), and
  /// none of `kept`, is %XX.
  package func percentEncoded(keeping kept: String = "") -> String {
    utf8.map { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"),
        _ where kept.utf8.contains(byte):
        String(UnicodeScalar(byte))
      default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }.joined()
  }
}
