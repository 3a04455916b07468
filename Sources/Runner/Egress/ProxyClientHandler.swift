import NIOCore
import NIOHTTP1

/// Reads the one request of a client's connection, asks the policy, and hands over to a tunnel or to an exchange.
final class ProxyClientHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = ByteBuffer
  typealias Decoder = ByteToMessageHandler<HTTPRequestDecoder>

  private let shared: ProxyContext
  private var deadline: Scheduled<Void>?
  /// The tunnel that begins when the decoder has reported the end of the CONNECT request.
  private var tunnel: TunnelSetupHandler?
  private var isDone = false

  init(shared: ProxyContext) {
    self.shared = shared
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .ms(shared.limits.headTimeoutMilliseconds)) {
      let (handler, context) = bound.value
      handler.answer(.timedOut, context: context)
    }
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isDone else { return }
    switch unwrapInboundIn(data) {
    case .head(let head): received(head, context: context)
    case .body: break
    case .end:
      guard let tunnel else { return }
      // From here on no HTTP is spoken; what the decoder still holds comes out as bytes when it leaves.
      replace(with: tunnel, context: context)
      removeDecoder(context: context)
    }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed: context.close(promise: nil)
    case is IdleStateHandler.IdleStateEvent: answer(.timedOut, context: context)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard error is HTTPParserError else {
      context.close(promise: nil)
      return
    }
    answer(.malformed(error), context: context)
  }

  private func received(_ head: HTTPRequestHead, context: ChannelHandlerContext) {
    guard tunnel == nil else { return }
    deadline?.cancel()
    switch Result(catching: { () throws(ProxyRequestError) in try ProxyRequest(head) }) {
    case .failure(let error): return answer(.malformed(error.reason), context: context)
    case .success(.tunnel(let authority)):
      guard let (meter, destination) = admit(authority, isTunnel: true, context: context) else { return }
      tunnel = TunnelSetupHandler(shared: shared, destination: destination, meter: meter)
    case .success(.forward(let forwarded)):
      guard let (meter, destination) = admit(forwarded.authority, isTunnel: false, context: context)
      else { return }
      let exchange = PlainRequestHandler(
        shared: shared, request: forwarded, destination: destination, meter: meter)
      replace(with: exchange, context: context)
    }
  }

  /// Records the attempt; answers 403 and returns nil when the policy denies it.
  private func admit(
    _ authority: Authority, isTunnel: Bool, context: ChannelHandlerContext
  ) -> (EgressMeter, UpstreamDialer.Destination)? {
    let decision = shared.policy.decision(host: authority.host, port: authority.port)
    let attempt = shared.recorder.recordAttempt(
      host: authority.host.text, port: authority.port, allowed: decision != .denied)
    guard case .allowed(let mayReachThisHost) = decision else {
      answer(.denied(authority, policy: shared.policy), context: context)
      return nil
    }
    let destination = shared.destination(authority, mayReachThisHost: mayReachThisHost, isTunnel: isTunnel)
    return (EgressMeter(recorder: shared.recorder, attempt: attempt), destination)
  }

  private func answer(_ reply: ProxyReply, context: ChannelHandlerContext) {
    guard !isDone else { return }
    context.writeAndFlush(wrapOutboundOut(reply.bytes), promise: nil)
    replace(with: LingeringCloseHandler(limits: shared.limits), context: context)
  }

  private func replace(with handler: some ChannelHandler, context: ChannelHandlerContext) {
    isDone = true
    context.orClose {
      try context.pipeline.syncOperations.addHandler(handler)
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }
  }

  private func removeDecoder(context: ChannelHandlerContext) {
    context.orClose {
      let decoder = try context.pipeline.syncOperations.context(handlerType: Decoder.self)
      context.pipeline.syncOperations.removeHandler(context: decoder, promise: nil)
    }
  }
}
