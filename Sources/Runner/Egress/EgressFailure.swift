/// Why an attempt that the policy allowed did not reach its destination.
package enum EgressFailure: String, Sendable, Codable, Equatable, CaseIterable {
  /// The resolver says that the name does not exist.
  case nameNotFound = "name-not-found"
  /// The resolver could not be asked; this speaks of the network, not of the name.
  case nameLookupFailed = "name-lookup-failed"
  case nameLookupTimedOut = "name-lookup-timed-out"
  case connectionRefused = "connection-refused"
  case connectionTimedOut = "connection-timed-out"
  /// No route to the network or the host.
  case unreachable = "unreachable"
  /// The name leads to an address of this machine, and its host was not listed explicitly.
  case addressForbidden = "address-forbidden"
  /// The upstream proxy of the environment cannot be reached.
  case upstreamProxyUnavailable = "upstream-proxy-unavailable"
  /// The upstream proxy of the environment refused, for example for want of credentials.
  case upstreamProxyRefused = "upstream-proxy-refused"
  /// The peer closed or broke the connection before its answer was complete.
  case interrupted = "interrupted"
  /// The peer did not speak HTTP.
  case badResponse = "bad-response"
  /// Nothing moved in either direction for the idle time.
  case idle = "idle"

  /// One clause for a person.
  package var summary: String {
    switch self {
    case .nameNotFound: "the name does not exist in DNS"
    case .nameLookupFailed: "the name could not be looked up (DNS unreachable)"
    case .nameLookupTimedOut: "looking up the name timed out"
    case .connectionRefused: "the connection was refused"
    case .connectionTimedOut: "the connection timed out"
    case .unreachable: "there is no route to the host"
    case .addressForbidden: "the name leads to an address of this machine"
    case .upstreamProxyUnavailable: "the upstream proxy cannot be reached"
    case .upstreamProxyRefused: "the upstream proxy refused"
    case .interrupted: "the server closed the connection early"
    case .badResponse: "the server did not answer with HTTP"
    case .idle: "the server fell silent"
    }
  }

  /// True when a client is told 504 rather than 502.
  var isTimeout: Bool {
    switch self {
    case .nameLookupTimedOut, .connectionTimedOut, .idle: true
    default: false
    }
  }

  /// The error type of RFC 9209, section 2.3.
  var proxyStatusType: String {
    switch self {
    case .nameNotFound, .nameLookupFailed: "dns_error"
    case .nameLookupTimedOut: "dns_timeout"
    case .connectionRefused: "connection_refused"
    case .connectionTimedOut: "connection_timeout"
    case .unreachable: "destination_ip_unroutable"
    case .addressForbidden: "destination_ip_prohibited"
    case .upstreamProxyUnavailable: "destination_unavailable"
    case .upstreamProxyRefused: "proxy_configuration_error"
    case .interrupted: "http_response_incomplete"
    case .badResponse: "http_protocol_error"
    case .idle: "http_response_timeout"
    }
  }
}
