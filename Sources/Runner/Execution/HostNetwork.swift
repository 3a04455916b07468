import Egress
import Isolate

/// What the host's own surroundings say about reaching registries: proxies, certificates, indexes.
struct HostNetwork {
  /// Settings of package managers that name another index; handed to the install phase as they are.
  private static let indexVariables = [
    "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_TRUSTED_HOST", "PIP_NO_INDEX",
    "PIP_DEFAULT_TIMEOUT",
    "PIP_RETRIES", "UV_INDEX_URL", "UV_DEFAULT_INDEX", "npm_config_registry", "NPM_CONFIG_REGISTRY",
  ]

  let upstream: UpstreamProxy
  let certificates: String
  /// Variables of the install phase.
  let environment: [String: String]
  /// The hosts of configured indexes.
  let entries: [EgressPolicy.Entry]

  init(_ host: [String: String]) throws(RunnerError) {
    do { upstream = try UpstreamProxy(environment: host) } catch {
      throw RunnerError(.usage, "the proxy of the environment cannot be used: \(error)")
    }
    certificates = HostCertificates(environment: host).combinedPEM()
    var environment: [String: String] = [:]
    for name in Self.indexVariables { environment[name] = host[name] }
    self.environment = environment
    let configured = (Files.text("/etc/pip.conf") ?? "").split(separator: "\n").filter {
      $0.hasPrefix("index-url") || $0.hasPrefix("extra-index-url")
    }.map(String.init)
    entries = (Array(environment.values) + configured).flatMap(Self.entries(in:))
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
