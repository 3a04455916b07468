import NIOCore

/// Stops accepting while as many connections as allowed are open; what waits in the kernel's queue is not lost.
final class ConnectionLimiter: ChannelDuplexHandler {
  typealias InboundIn = any Channel
  typealias OutboundIn = any Channel

  private let maximum: Int
  private var open = 0
  private var readIsHeld = false

  init(maximum: Int) {
    self.maximum = maximum
  }

  func read(context: ChannelHandlerContext) {
    guard open < maximum else {
      readIsHeld = true
      return
    }
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    open += 1
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    unwrapInboundIn(data).closeFuture.whenComplete { _ in
      let (handler, context) = bound.value
      handler.connectionClosed(context)
    }
    context.fireChannelRead(data)
  }

  private func connectionClosed(_ context: ChannelHandlerContext) {
    open -= 1
    guard readIsHeld, open < maximum else { return }
    readIsHeld = false
    context.read()
  }

  /// A failed accept (no descriptor left, for example) concerns one connection, not the server.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
