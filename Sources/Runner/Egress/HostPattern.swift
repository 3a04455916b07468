/// A host an allow-list entry covers: one exact name or literal, or every name below a suffix.
package struct HostPattern: Sendable, Equatable, Hashable, CustomStringConvertible {
  private enum Kind: Sendable, Equatable, Hashable {
    case exact(HostName)
    case below(String)
  }

  private let kind: Kind

  /// Covers exactly one host.
  package init(exact host: HostName) {
    kind = .exact(host)
  }

  /// Reads `name`, `*.suffix`, an IPv4 literal or an IPv6 literal with or without brackets.
  package init?(_ text: String) {
    if text.hasPrefix("*.") {
      guard let suffix = HostName(String(text.dropFirst(2))), suffix.literal == nil else { return nil }
      kind = .below("." + suffix.text)
    } else {
      guard let host = HostName(text) else { return nil }
      kind = .exact(host)
    }
  }

  /// True when the pattern names a single host.
  package var isExact: Bool {
    if case .exact = kind { return true }
    return false
  }

  /// Whether the host is covered; `*.suffix` covers subdomains, not the suffix itself, and never a literal.
  package func matches(_ host: HostName) -> Bool {
    switch kind {
    case .exact(let exact): exact == host
    case .below(let suffix): host.literal == nil && host.text.hasSuffix(suffix)
    }
  }

  package var description: String {
    switch kind {
    case .exact(let host): host.text
    case .below(let suffix): "*" + suffix
    }
  }

  /// The pattern as it stands before a port.
  package var authority: String {
    switch kind {
    case .exact(let host): host.authority
    case .below: description
    }
  }
}
