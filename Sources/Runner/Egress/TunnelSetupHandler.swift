import NIOCore

/// Holds a client that sent CONNECT until the destination is reached, keeping what it sends early.
final class TunnelSetupHandler: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let shared: ProxyContext
  private let destination: UpstreamDialer.Destination
  private let meter: EgressMeter
  private var earlyBytes = ByteBuffer()
  private var inputIsClosed = false
  private var isGone = false

  init(shared: ProxyContext, destination: UpstreamDialer.Destination, meter: EgressMeter) {
    self.shared = shared
    self.destination = destination
    self.meter = meter
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let loop = context.eventLoop
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: loop)
    // In a turn of its own, so that the pipeline never changes below the decoder that is still at work.
    loop.execute {
      let (handler, context) = bound.value
      handler.shared.dialer.dial(handler.destination, on: context.eventLoop).whenComplete { result in
        let (handler, context) = bound.value
        handler.dialed(result, context: context)
      }
    }
  }

  /// Nothing more is read while there is nowhere to send it.
  func read(context: ChannelHandlerContext) {}

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    earlyBytes.writeBuffer(&bytes)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed: inputIsClosed = true
    // The dialer has its own, shorter limits.
    case is IdleStateHandler.IdleStateEvent: break
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    isGone = true
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func dialed(_ result: Result<DialedConnection, any Error>, context: ChannelHandlerContext) {
    switch result {
    case .success(let connection):
      guard !isGone else { return connection.channel.close(promise: nil) }
      context.writeAndFlush(
        wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n")), promise: nil)
      connect(to: connection, context: context)
    case .failure(let error):
      let failure = DialFailure(error, address: destination.authority.description)
      let reply = shared.reply(to: failure, authority: destination.authority, meter: meter)
      guard !isGone else { return }
      context.writeAndFlush(wrapOutboundOut(reply.bytes), promise: nil)
      leave(context) { pipeline in
        try pipeline.syncOperations.addHandler(LingeringCloseHandler(limits: shared.limits))
      }
    }
  }

  private func connect(to connection: DialedConnection, context: ChannelHandlerContext) {
    let early = Tunnel.Early(
      fromClient: earlyBytes, fromUpstream: connection.earlyBytes ?? ByteBuffer(),
      clientInputIsClosed: inputIsClosed)
    let client = context.channel
    leave(context) { _ in
      do {
        try Tunnel.join(
          client: client, upstream: connection.channel, meter: meter, limits: shared.limits, early: early)
      } catch {
        connection.channel.close(promise: nil)
        throw error
      }
    }
  }

  private func leave(_ context: ChannelHandlerContext, after add: (ChannelPipeline) throws -> Void) {
    context.orClose {
      try add(context.pipeline)
      context.pipeline.syncOperations.removeHandler(self, promise: nil)
      // The automatic read was swallowed above.
      context.channel.read()
    }
  }
}
