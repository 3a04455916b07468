import Foundation
import Synchronization
import Testing

@testable import Egress

@Suite("A CONNECT tunnel", .timeLimit(.minutes(10)))
struct TunnelTests {
  @Test("carries bytes in both directions and is recorded with its size")
  func carriesBytes() throws {
    let server = try LoopbackServer { peer, _ in
      try peer.send("hello \(try peer.receive(through: "\n"))")
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1:\(server.port)")
    let client = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    try client.send("world\n")
    #expect(try client.receiveTextToEnd() == "hello world\n")
    client.close()
    let record = try fixture.onlyRecord()
    #expect(record.host == "127.0.0.1" && record.port == server.port && record.phase == "install")
    #expect(record.allowed && record.count == 1 && record.failureCount == 0)
    #expect(record.bytesSent == 6 && record.bytesReceived == 12)
  }

  @Test("passes on the bytes that follow the CONNECT head at once")
  func earlyBytes() throws {
    let server = try LoopbackServer { peer, _ in
      try peer.send("got " + (try peer.receive(through: "\n")))
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1:\(server.port)")
    let answer = try fixture.exchange("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\n\r\n\u{16}\u{3}\u{1}\n")
    #expect(answer == "HTTP/1.1 200 Connection established\r\n\r\ngot \u{16}\u{3}\u{1}\n")
  }

  @Test("passes on early bytes and the client's end together")
  func earlyBytesAndEnd() throws {
    let server = try LoopbackServer { peer, _ in
      try peer.send("all of " + (try peer.receiveTextToEnd()))
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1:\(server.port)")
    let answer = try fixture.exchange("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\n\r\nit", finish: true)
    #expect(answer.hasSuffix("\r\n\r\nall of it"))
  }

  @Test("keeps one direction open after the other has ended")
  func halfClose() throws {
    let server = try LoopbackServer { peer, _ in
      let request = try peer.receiveTextToEnd()
      try peer.send("after the end: \(request)")
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1:\(server.port)")
    let client = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    try client.send("question")
    client.finishSending()
    #expect(try client.receiveTextToEnd() == "after the end: question")
    client.close()
  }

  @Test("lets the server end first")
  func serverEndsFirst() throws {
    let ended = Mutex("")
    let server = try LoopbackServer { peer, server in
      try peer.send("bye")
      peer.finishSending()
      server.note(try peer.receiveTextToEnd())
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1:\(server.port)")
    let client = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    #expect(try client.receiveTextToEnd() == "bye")
    try client.send("still here")
    client.finishSending()
    while ended.withLock({ $0.isEmpty }) {
      if let head = server.notedHeads.first { ended.withLock { $0 = head } }
      sched_yield()
    }
    #expect(ended.withLock { $0 } == "still here")
    client.close()
  }

  @Test("notes a server that ends without a single byte as a failure")
  func silentServer() throws {
    let server = try LoopbackServer { peer, _ in _ = try peer.receive() }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1:\(server.port)")
    let client = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    try client.send("hello?")
    #expect(try client.receiveToEnd().isEmpty)
    client.close()
    let record = try fixture.onlyRecord()
    #expect(record.allowed && record.failure == .interrupted && record.failureCount == 1)
  }

  @Test("tells a refused connection, a missing name and an unreachable resolver apart")
  func upstreamFailures() throws {
    let port = try Peer.unusedPort()
    let resolver = HostResolver { (name: String) throws(HostLookupError) -> [IPAddress] in
      if name == "refused.test" { return [IPAddress("127.0.0.1")].compactMap { $0 } }
      throw HostLookupError(failure: name == "nodns.test" ? .nameLookupFailed : .nameNotFound, detail: "test")
    }
    let fixture = try ProxyFixture(allow: "allow:refused.test,missing.test,nodns.test", resolver: resolver)
    for host in ["refused.test", "missing.test", "nodns.test"] {
      let answer = try fixture.exchange("CONNECT \(host):\(port) HTTP/1.1\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 502 "))
      #expect(answer.contains("preflight: \(host):\(port) cannot be reached: "))
    }
    let failures = fixture.recorder.snapshot.map(\.failure)
    #expect(failures == [.connectionRefused, .nameNotFound, .nameLookupFailed])
    #expect(fixture.recorder.snapshot.allSatisfy { $0.allowed && $0.count == 1 && $0.failureCount == 1 })
  }

  @Test("answers 504 when the look-up takes too long, and shuts down while it is still blocked")
  func lookupTimeout() throws {
    let gate = DispatchSemaphore(value: 0)
    defer { gate.signal() }
    let resolver = HostResolver { (_: String) throws(HostLookupError) -> [IPAddress] in
      gate.wait()
      return []
    }
    var limits = EgressLimits.standard
    limits.lookupTimeoutMilliseconds = 50
    let fixture = try ProxyFixture(allow: "allow:slow.test", limits: limits, resolver: resolver)
    let answer = try fixture.exchange("CONNECT slow.test:443 HTTP/1.1\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 504 "))
    #expect(try fixture.onlyRecord().failure == .nameLookupTimedOut)
    #expect(fixture.proxy.shutdown())
  }

  @Test("tries the next address when one is refused")
  func nextAddress() throws {
    let server = try LoopbackServer { peer, _ in try peer.send("second") }
    let resolver = HostResolver.fixed(["two.test": ["127.0.0.2", "127.0.0.1"]])
    let fixture = try ProxyFixture(allow: "allow:two.test", resolver: resolver)
    let client = try fixture.tunnel(to: "two.test:\(server.port)")
    #expect(try client.receiveTextToEnd() == "second")
    client.close()
    #expect(try fixture.onlyRecord().failureCount == 0)
  }
}
