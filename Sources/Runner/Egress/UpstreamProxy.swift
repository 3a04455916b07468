import FoundationEssentials

/// Why a proxy variable of the environment cannot be used.
package enum UpstreamProxyError: Error, Equatable, CustomStringConvertible {
  case unsupportedScheme(variable: String, scheme: String)
  case malformed(variable: String)

  /// What is wrong and what to do; the value itself is not shown, because it may hold a password.
  package var description: String {
    switch self {
    case .unsupportedScheme(let variable, let scheme):
      "\(variable) names a \(scheme):// proxy, which preflight does not support; set an http:// proxy or unset it"
    case .malformed(let variable):
      "\(variable) is not of the form http://[USER:PASSWORD@]HOST[:PORT]"
    }
  }
}

/// The proxies that preflight itself must use to reach the internet, from its environment.
package struct UpstreamProxy: Sendable, Equatable {
  /// One HTTP proxy.
  package struct Endpoint: Sendable, Equatable, CustomStringConvertible {
    package var host: HostName
    package var port: Int
    /// The value of `Proxy-Authorization`.
    package var authorization: String?

    /// Host and port, never the credentials.
    package var description: String { "\(host.authority):\(port)" }
  }

  /// Used for CONNECT; from `HTTPS_PROXY`, else `ALL_PROXY`.
  package var forTunnels: Endpoint?
  /// Used for plain HTTP; from `HTTP_PROXY`, else `ALL_PROXY`.
  package var forPlainHTTP: Endpoint?
  /// The destinations that are reached directly all the same.
  package var noProxy: NoProxyList

  /// No proxy: every destination is reached directly.
  package static let none = UpstreamProxy(forTunnels: nil, forPlainHTTP: nil, noProxy: NoProxyList(""))

  /// Makes the choice explicitly.
  package init(forTunnels: Endpoint?, forPlainHTTP: Endpoint?, noProxy: NoProxyList) {
    self.forTunnels = forTunnels
    self.forPlainHTTP = forPlainHTTP
    self.noProxy = noProxy
  }

  /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`; the lower-case spelling wins, as with curl.
  ///
  /// An empty value means no proxy. Throws when a variable that is needed holds something other than an
  /// `http://` URL; `ALL_PROXY` is not looked at when both others are set.
  package init(environment: [String: String]) throws(UpstreamProxyError) {
    func variable(_ name: String) -> (name: String, value: String)? {
      for spelling in [name.lowercased(), name] {
        if let value = environment[spelling] { return (spelling, value) }
      }
      return nil
    }
    func endpoint(_ name: String) throws(UpstreamProxyError) -> Endpoint? {
      guard let found = variable(name) ?? variable("ALL_PROXY"), !found.value.isEmpty else { return nil }
      return try Self.endpoint(found.value, variable: found.name)
    }
    forTunnels = try endpoint("HTTPS_PROXY")
    forPlainHTTP = try endpoint("HTTP_PROXY")
    noProxy = NoProxyList(variable("NO_PROXY")?.value ?? "")
  }

  /// The proxy for a destination, nil when it is reached directly.
  package func endpoint(host: HostName, port: Int, isTunnel: Bool) -> Endpoint? {
    guard let endpoint = isTunnel ? forTunnels : forPlainHTTP else { return nil }
    return noProxy.covers(host: host, port: port) ? nil : endpoint
  }

  private static func endpoint(_ value: String, variable: String) throws(UpstreamProxyError) -> Endpoint {
    var rest = value[...]
    if let separator = value.firstRange(of: "://") {
      let scheme = value[..<separator.lowerBound].lowercased()
      guard scheme == "http" else { throw .unsupportedScheme(variable: variable, scheme: scheme) }
      rest = value[separator.upperBound...]
    }
    rest = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    var authorization: String?
    if let at = rest.lastIndex(of: "@") {
      // Split before decoding: a password may hold an encoded colon.
      let parts = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let decoded = parts.compactMap(\.percentDecoded)
      guard decoded.count == parts.count, let user = decoded.first else {
        throw .malformed(variable: variable)
      }
      let pair = user + [UInt8(ascii: ":")] + (decoded.count > 1 ? decoded[1] : [])
      authorization = "Basic " + Data(pair).base64EncodedString()
      rest = rest[rest.index(after: at)...]
    }
    guard let authority = Authority(String(rest), defaultPort: 1080) else {
      throw .malformed(variable: variable)
    }
    return Endpoint(host: authority.host, port: authority.port, authorization: authorization)
  }
}
