import NIOHTTP1

/// The header fields that concern one connection only (RFC 9110, section 7.6.1) and are not passed on.
enum HopByHopHeaders {
  private static let names: Set<String> = [
    "connection", "keep-alive", "proxy-connection", "proxy-authorization", "proxy-authenticate",
    "proxy-authentication-info", "te", "trailer", "upgrade", "http2-settings",
  ]
  /// A Connection field must not make us drop these.
  private static let kept: Set<String> = ["host", "content-length", "transfer-encoding"]

  /// The fields that are passed on; throws when one could end the head early or smuggle a second field in.
  static func cleaned(_ headers: HTTPHeaders) throws(ProxyRequestError) -> HTTPHeaders {
    let listed = headers[canonicalForm: "connection"].map { $0.lowercased() }
    let dropped = names.union(listed).subtracting(kept)
    var cleaned = HTTPHeaders()
    for (name, value) in headers {
      guard !name.isEmpty, name.utf8.allSatisfy(isTokenByte), value.utf8.allSatisfy(isValueByte) else {
        throw ProxyRequestError(reason: "a header field holds bytes that it cannot hold")
      }
      if !dropped.contains(name.lowercased()) { cleaned.add(name: name, value: value) }
    }
    return cleaned
  }

  /// tchar of RFC 9110, section 5.6.2.
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default:
      "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }

  private static func isValueByte(_ byte: UInt8) -> Bool {
    byte == 0x09 || (byte >= 0x20 && byte != 0x7f)
  }
}
