import Foundation
import Synchronization

// The overlay of the C library does not show it.
@_silgen_name("unshare") private func unshareNamespaces(_ flags: CInt) -> CInt

/// A thread of its own in a new network namespace, as the sandbox's child is, on which closures can be run.
final class ForeignNamespace: Sendable {
  private let work = Mutex<[@Sendable () -> Void]>([])
  private let available = DispatchSemaphore(value: 0)

  /// Makes the namespace and raises its loopback interface; needs CAP_SYS_ADMIN.
  init() throws {
    Thread.detachNewThread { [self] in
      while true {
        available.wait()
        guard let next = work.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return }
        next()
      }
    }
    try run {
      let newNetwork: CInt = 0x4000_0000
      guard unshareNamespaces(newNetwork) == 0 else { throw PeerError(call: "unshare") }
      try Self.raiseLoopback()
    }
  }

  /// Ends the thread, and the namespace with it.
  func end() { available.signal() }

  func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) throws -> Value {
    let outcome = Outcome<Value>()
    work.withLock { $0.append { outcome.complete(Result { try body() }) } }
    available.signal()
    return try outcome.wait()
  }

  /// The result of a closure, handed from one thread to another.
  private final class Outcome<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)
    private let done = DispatchSemaphore(value: 0)

    func complete(_ value: Result<Value, any Error>) {
      result.withLock { $0 = value }
      done.signal()
    }

    func wait() throws -> Value {
      done.wait()
      guard let value = result.withLock({ $0 }) else { throw PeerError(call: "wait") }
      return try value.get()
    }
  }

  /// netdevice(7): SIOCGIFFLAGS, then SIOCSIFFLAGS with IFF_UP.
  private static func raiseLoopback() throws {
    let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    guard descriptor >= 0 else { throw PeerError(call: "socket") }
    defer { close(descriptor) }
    var request: [UInt8] = Array("lo".utf8) + Array(repeating: 0, count: 38)
    guard unsafe ioctl(descriptor, 0x8913, &request) == 0 else { throw PeerError(call: "SIOCGIFFLAGS") }
    request[16] |= 1
    guard unsafe ioctl(descriptor, 0x8914, &request) == 0 else { throw PeerError(call: "SIOCSIFFLAGS") }
  }
}
