import NIOCore
import NIOHTTP1

/// The client's end of one plain HTTP exchange: dials, streams the request out and the response back.
///
/// One connection carries one exchange. Whatever follows the request is thrown away, so that a second request
/// can never reach a server, or an upstream proxy, without having been shown to the policy.
final class PlainRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundIn = HTTPServerResponsePart
  typealias OutboundOut = HTTPServerResponsePart

  private let shared: ProxyContext
  private let request: ForwardedRequest
  private let destination: UpstreamDialer.Destination
  private let meter: EgressMeter

  private var context: ChannelHandlerContext?
  private var upstream: PlainResponseHandler?
  /// Parts of the body that came before the server was reached.
  private var waiting: [HTTPClientRequestPart] = []
  private var requestIsComplete = false
  private var responseHasBegun = false
  private var isDone = false
  private var readIsHeld = false

  init(
    shared: ProxyContext, request: ForwardedRequest, destination: UpstreamDialer.Destination,
    meter: EgressMeter
  ) {
    self.shared = shared
    self.request = request
    self.destination = destination
    self.meter = meter
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
    let loop = context.eventLoop
    let bound = NIOLoopBound(self, eventLoop: loop)
    loop.execute {
      let handler = bound.value
      handler.shared.dialer.dial(handler.destination, on: loop).whenComplete { bound.value.dialed($0) }
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    upstream = nil
  }

  /// Reads only while there is somewhere to send the body to.
  func read(context: ChannelHandlerContext) {
    guard let upstream, upstream.isWritable else {
      readIsHeld = true
      return
    }
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !requestIsComplete, !isDone else { return }
    switch unwrapInboundIn(data) {
    case .head: break
    case .body(let bytes):
      meter.sent(bytes.readableBytes)
      forward(.body(.byteBuffer(bytes)))
    case .end:
      requestIsComplete = true
      forward(.end(nil))
      upstream?.flush()
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    upstream?.flush()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { upstream?.resumeReading() }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    // Half a close is in order after a complete request; otherwise the decoder complains next.
    case ChannelEvent.inputClosed: break
    case is IdleStateHandler.IdleStateEvent: fail(DialFailure(.idle, "nothing moved"))
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    isDone = true
    upstream?.close()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard !isDone else { return }
    guard error is HTTPParserError else { return context.close(promise: nil) }
    // After a complete request these are complaints about bytes that nobody will read.
    if !requestIsComplete { finish(with: .malformed(error)) }
  }

  private func forward(_ part: HTTPClientRequestPart) {
    if let upstream { upstream.send(part) } else { waiting.append(part) }
  }

  private func dialed(_ result: Result<DialedConnection, any Error>) {
    switch result {
    case .success(let connection):
      guard !isDone, context != nil else { return connection.channel.close(promise: nil) }
      do {
        try begin(on: connection.channel)
      } catch {
        connection.channel.close(promise: nil)
        fail(DialFailure(.interrupted, "\(error)"))
      }
    case .failure(let error):
      fail(DialFailure(error, address: destination.authority.description))
    }
  }

  private func begin(on channel: any Channel) throws {
    let handler = PlainResponseHandler(client: self)
    try PlainResponseHandler.prepare(channel, with: handler, limits: shared.limits)
    upstream = handler
    handler.send(.head(request.head(through: destination.proxy)))
    for part in waiting { handler.send(part) }
    waiting = []
    handler.flush()
    try channel.syncOptions?.setOption(.autoRead, value: true)
    resumeReading()
  }
}

// MARK: - What the server's end reports

extension PlainRequestHandler {
  var isWritable: Bool { context?.channel.isWritable ?? true }

  func resumeReading() {
    guard readIsHeld, let context else { return }
    readIsHeld = false
    context.read()
  }

  func flush() {
    context?.flush()
  }

  /// Passes the head of the response, or an interim one, to the client.
  func receive(_ head: HTTPResponseHead) {
    guard !isDone, let context else { return }
    if destination.proxy != nil, head.status == .proxyAuthenticationRequired {
      return fail(DialFailure(.upstreamProxyRefused, "status 407 from the upstream proxy"))
    }
    // An HTTP/1.0 client does not know interim responses.
    if head.status.isInformational, request.clientVersion == .http1_0 { return }
    do {
      let forwarded = try ForwardedResponse.head(head, to: request)
      if !responseHasBegun { try insertEncoder(context) }
      responseHasBegun = true
      context.write(wrapOutboundOut(.head(forwarded)), promise: nil)
    } catch {
      fail(DialFailure(.badResponse, (error as? ProxyRequestError)?.reason ?? "\(error)"))
    }
  }

  func receive(_ bytes: ByteBuffer) {
    guard !isDone, let context else { return }
    meter.received(bytes.readableBytes)
    context.write(wrapOutboundOut(.body(.byteBuffer(bytes))), promise: nil)
  }

  func receiveEnd() {
    guard !isDone, let context else { return }
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    finish(with: nil)
  }

  /// Answers 502 or 504, or cuts the connection when an answer is already on its way.
  func fail(_ failure: DialFailure) {
    guard !isDone else { return }
    let reply = shared.reply(to: failure, authority: destination.authority, meter: meter)
    guard !responseHasBegun else {
      isDone = true
      upstream?.close()
      context?.close(promise: nil)
      return
    }
    finish(with: reply)
  }

  private func finish(with reply: ProxyReply?) {
    guard !isDone, let context else { return }
    isDone = true
    upstream?.close()
    context.orClose {
      if let reply {
        guard !responseHasBegun else { return context.close(promise: nil) }
        try insertEncoder(context)
        context.write(wrapOutboundOut(.head(reply.head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: reply.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
      }
      // The encoder stays before us and is the first to see raw bytes, so it has to go.
      let encoder = try context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
      context.pipeline.syncOperations.removeHandler(context: encoder, promise: nil)
      try context.pipeline.syncOperations.addHandler(LingeringCloseHandler(limits: shared.limits))
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
  }

  private func insertEncoder(_ context: ChannelHandlerContext) throws {
    var configuration = HTTPResponseEncoder.Configuration()
    configuration.automaticallySetFramingHeaders = false
    try context.pipeline.syncOperations.addHandler(
      HTTPResponseEncoder(configuration: configuration), position: .before(self))
  }
}
