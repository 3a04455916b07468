import Foundation
import Synchronization

/// A small TCP server with one thread per connection; the closure serves a connection and may simply return.
final class LoopbackServer: Sendable {
  let port: Int
  private let descriptor: Int32
  private let heads = Mutex<[String]>([])
  private let connections = Mutex(0)

  init(_ serve: @escaping @Sendable (Peer, LoopbackServer) throws -> Void) throws {
    let (descriptor, port) = try Peer.bound()
    self.descriptor = descriptor
    self.port = port
    Thread.detachNewThread { [self] in
      while true {
        let accepted = accept(descriptor, nil, nil)
        guard accepted >= 0 else { return }
        connections.withLock { $0 += 1 }
        Thread.detachNewThread {
          let peer = Peer(accepted)
          // A client that goes away early is part of some tests; what matters is asserted at its end.
          try? serve(peer, self)
          peer.close()
        }
      }
    }
  }

  /// Answers every request with the same response after having noted the head.
  static func answering(_ response: String) throws -> LoopbackServer {
    try LoopbackServer { peer, server in
      server.note(try peer.receive(through: "\r\n\r\n"))
      try peer.send(response)
      peer.finishSending()
      _ = try peer.receiveToEnd()
    }
  }

  func note(_ head: String) { heads.withLock { $0.append(head) } }

  /// The request heads that were noted.
  var notedHeads: [String] { heads.withLock { $0 } }
  var connectionCount: Int { connections.withLock { $0 } }

  /// Ends accepting; shutdown(2) wakes the thread that is blocked in accept(2).
  func stop() {
    _ = Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }

  deinit {
    stop()
  }
}
