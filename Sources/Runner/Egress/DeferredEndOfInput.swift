import NIOCore

/// Stands before the request decoder and reports the end of the input one turn of the loop later.
///
/// The decoder leaves in a turn of its own after CONNECT. If it learned of the end before that, it would throw away
/// what the client sent early instead of handing it to the tunnel.
final class DeferredEndOfInput: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard case ChannelEvent.inputClosed = event else { return context.fireUserInboundEventTriggered(event) }
    let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
    context.eventLoop.execute { bound.value.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
  }
}
