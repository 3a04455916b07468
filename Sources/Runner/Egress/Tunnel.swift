import NIOCore

/// Joins two connections byte for byte.
enum Tunnel {
  /// What arrived before both ends were joined.
  struct Early {
    var fromClient: ByteBuffer
    var fromUpstream: ByteBuffer
    var clientInputIsClosed: Bool
  }

  /// Makes both ends relay to each other; to be called on their event loop.
  static func join(
    client: any Channel, upstream: any Channel, meter: EgressMeter, limits: EgressLimits, early: Early
  ) throws {
    let clientEnd = TunnelEnd(side: .client, meter: meter)
    let upstreamEnd = TunnelEnd(side: .upstream, meter: meter)
    clientEnd.partner = upstreamEnd
    upstreamEnd.partner = clientEnd
    let idle = IdleStateHandler(allTimeout: .ms(limits.idleTimeoutMilliseconds))
    try upstream.pipeline.syncOperations.addHandlers([idle, upstreamEnd])
    try client.pipeline.syncOperations.addHandler(clientEnd)
    clientEnd.relay(early.fromClient)
    upstreamEnd.relay(early.fromUpstream)
    upstream.flush()
    client.flush()
    if early.clientInputIsClosed { upstreamEnd.closeOutput() }
    try upstream.syncOptions?.setOption(.autoRead, value: true)
  }
}

/// One end of a tunnel: what it reads goes to its partner, as fast as the partner can write.
final class TunnelEnd: ChannelDuplexHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  enum Side {
    case client
    case upstream
  }

  /// Both ends hold each other until one of them leaves its pipeline.
  var partner: TunnelEnd?
  private let side: Side
  private let meter: EgressMeter
  private var context: ChannelHandlerContext?
  private var readIsHeld = false
  private var outputIsClosing = false
  private var hasRelayed = false

  init(side: Side, meter: EgressMeter) {
    self.side = side
    self.meter = meter
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    partner = nil
  }

  /// Reads only while the partner keeps up, which bounds the memory of a tunnel.
  func read(context: ChannelHandlerContext) {
    guard partner?.isWritable ?? true else {
      readIsHeld = true
      return
    }
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    relay(unwrapInboundIn(data))
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    partner?.context?.flush()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { partner?.resumeReading() }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    switch event {
    case ChannelEvent.inputClosed:
      noteSilence(.interrupted)
      partner?.closeOutput()
    case is IdleStateHandler.IdleStateEvent:
      (side == .upstream ? self : partner)?.noteSilence(.idle)
      context.close(promise: nil)
    default: context.fireUserInboundEventTriggered(event)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    noteSilence(.interrupted)
    partner?.closeFully()
    partner = nil
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  /// Passes bytes on as if they had just been read here.
  func relay(_ bytes: ByteBuffer) {
    guard bytes.readableBytes > 0, let partner, let target = partner.context else { return }
    switch side {
    case .client: meter.sent(bytes.readableBytes)
    case .upstream: meter.received(bytes.readableBytes)
    }
    hasRelayed = true
    target.write(wrapOutboundOut(bytes), promise: nil)
  }

  /// Tells this end's peer that nothing more will come, once everything has left.
  func closeOutput() {
    guard !outputIsClosing, let context else { return }
    outputIsClosing = true
    OrderlyClose.closeOutput(context)
  }

  /// A destination that ends, or is given up, before it sent a single byte was not reached in any useful sense.
  private func noteSilence(_ failure: EgressFailure) {
    guard side == .upstream, !hasRelayed, !outputIsClosing, partner != nil else { return }
    hasRelayed = true
    meter.failed(failure, detail: "not one byte came through the tunnel")
  }

  private var isWritable: Bool { context?.channel.isWritable ?? true }

  private func resumeReading() {
    guard readIsHeld, let context else { return }
    readIsHeld = false
    context.read()
  }

  private func closeFully() {
    partner = nil
    guard let context else { return }
    OrderlyClose.closeFully(context)
  }
}

extension ChannelHandlerContext {
  /// Carries out a change of the pipeline, on its event loop; where that fails the connection is of no use.
  func orClose(_ change: () throws -> Void) {
    do { try change() } catch { close(promise: nil) }
  }
}
