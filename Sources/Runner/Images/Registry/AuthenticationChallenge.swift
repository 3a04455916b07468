/// What a registry asks for with status 401 (RFC 9110, 11.6.1; distribution-spec, token authentication).
enum AuthenticationChallenge: Equatable {
  case basic
  case bearer(realm: String, service: String?, scope: String?)

  /// Reads the headers `WWW-Authenticate`; a token is preferred to a password.
  init?(_ headers: [String]) {
    var basic = false
    for header in headers {
      let lower = header.lowercased()
      if lower.hasPrefix("basic") { basic = true }
      guard lower.hasPrefix("bearer ") else { continue }
      let parameters = Self.parameters(header.dropFirst(7))
      guard let realm = parameters["realm"] else { continue }
      self = .bearer(realm: realm, service: parameters["service"], scope: parameters["scope"])
      return
    }
    guard basic else { return nil }
    self = .basic
  }

  /// `key="value"` or `key=value`, separated by commas.
  private static func parameters(_ text: Substring) -> [String: String] {
    var parameters: [String: String] = [:]
    var rest = text
    while let equals = rest.firstIndex(of: "=") {
      let key = rest[..<equals].drop { $0 == " " || $0 == "," }.lowercased()
      rest = rest[rest.index(after: equals)...]
      var value = ""
      if rest.first == "\"" {
        rest = rest.dropFirst()
        while let next = rest.first, next != "\"" {
          rest = rest.dropFirst()
          if next == "\\", let escaped = rest.first {
            value.append(escaped)
            rest = rest.dropFirst()
          } else {
            value.append(next)
          }
        }
        rest = rest.dropFirst()
      } else {
        value = String(rest.prefix { $0 != "," })
        rest = rest.dropFirst(value.count)
      }
      parameters[key] = value
    }
    return parameters
  }
}
