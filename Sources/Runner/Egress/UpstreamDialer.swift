import NIOCore
import NIOPosix

/// A connection that leads to a destination, directly or through the upstream proxy.
struct DialedConnection: Sendable {
  /// Open, with reading stopped, so that no byte arrives before its handlers are in place.
  var channel: any Channel
  /// What came right behind the upstream proxy's answer to CONNECT.
  var earlyBytes: ByteBuffer?
}

/// Makes the connections out of the proxy, in the namespace of preflight itself.
struct UpstreamDialer: Sendable {
  /// Where to, and what the policy said of it.
  struct Destination: Sendable {
    var authority: Authority
    var mayReachThisHost: Bool
    /// The upstream proxy to go through.
    var proxy: UpstreamProxy.Endpoint?
    /// Whether the proxy is to make a tunnel; plain HTTP is sent to it in absolute form instead.
    var isTunnel: Bool
  }

  var lookup: HostLookup
  var limits: EgressLimits

  /// Connects to a destination; fails with `DialFailure`.
  func dial(_ destination: Destination, on loop: any EventLoop) -> EventLoopFuture<DialedConnection> {
    if let literal = destination.authority.host.literal, !destination.mayReachThisHost,
      leadsToThisHost(literal, own: lookup.ownAddresses())
    {
      return loop.makeFailedFuture(DialFailure(.addressForbidden, literal.description))
    }
    guard let proxy = destination.proxy else { return dialDirectly(destination, on: loop) }
    return dialThroughProxy(proxy, destination, on: loop)
  }

  private func dialDirectly(
    _ destination: Destination, on loop: any EventLoop
  ) -> EventLoopFuture<DialedConnection> {
    let authority = destination.authority
    return addresses(of: authority, on: loop).flatMap { addresses in
      var usable = addresses
      if !destination.mayReachThisHost {
        let own = lookup.ownAddresses()
        usable.removeAll { leadsToThisHost($0, own: own) }
        guard !usable.isEmpty || addresses.isEmpty else {
          let list = addresses.map(\.description).joined(separator: ", ")
          return loop.makeFailedFuture(DialFailure(.addressForbidden, "\(authority.host) is \(list)"))
        }
      }
      // The verified addresses are the ones that are connected to; the name is not resolved again.
      return connect(to: usable[...], port: authority.port, on: loop)
    }
  }

  private func dialThroughProxy(
    _ proxy: UpstreamProxy.Endpoint, _ destination: Destination, on loop: any EventLoop
  ) -> EventLoopFuture<DialedConnection> {
    let authority = Authority(host: proxy.host, port: proxy.port)
    let connected = addresses(of: authority, on: loop).flatMap { addresses in
      connect(to: addresses[...], port: proxy.port, on: loop)
    }.flatMapErrorThrowing { error in
      let cause = DialFailure(error, address: proxy.description)
      throw DialFailure(.upstreamProxyUnavailable, "\(proxy): \(cause.failure.summary)")
    }
    guard destination.isTunnel else { return connected }
    return connected.flatMap { connection in
      let promise = loop.makePromise(of: ByteBuffer?.self)
      do {
        let handler = UpstreamConnectHandler(
          target: destination.authority, proxy: proxy, limits: limits, promise: promise)
        try connection.channel.pipeline.syncOperations.addHandler(handler)
      } catch {
        promise.fail(DialFailure(.interrupted, "\(proxy): \(error)"))
      }
      return promise.futureResult.map {
        DialedConnection(channel: connection.channel, earlyBytes: $0)
      }
    }
  }

  private func addresses(of authority: Authority, on loop: any EventLoop) -> EventLoopFuture<[IPAddress]> {
    lookup.addresses(of: authority.host, on: loop, timeout: .ms(limits.lookupTimeoutMilliseconds))
      .flatMapErrorThrowing { throw DialFailure($0, address: authority.description) }
  }

  /// Tries the addresses in the resolver's order.
  private func connect(
    to addresses: ArraySlice<IPAddress>, port: Int, on loop: any EventLoop, after last: DialFailure? = nil
  ) -> EventLoopFuture<DialedConnection> {
    guard let address = addresses.first else {
      let failure = last ?? DialFailure(.nameNotFound, "the name has no address")
      return loop.makeFailedFuture(failure)
    }
    let rest = addresses.dropFirst()
    let socketAddress = Result { try SocketAddress(ipAddress: address.description, port: port) }
    return loop.makeCompletedFuture(socketAddress)
      .flatMap { bootstrap(on: loop).connect(to: $0) }
      .map { DialedConnection(channel: $0) }
      .flatMapError { error in
        let failure = DialFailure(error, address: "\(address) port \(port)").preferred(over: last)
        return connect(to: rest, port: port, on: loop, after: failure)
      }
  }

  private func bootstrap(on loop: any EventLoop) -> ClientBootstrap {
    ClientBootstrap(group: loop)
      .connectTimeout(.ms(limits.connectTimeoutMilliseconds))
      .channelOption(.autoRead, value: false)
      .channelOption(.allowRemoteHalfClosure, value: true)
      .channelOption(.writeBufferWaterMark, value: ProxyContext.waterMark)
  }

  private func leadsToThisHost(_ address: IPAddress, own: Set<IPAddress>) -> Bool {
    if address.leadsToThisHost || own.contains(address) { return true }
    return address.embeddedIPv4.map(own.contains) ?? false
  }
}
