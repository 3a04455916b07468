import Dispatch
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// One event loop thread that can be ended from synchronous code, within a bound.
final class EventLoopService: Sendable {
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)

  private let shutdownTimeoutMilliseconds: Int
  private let isShutDown = Mutex(false)

  init(shutdownTimeoutMilliseconds: Int) {
    self.shutdownTimeoutMilliseconds = shutdownTimeoutMilliseconds
  }

  /// Closes every channel of the loop and ends its thread; a second call returns true at once.
  func shutdown() -> Bool {
    let isFirst = isShutDown.withLock { done in
      defer { done = true }
      return !done
    }
    guard isFirst else { return true }
    let ended = DispatchSemaphore(value: 0)
    group.shutdownGracefully(queue: .global()) { _ in ended.signal() }
    return ended.wait(timeout: .now() + .milliseconds(shutdownTimeoutMilliseconds)) == .success
  }
}

/// Refuses a descriptor that is not what it should be before an event loop takes it over.
enum SocketCheck {
  /// What a service needs.
  enum Kind: String {
    case listening = "TCP and listening"
    case datagram = "UDP"
  }

  /// Closes the descriptor and throws unless it is an internet socket of this kind.
  static func requireSocket(_ descriptor: Int32, _ kind: Kind) throws(EgressStartError) {
    let domain = option(descriptor, SO_DOMAIN)
    let isInternet = domain == AF_INET || domain == AF_INET6
    let isRight =
      switch kind {
      case .listening:
        option(descriptor, SO_TYPE) == Int32(SOCK_STREAM.rawValue) && option(descriptor, SO_ACCEPTCONN) == 1
      case .datagram:
        option(descriptor, SO_TYPE) == Int32(SOCK_DGRAM.rawValue)
      }
    guard isInternet, isRight else {
      if descriptor >= 0 { close(descriptor) }
      throw EgressStartError(
        description: "descriptor \(descriptor) is not an internet socket, \(kind.rawValue)")
    }
    // A child started later must not inherit it, whoever created it.
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  private static func option(_ descriptor: Int32, _ name: Int32) -> Int32? {
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 else { return nil }
    return value
  }
}
