/// Why a value of `--network` cannot be used.
package enum EgressPolicyError: Error, Equatable, CustomStringConvertible {
  case empty
  case unknownWord(String)
  case standsAlone(String)
  case emptyAllowList
  case badHost(String)
  case badPort(String)
  case url(String)
  case everything

  /// What is wrong and what to write instead.
  package var description: String {
    let form = "none, registries, host or allow:HOST[:PORT],..."
    switch self {
    case .empty: return "the network policy is empty; expected \(form)"
    case .unknownWord(let word):
      return "unknown network policy '\(word)'; expected \(form) (a host needs allow: before it)"
    case .standsAlone(let word): return "the network policy '\(word)' cannot be combined with others"
    case .emptyAllowList: return "allow: needs at least one HOST[:PORT] after it"
    case .badHost(let text):
      return
        "'\(text)' is not a host name, *.suffix or IP address (an IPv6 address with a port needs brackets)"
    case .badPort(let text): return "'\(text)' does not end in a port between 1 and 65535"
    case .url(let text): return "'\(text)' is a URL; write the host only, as in allow:pypi.org:443"
    case .everything: return "'*' would allow every host; write --network host if that is what you want"
    }
  }
}

extension EgressPolicy {
  /// Reads `none`, `registries`, `host`, `allow:HOST[:PORT],...` or `registries,allow:HOST,...`.
  ///
  /// `allow:` alone means only these hosts; the built-in registries come with the word `registries`.
  package static func parse(_ text: String) throws(EgressPolicyError) -> EgressPolicy {
    let words = text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
    guard words != [""] else { throw .empty }
    var policy = EgressPolicy.none
    var insideAllowList = false
    for word in words {
      switch word {
      case "none", "host":
        guard words.count == 1 else { throw .standsAlone(word) }
        return word == "none" ? .none : .host
      case "registries":
        policy = policy.adding(registryEntries)
        insideAllowList = false
      case _ where word.hasPrefix("allow:"):
        policy = policy.adding([try entry(String(word.dropFirst("allow:".count)))])
        insideAllowList = true
      case _ where insideAllowList:
        policy = policy.adding([try entry(word)])
      default:
        throw .unknownWord(word)
      }
    }
    return policy
  }

  /// Reads one `HOST[:PORT]` of the user's or of a configuration file.
  package static func entry(_ text: String) throws(EgressPolicyError) -> Entry {
    let text = trimmed(text[...])
    guard !text.isEmpty else { throw .emptyAllowList }
    guard !text.contains("/") else { throw .url(text) }
    var hostText = text
    var port: Int?
    // A bare IPv6 literal has several colons; everything else ends at its last one.
    if IPAddress(text) == nil, let colon = text.lastIndex(of: ":"), !text.hasSuffix("]") {
      hostText = String(text[..<colon])
      guard let number = portNumber(text[text.index(after: colon)...]) else { throw .badPort(text) }
      port = number
    }
    guard hostText != "*" else { throw .everything }
    guard let pattern = HostPattern(hostText) else { throw .badHost(text) }
    return Entry(host: pattern, port: port, isExplicit: true)
  }

  private static func trimmed(_ text: Substring) -> String {
    let blanks: Set<Character> = [" ", "\t"]
    let front = text.drop { blanks.contains($0) }
    return String(front.reversed().drop { blanks.contains($0) }.reversed())
  }
}

/// Reads a decimal port between 1 and 65535, without sign or blanks.
func portNumber(_ text: some StringProtocol) -> Int? {
  guard (1...5).contains(text.utf8.count),
    text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
    let number = Int(text), (1...65535).contains(number)
  else { return nil }
  return number
}
