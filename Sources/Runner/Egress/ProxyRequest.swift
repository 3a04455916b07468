import NIOHTTP1

/// Why a request of the sandbox cannot be served, with the sentence that goes into the answer.
struct ProxyRequestError: Error, Equatable {
  var reason: String
}

/// A request as the proxy understands it; it is made of the request target only, never of the Host header.
enum ProxyRequest: Equatable {
  case tunnel(Authority)
  case forward(ForwardedRequest)

  /// Reads a head that the HTTP decoder accepted.
  init(_ head: HTTPRequestHead) throws(ProxyRequestError) {
    guard head.uri.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
      throw ProxyRequestError(reason: "the request target holds bytes that a URL cannot hold")
    }
    guard head.version.major == 1, head.version.minor <= 1 else {
      throw ProxyRequestError(reason: "only HTTP/1.0 and HTTP/1.1 are spoken here")
    }
    if head.method == .CONNECT {
      guard let authority = Authority(head.uri, defaultPort: nil) else {
        throw ProxyRequestError(reason: "CONNECT needs HOST:PORT with a valid host name")
      }
      self = .tunnel(authority)
    } else {
      self = .forward(try ForwardedRequest(head))
    }
  }
}

/// A plain HTTP request, cleaned of what concerned only the connection to the proxy.
struct ForwardedRequest: Equatable {
  var authority: Authority
  /// Path and query, beginning with a slash, or `*` for OPTIONS.
  var originForm: String
  var method: HTTPMethod
  var clientVersion: HTTPVersion
  /// With Host, framing and `Connection: close`, without hop-by-hop fields.
  var headers: HTTPHeaders

  /// Reads an absolute-form request (RFC 9112, section 3.2.2).
  init(_ head: HTTPRequestHead) throws(ProxyRequestError) {
    (authority, originForm) = try Self.target(head)
    method = head.method
    clientVersion = head.version
    headers = try HopByHopHeaders.cleaned(head.headers)
    try Self.setFraming(&headers, of: head)
    // Whatever Host fields the client sent go: the target alone says where the request leads.
    let host = authority.port == 80 ? authority.host.authority : authority.description
    headers.replaceOrAdd(name: "Host", value: host)
    headers.replaceOrAdd(name: "Connection", value: "close")
  }

  /// The head that goes to the server itself, or to an upstream proxy.
  func head(through proxy: UpstreamProxy.Endpoint?) -> HTTPRequestHead {
    var headers = headers
    var uri = originForm
    if let proxy {
      let host = headers.first(name: "host") ?? authority.description
      uri = "http://" + host + (originForm == "*" ? "" : originForm)
      if let authorization = proxy.authorization {
        headers.replaceOrAdd(name: "Proxy-Authorization", value: authorization)
      }
    }
    return HTTPRequestHead(version: .http1_1, method: method, uri: uri, headers: headers)
  }

  private static func target(_ head: HTTPRequestHead) throws(ProxyRequestError) -> (Authority, String) {
    let scheme = "http://"
    guard head.uri.lowercased().hasPrefix(scheme) else {
      if head.uri.lowercased().hasPrefix("https://") {
        throw ProxyRequestError(reason: "https needs CONNECT")
      }
      throw ProxyRequestError(reason: "this is a proxy; the request target must be http://HOST/PATH")
    }
    let rest = head.uri.dropFirst(scheme.count)
    let authorityText = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let path = rest.dropFirst(authorityText.count).prefix { $0 != "#" }
    guard let authority = Authority(String(authorityText), defaultPort: 80) else {
      throw ProxyRequestError(reason: "the request target has no valid host name")
    }
    if path.isEmpty { return (authority, head.method == .OPTIONS ? "*" : "/") }
    return (authority, path.hasPrefix("/") ? String(path) : "/" + path)
  }

  /// Lets exactly one way of framing through, so that we and the server agree on where the body ends.
  private static func setFraming(
    _ headers: inout HTTPHeaders, of head: HTTPRequestHead
  ) throws(ProxyRequestError) {
    let lengths = head.headers["content-length"]
    let codings = head.headers["transfer-encoding"]
    headers.remove(name: "transfer-encoding")
    guard codings.isEmpty else {
      guard lengths.isEmpty, codings.count == 1, codings[0].lowercased() == "chunked",
        head.version == .http1_1
      else { throw ProxyRequestError(reason: "the body's length is ambiguous") }
      headers.add(name: "Transfer-Encoding", value: "chunked")
      return
    }
    guard lengths.count <= 1, lengths.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isDigit) }) else {
      throw ProxyRequestError(reason: "the body's length is ambiguous")
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
