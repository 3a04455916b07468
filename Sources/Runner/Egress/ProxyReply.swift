import NIOCore
import NIOHTTP1

/// An answer of the proxy itself: one line of text that says what happened and what to do.
struct ProxyReply: Equatable {
  var status: HTTPResponseStatus
  /// One line, without its end.
  var text: String
  /// The value of `Proxy-Status` (RFC 9209) after the name of the proxy.
  var proxyStatus: String

  /// The policy does not allow the destination.
  static func denied(_ authority: Authority, policy: EgressPolicy) -> ProxyReply {
    let remedy = policy.remedy(host: authority.host, port: authority.port)
    return ProxyReply(
      status: .custom(code: 403, reasonPhrase: "Forbidden by preflight"),
      text: "preflight: \(authority) is blocked by the network policy '\(policy.shortName)'; "
        + "to allow it, use \(remedy)",
      proxyStatus: "error=http_request_denied")
  }

  /// The destination is allowed, but its name leads to this machine.
  static func forbiddenAddress(_ authority: Authority, detail: String, remedy: String) -> ProxyReply {
    ProxyReply(
      status: .custom(code: 403, reasonPhrase: "Forbidden by preflight"),
      text: "preflight: \(authority) is blocked because it leads to this machine (\(detail)); "
        + "to allow it, name the host: \(remedy)",
      proxyStatus: "error=\(EgressFailure.addressForbidden.proxyStatusType)")
  }

  /// The destination is allowed but could not be reached, or did not answer properly.
  static func failed(_ authority: Authority, _ failure: DialFailure) -> ProxyReply {
    ProxyReply(
      status: failure.failure.isTimeout ? .gatewayTimeout : .badGateway,
      text: "preflight: \(authority) cannot be reached: \(failure.failure.summary) (\(failure.detail))",
      proxyStatus: "error=\(failure.failure.proxyStatusType)")
  }

  /// The request cannot be understood.
  static func malformed(_ reason: String) -> ProxyReply {
    ProxyReply(
      status: .badRequest, text: "preflight: bad request: \(reason)",
      proxyStatus: "error=http_request_error")
  }

  /// What an error of the HTTP decoder deserves.
  static func malformed(_ error: any Error) -> ProxyReply {
    guard case HTTPParserError.headerOverflow = error else { return malformed("not valid HTTP/1.1") }
    return ProxyReply(
      status: .requestHeaderFieldsTooLarge, text: "preflight: the request head is too large",
      proxyStatus: "error=http_request_error")
  }

  /// The request head did not come in time.
  static let timedOut = ProxyReply(
    status: .requestTimeout, text: "preflight: no complete request arrived in time",
    proxyStatus: "error=http_request_error")

  /// The body: the text with everything that could end a line or steer a terminal taken out.
  var body: String {
    String(decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7f ? UInt8(ascii: "?") : $0 }, as: UTF8.self) + "\n"
  }

  /// The head that goes with the body.
  var head: HTTPResponseHead {
    let headers: HTTPHeaders = [
      "Content-Type": "text/plain; charset=utf-8", "Content-Length": String(body.utf8.count),
      "Proxy-Status": "preflight; \(proxyStatus)", "Connection": "close",
    ]
    return HTTPResponseHead(version: .http1_1, status: status, headers: headers)
  }

  /// Head and body as they go over the wire.
  var bytes: ByteBuffer {
    var text = "HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n"
    for (name, value) in head.headers { text += "\(name): \(value)\r\n" }
    return ByteBuffer(string: text + "\r\n" + body)
  }
}

extension EgressPolicy {
  /// The policy in a sentence, without a long list.
  var shortName: String {
    includesRegistries ? "registries" : mode == .allowList ? "allow" : commandLineValue
  }
}
