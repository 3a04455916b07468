import NIOHTTP1

/// The head of a server's answer, made fit for the client's connection.
enum ForwardedResponse {
  /// The head to send to the client; throws when the server's framing cannot be trusted.
  static func head(
    _ head: HTTPResponseHead, to request: ForwardedRequest
  ) throws(ProxyRequestError) -> HTTPResponseHead {
    guard head.status != .switchingProtocols else {
      throw ProxyRequestError(reason: "it switched protocols without being asked")
    }
    var headers = try HopByHopHeaders.cleaned(head.headers)
    headers.remove(name: "transfer-encoding")
    let version: HTTPVersion = request.clientVersion == .http1_0 ? .http1_0 : .http1_1
    let codings = head.headers["transfer-encoding"]
    if !codings.isEmpty, !head.status.isInformational {
      guard codings.count == 1, codings[0].lowercased() == "chunked" else {
        throw ProxyRequestError(reason: "its transfer coding is unknown")
      }
      headers.remove(name: "content-length")
      let hasBody = request.method != .HEAD && head.status.mayHaveResponseBody
      if hasBody, version == .http1_1 { headers.add(name: "Transfer-Encoding", value: "chunked") }
    }
    if !head.status.isInformational { headers.replaceOrAdd(name: "Connection", value: "close") }
    return HTTPResponseHead(version: version, status: head.status, headers: headers)
  }
}

extension HTTPResponseStatus {
  /// True for 1xx.
  var isInformational: Bool { (100...199).contains(code) }
}
