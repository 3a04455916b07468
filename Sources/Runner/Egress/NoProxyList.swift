/// The hosts that are reached without the upstream proxy: `NO_PROXY` with curl's meaning.
///
/// Entries are separated by commas or blanks. `*` alone covers everything; a name covers itself and its
/// subdomains, with or without a leading dot; an IP address covers itself, with `/BITS` its network; `:PORT`
/// after a name or an address restricts the entry to this port.
package struct NoProxyList: Sendable, Equatable {
  private enum Pattern: Sendable, Equatable {
    case everything
    case domain(String)
    case network(IPAddress, prefixLength: Int)
  }

  private struct Entry: Sendable, Equatable {
    var pattern: Pattern
    var port: Int?
  }

  private let entries: [Entry]

  /// Reads the variable's value; an entry that makes no sense covers nothing, as with curl.
  package init(_ text: String) {
    let words = text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    entries = words.compactMap(Self.entry)
  }

  /// Whether this destination is reached directly.
  package func covers(host: HostName, port: Int) -> Bool {
    entries.contains { entry in
      guard entry.port == nil || entry.port == port else { return false }
      switch entry.pattern {
      case .everything: return true
      case .domain(let domain):
        return host.literal == nil && (host.text == domain || host.text.hasSuffix("." + domain))
      case .network(let network, let prefixLength):
        return host.literal?.isInside(network: network, prefixLength: prefixLength) ?? false
      }
    }
  }

  private static func entry(_ word: String) -> Entry? {
    if word == "*" { return Entry(pattern: .everything) }
    var text = word
    var port: Int?
    if IPAddress(text) == nil, !text.contains("/"), !text.hasSuffix("]"), let colon = text.lastIndex(of: ":")
    {
      guard let number = portNumber(text[text.index(after: colon)...]) else { return nil }
      port = number
      text = String(text[..<colon])
    }
    if let pattern = network(text) { return Entry(pattern: pattern, port: port) }
    if text.hasPrefix("*.") { text.removeFirst() }
    if text.hasPrefix(".") { text.removeFirst() }
    guard let name = HostName(text) else { return nil }
    return Entry(pattern: .domain(name.text), port: port)
  }

  private static func network(_ text: String) -> Pattern? {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let first = parts.first else { return nil }
    let bare = first.hasPrefix("[") && first.hasSuffix("]") ? String(first.dropFirst().dropLast()) : first
    guard let address = IPAddress(bare) else { return nil }
    let bits = address.bytes.count * 8
    guard parts.count == 2 else { return .network(address, prefixLength: bits) }
    guard let length = Int(parts[1]), (0...bits).contains(length) else { return nil }
    return .network(address, prefixLength: length)
  }
}
