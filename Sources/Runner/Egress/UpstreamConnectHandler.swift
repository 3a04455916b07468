import NIOCore

/// Asks an upstream proxy for a tunnel and steps aside when it is there.
final class UpstreamConnectHandler: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  private let target: Authority
  private let proxy: UpstreamProxy.Endpoint
  private let limits: EgressLimits
  /// Completed once with what came behind the head.
  private var promise: EventLoopPromise<ByteBuffer?>?
  private var received = ByteBuffer()
  private var deadline: Scheduled<Void>?

  init(
    target: Authority, proxy: UpstreamProxy.Endpoint, limits: EgressLimits,
    promise: EventLoopPromise<ByteBuffer?>
  ) {
    self.target = target
    self.proxy = proxy
    self.limits = limits
    self.promise = promise
  }

  func handlerAdded(context: ChannelHandlerContext) {
    var request = "CONNECT \(target) HTTP/1.1\r\nHost: \(target)\r\n"
    if let authorization = proxy.authorization { request += "Proxy-Authorization: \(authorization)\r\n" }
    let buffer = context.channel.allocator.buffer(string: request + "\r\n")
    context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    let bound = NIOLoopBound((handler: self, context: context), eventLoop: context.eventLoop)
    deadline = context.eventLoop.scheduleTask(in: .ms(limits.connectTimeoutMilliseconds)) {
      let (handler, context) = bound.value
      handler.fail(.connectionTimedOut, "no answer to CONNECT", context: context)
    }
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var bytes = unwrapInboundIn(data)
    guard promise != nil else { return }
    received.writeBuffer(&bytes)
    guard let length = headLength() else {
      if received.readableBytes > limits.maximumHeaderBytes {
        fail(.badResponse, "the answer to CONNECT has no end", context: context)
      }
      return
    }
    let head = received.readString(length: length) ?? ""
    guard let status = Self.status(of: head) else {
      return fail(.badResponse, "the answer to CONNECT is not HTTP", context: context)
    }
    guard (200...299).contains(status) else {
      return fail(.upstreamProxyRefused, "status \(status) to CONNECT", context: context)
    }
    finish(.success(received.readableBytes > 0 ? received : nil))
    context.pipeline.syncOperations.removeHandler(self, promise: nil)
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    if promise != nil { context.read() }
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event {
      return fail(.interrupted, "it closed the connection", context: context)
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(.interrupted, "it closed the connection", context: context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    fail(.interrupted, "\(error)", context: context)
  }

  private func fail(_ failure: EgressFailure, _ detail: String, context: ChannelHandlerContext) {
    guard promise != nil else { return }
    finish(.failure(DialFailure(failure, "upstream proxy \(proxy): \(detail)")))
    context.close(promise: nil)
  }

  private func finish(_ result: Result<ByteBuffer?, any Error>) {
    deadline?.cancel()
    let promise = self.promise
    self.promise = nil
    promise?.completeWith(result)
  }

  private func headLength() -> Int? {
    let bytes = received.readableBytesView
    let end: [UInt8] = [13, 10, 13, 10]
    guard let range = bytes.firstRange(of: end) else { return nil }
    return range.upperBound - bytes.startIndex
  }

  /// The status code of `HTTP/1.x CODE REASON`.
  static func status(of head: String) -> Int? {
    let line = head.utf8.prefix { $0 != 13 && $0 != 10 }
    let parts = line.split(separator: UInt8(ascii: " "), maxSplits: 2).map { String(Substring($0)) }
    guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3 else {
      return nil
    }
    return Int(parts[1])
  }
}
