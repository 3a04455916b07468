import NIOCore
import NIOHTTP1
import NIOPosix

/// Why a service of this module could not be started.
package struct EgressStartError: Error, CustomStringConvertible {
  /// What was attempted and what the system said.
  package let description: String

  /// Carries out the last step of a start; where it fails, the others are undone and `problem` is what is said.
  static func unless(_ problem: String, undo: () -> Void, _ step: () throws -> Void) throws(EgressStartError)
  {
    do { try step() } catch {
      undo()
      throw EgressStartError(description: "\(problem): \(error)")
    }
  }
}

/// The only way out of a sandbox: an HTTP proxy that serves a listening socket of the sandbox's namespace and
/// connects from the namespace of preflight.
///
/// All methods are synchronous and may be called from any thread but the proxy's own. One proxy serves one
/// socket; its thread ends with `shutdown()`, which also runs when the last reference goes away.
package final class EgressProxy: Sendable {
  /// What the proxy counts into.
  package let recorder: EgressRecorder

  private let service: EventLoopService
  private let lookup: HostLookup

  private init(recorder: EgressRecorder, service: EventLoopService, lookup: HostLookup) {
    self.recorder = recorder
    self.service = service
    self.lookup = lookup
  }

  deinit {
    shutdown()
  }

  /// Starts to accept on a TCP socket that is bound and listening; the descriptor belongs to the proxy from here
  /// on, also when this throws `EgressStartError`.
  package static func start(
    listeningSocket: Int32, policy: EgressPolicy, upstream: UpstreamProxy = .none, recorder: EgressRecorder,
    limits: EgressLimits = .standard, resolver: HostResolver = .system
  ) throws -> EgressProxy {
    try SocketCheck.requireSocket(listeningSocket, .listening)
    let service = EventLoopService(shutdownTimeoutMilliseconds: limits.shutdownTimeoutMilliseconds)
    let lookup = HostLookup(resolver: resolver)
    let shared = ProxyContext(
      policy: policy, upstream: upstream, recorder: recorder, limits: limits,
      dialer: UpstreamDialer(lookup: lookup, limits: limits))
    let proxy = EgressProxy(recorder: recorder, service: service, lookup: lookup)
    try EgressStartError.unless(
      "the egress proxy cannot use its listening socket", undo: { _ = proxy.shutdown() }
    ) {
      _ = try bootstrap(shared, on: service.group).withBoundSocket(listeningSocket).wait()
    }
    return proxy
  }

  /// Closes every connection and ends the proxy's thread; returns when this is done, or after the limit's time.
  ///
  /// Further calls do nothing. Returns false when the time ran out.
  @discardableResult
  package func shutdown() -> Bool {
    lookup.close()
    return service.shutdown()
  }

  private static func bootstrap(_ shared: ProxyContext, on group: any EventLoopGroup) -> ServerBootstrap {
    ServerBootstrap(group: group)
      .serverChannelOption(.maxMessagesPerRead, value: 1)
      .serverChannelOption(.backlog, value: 256)
      .serverChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          try channel.pipeline.syncOperations.addHandler(
            ConnectionLimiter(maximum: shared.limits.maximumConnections))
        }
      }
      .childChannelOption(.allowRemoteHalfClosure, value: true)
      .childChannelOption(.writeBufferWaterMark, value: ProxyContext.waterMark)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          // What follows a CONNECT belongs to the tunnel, so the decoder hands it on when it leaves.
          let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .forwardBytes, limitConfiguration: shared.limits.decoder)
          try channel.pipeline.syncOperations.addHandlers([
            IdleStateHandler(allTimeout: .ms(shared.limits.idleTimeoutMilliseconds)),
            DeferredEndOfInput(),
            ByteToMessageHandler(decoder), ProxyClientHandler(shared: shared),
          ])
        }
      }
  }
}
