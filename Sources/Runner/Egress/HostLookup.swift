import NIOCore
import NIOPosix
import Synchronization

/// Runs blocking look-ups on a few threads of its own and answers on the event loop, in time or not at all.
final class HostLookup: Sendable {
  private struct State {
    var isClosed = false
    var nextID = 0
    var pending: [Int: EventLoopPromise<[IPAddress]>] = [:]
  }

  private let resolver: HostResolver
  private let pool: NIOThreadPool
  private let state = Mutex(State())

  init(resolver: HostResolver) {
    self.resolver = resolver
    pool = NIOThreadPool(numberOfThreads: 4)
    pool.start()
  }

  /// The addresses of a host, its own one for a literal; fails with `HostLookupError`.
  func addresses(
    of host: HostName, on loop: any EventLoop, timeout: TimeAmount
  ) -> EventLoopFuture<[IPAddress]> {
    if let literal = host.literal { return loop.makeSucceededFuture([literal]) }
    let promise = loop.makePromise(of: [IPAddress].self)
    let id = state.withLock { state -> Int? in
      guard !state.isClosed else { return nil }
      state.nextID += 1
      state.pending[state.nextID] = promise
      return state.nextID
    }
    guard let id else {
      promise.fail(HostLookupError(failure: .nameLookupFailed, detail: "the proxy is shutting down"))
      return promise.futureResult
    }
    let deadline = loop.scheduleTask(in: timeout) {
      let error = HostLookupError(failure: .nameLookupTimedOut, detail: "no answer after \(timeout)")
      self.take(id)?.fail(error)
    }
    promise.futureResult.whenComplete { _ in deadline.cancel() }
    pool.submit { workState in
      guard workState == .active else { return }
      self.finish(id, Result { () throws(HostLookupError) in try self.resolver.resolve(host.text) })
    }
    return promise.futureResult
  }

  /// The addresses that lead to services of this machine.
  func ownAddresses() -> Set<IPAddress> { resolver.ownAddresses() }

  /// Fails what is pending; a look-up that is still blocked ends on its own thread and is thrown away.
  func close() {
    let pending = state.withLock { state in
      state.isClosed = true
      defer { state.pending = [:] }
      return state.pending
    }
    for promise in pending.values {
      promise.fail(HostLookupError(failure: .nameLookupFailed, detail: "the proxy is shutting down"))
    }
    pool.shutdownGracefully { _ in }
  }

  private func take(_ id: Int) -> EventLoopPromise<[IPAddress]>? {
    state.withLock { $0.pending.removeValue(forKey: id) }
  }

  /// Called off the loop, so completing only enqueues; inside the lock, so that no loop is used after `close()`.
  private func finish(_ id: Int, _ result: Result<[IPAddress], HostLookupError>) {
    state.withLock { state in
      guard let promise = state.pending.removeValue(forKey: id) else { return }
      promise.completeWith(result.mapError { $0 as any Error })
    }
  }
}
