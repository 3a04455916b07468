import NIOCore

/// Ends a connection after its last answer without destroying it: a close while the client still sends would
/// make the kernel reset the connection, and the client would lose the answer.
final class LingeringCloseHandler: ChannelInboundHandler {
  typealias InboundIn = NIOAny

  private let limits: EgressLimits
  private var deadline: Scheduled<Void>?

  init(limits: EgressLimits) {
    self.limits = limits
  }

  func handlerAdded(context: ChannelHandlerContext) {
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .ms(limits.lingerTimeoutMilliseconds)) {
      bound.value.close(promise: nil)
    }
    OrderlyClose.closeOutput(context)
    // The handler before this one may have swallowed the automatic read.
    context.read()
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    deadline?.cancel()
  }

  func channelInactive(context: ChannelHandlerContext) {
    deadline?.cancel()
    context.fireChannelInactive()
  }

  /// Whatever still comes, of whatever type, is thrown away.
  func channelRead(context: ChannelHandlerContext, data: NIOAny) {}

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed, is IdleStateHandler.IdleStateEvent: context.close(promise: nil)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  /// The decoder may go on complaining about what is thrown away anyway.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}

/// Closing that waits for what is still to be written.
enum OrderlyClose {
  /// Sends FIN when everything written so far has left; closes fully when the peer has done so already.
  static func closeOutput(_ context: ChannelHandlerContext) {
    close(context, mode: .output)
  }

  /// Closes when everything written so far has left.
  static func closeFully(_ context: ChannelHandlerContext) {
    close(context, mode: .all)
  }

  private static func close(_ context: ChannelHandlerContext, mode: CloseMode) {
    let written = context.eventLoop.makePromise(of: Void.self)
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    written.futureResult.whenComplete { _ in bound.value.close(mode: mode, promise: nil) }
    context.writeAndFlush(NIOAny(ByteBuffer()), promise: written)
  }
}
