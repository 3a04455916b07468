import NIOCore
import NIOHTTP1

/// The server's end of one plain HTTP exchange.
final class PlainResponseHandler: ChannelDuplexHandler {
  typealias InboundIn = HTTPClientResponsePart
  typealias OutboundIn = HTTPClientRequestPart
  typealias OutboundOut = HTTPClientRequestPart

  /// Nil as soon as the exchange is over for one of both ends.
  private var client: PlainRequestHandler?
  private var context: ChannelHandlerContext?
  private var readIsHeld = false

  init(client: PlainRequestHandler) {
    self.client = client
  }

  /// Puts the HTTP client's handlers on a connection that was just made.
  static func prepare(
    _ channel: any Channel, with handler: PlainResponseHandler, limits: EgressLimits
  ) throws {
    var configuration = HTTPRequestEncoder.Configuration()
    configuration.automaticallySetFramingHeaders = false
    let decoder = HTTPResponseDecoder(
      leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward,
      limitConfiguration: limits.decoder)
    try channel.pipeline.syncOperations.addHandlers([
      HTTPRequestEncoder(configuration: configuration), ByteToMessageHandler(decoder), handler,
    ])
  }

  var isWritable: Bool { context?.channel.isWritable ?? true }

  func send(_ part: HTTPClientRequestPart) {
    context?.write(wrapOutboundOut(part), promise: nil)
  }

  func flush() {
    context?.flush()
  }

  func resumeReading() {
    guard readIsHeld, let context else { return }
    readIsHeld = false
    context.read()
  }

  /// Ends the connection; the exchange is over.
  func close() {
    client = nil
    context?.close(promise: nil)
  }

  func handlerAdded(context: ChannelHandlerContext) {
    self.context = context
  }

  func handlerRemoved(context: ChannelHandlerContext) {
    self.context = nil
    client = nil
  }

  /// Reads only while the client keeps up.
  func read(context: ChannelHandlerContext) {
    guard client?.isWritable ?? true else {
      readIsHeld = true
      return
    }
    context.read()
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head): client?.receive(head)
    case .body(let bytes): client?.receive(bytes)
    case .end: client?.receiveEnd()
    }
  }

  func channelReadComplete(context: ChannelHandlerContext) {
    client?.flush()
    context.fireChannelReadComplete()
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    if context.channel.isWritable { client?.resumeReading() }
    context.fireChannelWritabilityChanged()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // The decoder has seen the end of the connection first: a body without a length is complete by now.
    if case ChannelEvent.inputClosed = event {
      client?.fail(DialFailure(.interrupted, "the connection was closed before the response was complete"))
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    client?.fail(DialFailure(.interrupted, "the connection was closed before the response was complete"))
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    let isCutShort = error is IOError || (error as? HTTPParserError) == .invalidEOFState
    client?.fail(DialFailure(isCutShort ? .interrupted : .badResponse, "\(error)"))
    context.close(promise: nil)
  }
}

extension EgressLimits {
  /// The same bounds for the HTTP decoder.
  var decoder: NIOHTTPDecoderLimitConfiguration {
    var configuration = NIOHTTPDecoderLimitConfiguration()
    configuration.maxHeaderFieldSize = maximumHeaderFieldBytes
    configuration.maxHeaderListSize = maximumHeaderBytes
    configuration.maxHeaderFieldCount = maximumHeaderFields
    return configuration
  }
}
