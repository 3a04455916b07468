import Foundation
import Synchronization
import Testing

@testable import Egress

@Suite("Backpressure", .timeLimit(.minutes(10)))
struct BackpressureTests {
  /// Repeats every 64 KiB; doubled, so that a window of that size can begin anywhere in it.
  private static let pattern: [UInt8] = {
    let block = (0..<(1 << 16)).map { UInt8(truncatingIfNeeded: $0 &* 31 ^ $0 >> 8) }
    return block + block
  }()
  private static let period = 1 << 16
  private static let total = 48 << 20

  /// Sends everything, and tells how much was taken when the other side stopped taking.
  private static func sendAll(_ peer: Peer, stalledAt: borrowing Mutex<Int?>) throws {
    peer.setTimeout(SO_SNDTIMEO, seconds: 1)
    var sent = 0
    while sent < total {
      do {
        sent += try peer.sendSome(pattern[(sent % period)..<period])
      } catch let error as PeerError where error.code == EAGAIN {
        stalledAt.withLock { if $0 == nil { $0 = sent } }
      }
    }
    stalledAt.withLock { if $0 == nil { $0 = sent } }
  }

  /// Receives to the end; the count, or nil when a byte was not the one that was sent.
  private static func receiveAll(_ peer: Peer) throws -> Int? {
    var received = 0
    while true {
      let some = try peer.receive(atMost: period)
      guard !some.isEmpty else { return received }
      let offset = received % period
      let isEqual = unsafe pattern.withUnsafeBytes { expected in
        unsafe some.withUnsafeBytes { actual in
          guard let expected = expected.baseAddress, let actual = actual.baseAddress else { return false }
          return unsafe memcmp(expected + offset, actual, some.count) == 0
        }
      }
      guard isEqual else { return nil }
      received += some.count
    }
  }

  @Test(
    "holds back a server whose client does not read, and loses nothing of 48 MB",
    arguments: ["CONNECT", "GET"])
  func download(method: String) throws {
    let stalledAt = Mutex<Int?>(nil)
    let server = try LoopbackServer { peer, _ in
      if method == "GET" {
        _ = try peer.receive(through: "\r\n\r\n")
        try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.total)\r\n\r\n")
      }
      try Self.sendAll(peer, stalledAt: stalledAt)
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let target = method == "GET" ? "http://127.0.0.1:\(server.port)/" : "127.0.0.1:\(server.port)"
    let client = try Peer(connectingTo: fixture.port, receiveBuffer: 512 * 1024)
    try client.send("\(method) \(target) HTTP/1.1\r\n\r\n")
    _ = try client.receive(through: "\r\n\r\n")
    while stalledAt.withLock({ $0 == nil }) { usleep(1000) }
    // What was taken sits in the kernel's socket buffers and, up to the high-water mark, in the proxy.
    let taken = try #require(stalledAt.withLock { $0 })
    #expect(taken < 32 << 20, "the proxy took \(taken) bytes that nobody had asked for")
    #expect(try Self.receiveAll(client) == Self.total)
    client.close()
    #expect(try fixture.onlyRecord().bytesReceived == Self.total)
  }

  @Test("holds back a client whose server does not read", arguments: ["CONNECT", "POST"])
  func upload(method: String) throws {
    let stalledAt = Mutex<Int?>(nil)
    let mayRead = DispatchSemaphore(value: 0)
    let server = try LoopbackServer { peer, _ in
      if method == "POST" { _ = try peer.receive(through: "\r\n\r\n") }
      mayRead.wait()
      let count = try Self.receiveAll(peer) ?? -1
      // A tunnel's server can only tell by the end of the stream, a plain one by the length.
      try peer.send("\(count)")
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let target = method == "POST" ? "http://127.0.0.1:\(server.port)/" : "127.0.0.1:\(server.port)"
    let client = try Peer(connectingTo: fixture.port)
    let length = method == "POST" ? "Content-Length: \(Self.total)\r\n" : ""
    try client.send("\(method) \(target) HTTP/1.1\r\n\(length)\r\n")
    if method == "CONNECT" { _ = try client.receive(through: "\r\n\r\n") }
    Thread.detachNewThread {
      while stalledAt.withLock({ $0 == nil }) { usleep(1000) }
      mayRead.signal()
    }
    try Self.sendAll(client, stalledAt: stalledAt)
    client.finishSending()
    if method == "CONNECT" { #expect(try client.receiveTextToEnd() == "\(Self.total)") }
    let taken = try #require(stalledAt.withLock { $0 })
    #expect(taken < 32 << 20, "the proxy took \(taken) bytes that nobody had asked for")
    client.close()
  }
}
