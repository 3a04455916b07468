import NIOCore
import NIOPosix
import Synchronization

/// The name server of a sandbox: it knows no name, but notes which ones are asked for.
///
/// Every name gets a synthetic address that leads nowhere, so that a later connect(2) to it, seen by the runner,
/// can be told by name. Methods are synchronous and may be called from any thread but the responder's own.
package final class NameResponder: Sendable {
  /// Shared by the responder and the handler on its thread.
  fileprivate final class Names: Sendable {
    let table: Mutex<SyntheticAddresses>
    let recorder: EgressRecorder

    init(capacity: Int, recorder: EgressRecorder) {
      table = Mutex(SyntheticAddresses(capacity: capacity))
      self.recorder = recorder
    }
  }

  private let names: Names
  private let service: EventLoopService

  private init(names: Names, service: EventLoopService) {
    self.names = names
    self.service = service
  }

  deinit {
    shutdown()
  }

  /// Starts to answer on a bound UDP socket; the descriptor belongs to the responder from here on, also when
  /// this throws `EgressStartError`.
  package static func start(
    socket: Int32, recorder: EgressRecorder, capacity: Int = 4096,
    shutdownTimeoutMilliseconds: Int = EgressLimits.standard.shutdownTimeoutMilliseconds
  ) throws -> NameResponder {
    try SocketCheck.requireSocket(socket, .datagram)
    let names = Names(capacity: capacity, recorder: recorder)
    let service = EventLoopService(shutdownTimeoutMilliseconds: shutdownTimeoutMilliseconds)
    let responder = NameResponder(names: names, service: service)
    let bootstrap = DatagramBootstrap(group: service.group).channelInitializer { channel in
      channel.eventLoop.makeCompletedFuture {
        try channel.pipeline.syncOperations.addHandler(DatagramHandler(names: names))
      }
    }
    try EgressStartError.unless(
      "the name responder cannot use its socket", undo: { _ = responder.shutdown() }
    ) {
      _ = try bootstrap.withBoundSocket(socket).wait()
    }
    return responder
  }

  /// The name that was answered with this address, nil when it is none of ours.
  package func name(forSyntheticAddress text: String) -> String? {
    guard let address = IPAddress(text) else { return nil }
    return names.table.withLock { $0.name(of: address) }
  }

  /// Closes the socket and ends the thread; returns false when the limit's time ran out. Further calls do nothing.
  @discardableResult
  package func shutdown() -> Bool {
    service.shutdown()
  }
}

extension NameResponder.Names {
  /// The datagram to send back, nil for none.
  func answer(_ datagram: [UInt8]) -> [UInt8]? {
    let question: DNSQuestion
    do {
      question = try DNSQuestion(datagram)
    } catch {
      return DNSReply.answer(error)
    }
    // RFC 6761, section 6.3: localhost never leaves the machine, so it is no attempt to.
    if question.name == "localhost" || question.name.hasSuffix(".localhost") {
      let loopback: IPAddress? =
        switch question.kind {
        case .a: IPAddress("127.0.0.1")
        case .aaaa: IPAddress("::1")
        case .pointer, .other: nil
        }
      return DNSReply.answer(question, address: loopback)
    }
    // Asking for the name of an address, as servers do for their log, is no attempt to reach anything.
    guard !question.name.isEmpty, question.kind != .pointer else {
      return DNSReply.answer(question, address: nil)
    }
    // Resolvers ask for AAAA beside A; that is one look-up.
    recorder.recordAttempt(
      host: question.name, port: nil, allowed: false, onlyIfNew: question.kind != .a)
    guard question.kind == .a else { return DNSReply.answer(question, address: nil) }
    let address = table.withLock { $0.address(of: question.name) }
    return DNSReply.answer(question, address: address, code: address == nil ? .serverFailure : .noError)
  }
}

/// Moves datagrams between the socket and the table.
private final class DatagramHandler: ChannelInboundHandler {
  typealias InboundIn = AddressedEnvelope<ByteBuffer>
  typealias OutboundOut = AddressedEnvelope<ByteBuffer>

  private let names: NameResponder.Names

  init(names: NameResponder.Names) {
    self.names = names
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let envelope = unwrapInboundIn(data)
    guard let answer = names.answer(Array(envelope.data.readableBytesView)) else { return }
    let reply = AddressedEnvelope(remoteAddress: envelope.remoteAddress, data: ByteBuffer(bytes: answer))
    context.writeAndFlush(wrapOutboundOut(reply), promise: nil)
  }

  /// An answer that could not be delivered concerns its asker only.
  func errorCaught(context: ChannelHandlerContext, error: any Error) {}
}
