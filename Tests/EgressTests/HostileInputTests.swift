import Foundation
import Testing

@testable import Egress

@Suite("Hostile bytes", .timeLimit(.minutes(10)))
struct HostileInputTests {
  @Test(
    "are answered with 400 and recorded as nothing",
    arguments: [
      "GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n",
      "GET https://pypi.org/ HTTP/1.1\r\n\r\n",
      "GET ftp://pypi.org/ HTTP/1.1\r\n\r\n",
      "GET http://user:pw@pypi.org/ HTTP/1.1\r\n\r\n",
      "GET http://pypi.org@evil.example/ HTTP/1.1\r\n\r\n",
      "GET http:///path HTTP/1.1\r\n\r\n",
      "GET http://pypi.org:99999/ HTTP/1.1\r\n\r\n",
      "GET http://pypi.org:0/ HTTP/1.1\r\n\r\n",
      "GET http://py pi.org/ HTTP/1.1\r\n\r\n",
      "GET http://p\u{ff}pi.org/ HTTP/1.1\r\n\r\n",
      "GET http://pypi..org/ HTTP/1.1\r\n\r\n",
      "CONNECT pypi.org HTTP/1.1\r\n\r\n",
      "CONNECT pypi.org: HTTP/1.1\r\n\r\n",
      "CONNECT :443 HTTP/1.1\r\n\r\n",
      "CONNECT pypi.org:443:443 HTTP/1.1\r\n\r\n",
      "CONNECT [::1:443 HTTP/1.1\r\n\r\n",
      "CONNECT http://pypi.org:443 HTTP/1.1\r\n\r\n",
      "CONNECT pypi.org%00.evil.example:443 HTTP/1.1\r\n\r\n",
      "POST http://pypi.org/ HTTP/1.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST http://pypi.org/ HTTP/1.1\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
      "POST http://pypi.org/ HTTP/1.1\r\nContent-Length: +4\r\n\r\n",
      "POST http://pypi.org/ HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      "POST http://pypi.org/ HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
      "GET http://pypi.org/ HTTP/1.1\r\nBad Name: x\r\n\r\n",
      "GET http://pypi.org/ HTTP/1.1\r\nX: a\u{0}b\r\n\r\n",
      "GET http://pypi.org/ HTTP/1.1\nX\r\n\r\n",
      "GET http://pypi.org/ HTTP/2.0\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}",
      "SSH-2.0-x\r\n",
    ])
  func malformed(request: String) throws {
    let fixture = try ProxyFixture(policy: .registries)
    let answer = try fixture.exchange(request)
    #expect(answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
    #expect(fixture.recorder.snapshot.isEmpty)
  }

  @Test(
    "that are too many get 431", arguments: ["one long field", "many fields", "many bytes", "long target"])
  func tooLarge(kind: String) throws {
    let fixture = try ProxyFixture(policy: .registries)
    let start = "GET http://pypi.org/"
    let request =
      switch kind {
      case "one long field": "\(start) HTTP/1.1\r\nX: " + String(repeating: "a", count: 20_000)
      case "many fields": "\(start) HTTP/1.1\r\n" + String(repeating: "X: a\r\n", count: 200)
      case "many bytes":
        "\(start) HTTP/1.1\r\n"
          + String(repeating: "X: \(String(repeating: "a", count: 10_000))\r\n", count: 8)
      default: start + String(repeating: "a", count: 20_000)
      }
    #expect(try fixture.exchange(request + "\r\n\r\n").hasPrefix("HTTP/1.1 431 "))
  }

  @Test("cannot put a line into a head through the target or a field")
  func noInjection() throws {
    let server = try LoopbackServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    _ = try fixture.exchange(
      "GET http://127.0.0.1:\(server.port)/%0d%0aX-Injected:%201 HTTP/1.1\r\nX-A: b%0d%0aX-Injected: 1\r\n\r\n"
    )
    _ = try fixture.exchange("GET http://127.0.0.1:\(server.port)/\rX-Injected:1 HTTP/1.1\r\n\r\n")
    _ = try fixture.exchange("GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nX-A: b\rX-Injected: 1\r\n\r\n")
    _ = try fixture.exchange(
      "GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nX-A: b\r\n X-Injected: 1\r\n\r\n")
    for head in server.notedHeads {
      let lines = head.components(separatedBy: .newlines)
      #expect(!lines.contains { $0.hasPrefix("X-Injected") || $0.hasPrefix(" X-Injected") }, "\(head)")
    }
  }

  @Test("of every kind leave the proxy alive and serving")
  func noise() throws {
    let server = try LoopbackServer { peer, _ in try peer.send("alive") }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    var generator = SplitMix(state: 0x9e37_79b9)
    let seeds = [
      "CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\nHost: a\r\n\r\nxyz",
      "POST http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\n\r\n",
      "GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
    ].map { Array($0.utf8) }
    for round in 0..<300 {
      var bytes = seeds[round % seeds.count]
      for _ in 0...Int(generator.next() % 6) {
        let position = Int(generator.next() % UInt64(bytes.count))
        switch generator.next() % 3 {
        case 0: bytes[position] = UInt8(truncatingIfNeeded: generator.next())
        case 1: bytes.removeSubrange(position..<min(bytes.count, position + 3))
        default: bytes.insert(contentsOf: [13, 10], at: position)
        }
        if bytes.isEmpty { bytes = [0] }
      }
      let client = try Peer(connectingTo: fixture.port)
      // The proxy may cut a connection short, which is its right.
      try? client.send(bytes)
      client.finishSending()
      _ = try? client.receiveToEnd()
      client.close()
    }
    let client = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    #expect(try client.receiveTextToEnd() == "alive")
    client.close()
  }

  @Test("that trickle in are cut off by the head's time limit")
  func slowHead() throws {
    var limits = EgressLimits.standard
    limits.headTimeoutMilliseconds = 50
    let fixture = try ProxyFixture(policy: .registries, limits: limits)
    #expect(try fixture.exchange("GET http://pypi.org/ HT").hasPrefix("HTTP/1.1 408 "))
  }

  @Test("from more connections than allowed wait their turn")
  func connectionLimit() throws {
    let server = try LoopbackServer { peer, _ in try peer.send(try peer.receive(through: "\n")) }
    var limits = EgressLimits.standard
    limits.maximumConnections = 2
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1", limits: limits)
    let first = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    let second = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    let third = try Peer(connectingTo: fixture.port)
    try third.send("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\n\r\nthird\n")
    try second.send("second\n")
    #expect(try second.receiveTextToEnd() == "second\n")
    #expect(server.connectionCount == 2)
    second.close()
    #expect(try third.receiveTextToEnd().hasSuffix("third\n"))
    for peer in [first, third] { peer.close() }
  }

  @Test("an idle tunnel is closed")
  func idleTunnel() throws {
    let server = try LoopbackServer { peer, _ in _ = try peer.receiveToEnd() }
    var limits = EgressLimits.standard
    limits.idleTimeoutMilliseconds = 100
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1", limits: limits)
    let client = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    #expect(try client.receiveToEnd().isEmpty)
    client.close()
    #expect(try fixture.onlyRecord().failure == .idle)
  }
}

/// A small deterministic generator, so that a failing round can be repeated.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
