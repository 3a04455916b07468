import Egress
import Formats
import Isolate
import Sandbox

/// What the host's own surroundings say about reaching registries: proxies, certificates, indexes.
struct HostNetwork {
  let upstream: UpstreamProxy
  let certificates: String
  let indexes: IndexSettings
  /// The hosts of configured indexes.
  let entries: [EgressPolicy.Entry]

  init(_ host: [String: String], keepsLogins: Bool = false) throws(Failure) {
    upstream = try UpstreamProxyError.caught(try UpstreamProxy(environment: host)) {
      Failure(.usage, "the proxy of the environment cannot be used: \($0)")
    }
    certificates = HostCertificates(environment: host).combinedPEM()
    indexes = IndexSettings(host, keepsLogins: keepsLogins)
    let configured = (indexes.files["pip.conf"] ?? "").split(separator: "\n").filter {
      $0.hasPrefix("index-url") || $0.hasPrefix("extra-index-url")
    }.map(String.init)
    entries = (Array(indexes.environment.values) + configured).flatMap(Self.entries(in:))
  }

  /// The hosts of all URLs in a setting; they may be on a private network, since somebody configured them.
  private static func entries(in setting: String) -> [EgressPolicy.Entry] {
    setting.split { " \t,=".contains($0) }.compactMap { word in
      let isPlain = word.hasPrefix("http://")
      guard isPlain || word.hasPrefix("https://") else { return nil }
      var authority = word.dropFirst(isPlain ? 7 : 8).prefix { $0 != "/" }
      if let at = authority.lastIndex(of: "@") { authority = authority[authority.index(after: at)...] }
      let hasPort = authority.split(separator: ":").count > 1 && !authority.hasSuffix("]")
      let text = hasPort ? String(authority) : "\(authority):\(isPlain ? 80 : 443)"
      return try? EgressPolicy.entry(text)
    }
  }
}
