import Foundation
import Testing

@testable import Egress

@Suite("What the policy denies", .timeLimit(.minutes(10)))
struct DenialTests {
  @Test("gets 403 with one line that names host and remedy, and is recorded", arguments: ["CONNECT", "GET"])
  func denied(method: String) throws {
    let fixture = try ProxyFixture(policy: .registries)
    let target = method == "GET" ? "http://evil.example:8080/x" : "evil.example:8080"
    let answer = try fixture.exchange("\(method) \(target) HTTP/1.1\r\nHost: pypi.org\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 403 "))
    let body = try #require(answer.components(separatedBy: "\r\n\r\n").last)
    #expect(body.hasSuffix("\n") && body.filter(\.isNewline).count == 1)
    #expect(body.contains("evil.example:8080"))
    #expect(body.contains("--network registries,allow:evil.example:8080"))
    let record = try fixture.onlyRecord()
    #expect(record.host == "evil.example" && record.port == 8080 && !record.allowed && record.count == 1)
  }

  @Test("never reaches a server, whatever the Host header claims")
  func hostHeaderDoesNotCount() throws {
    let server = try LoopbackServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    let fixture = try ProxyFixture(
      allow: "allow:good.test", resolver: loopbackNames("good.test", "bad.test"))
    let answer = try fixture.exchange(
      "GET http://bad.test:\(server.port)/ HTTP/1.1\r\nHost: good.test:\(server.port)\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 403 "))
    #expect(server.connectionCount == 0)
  }

  @Test("is the other port of a host that is allowed on one")
  func otherPort() throws {
    let fixture = try ProxyFixture(allow: "allow:good.test:443", resolver: loopbackNames("good.test"))
    #expect(try fixture.exchange("CONNECT good.test:22 HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 403 "))
  }

  @Test(
    "is an address, in whatever spelling, that stands for an allowed name",
    arguments: ["127.0.0.1", "[::1]", "2130706433", "0x7f000001", "127.1", "[::ffff:127.0.0.1]", "0"])
  func literals(host: String) throws {
    let server = try LoopbackServer.answering("HTTP/1.1 200 OK\r\n\r\n")
    let fixture = try ProxyFixture(policy: .registries.adding([EgressPolicy.entry("good.test")]))
    let answer = try fixture.exchange("CONNECT \(host):\(server.port) HTTP/1.1\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 403 ") || answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
    #expect(server.connectionCount == 0)
  }

  @Test("lets a client that is still sending a body read the answer")
  func deniedUpload() throws {
    let fixture = try ProxyFixture(policy: .none)
    let client = try Peer(connectingTo: fixture.port)
    try client.send("POST http://evil.example/ HTTP/1.1\r\nContent-Length: 4000000\r\n\r\n")
    try client.send(Array(repeating: 65, count: 4_000_000))
    client.finishSending()
    #expect(try client.receiveTextToEnd().contains("--network allow:evil.example"))
    client.close()
  }

  @Test(
    "of the rebinding kind: a registry's name that leads to this machine is refused, and counted as denied",
    arguments: [
      "127.0.0.1", "127.8.8.8", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1", "fd00:ec2::254",
      "::ffff:127.0.0.1", "64:ff9b::7f00:1", "203.0.113.9",
    ])
  func rebinding(address: String) throws {
    let resolver = HostResolver.fixed(["pypi.org": [address]], own: ["203.0.113.9"])
    let fixture = try ProxyFixture(policy: .registries, resolver: resolver)
    let answer = try fixture.exchange("CONNECT pypi.org:443 HTTP/1.1\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 403 ") && answer.contains("leads to this machine"), "\(answer)")
    let record = try fixture.onlyRecord()
    #expect(!record.allowed && record.failure == .addressForbidden && record.count == 1)
  }

  @Test("of the rebinding kind also covers a wildcard of the user's, but not a host the user named")
  func rebindingExplicit() throws {
    let server = try LoopbackServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    let resolver = loopbackNames("a.corp.test", "mirror.test")
    let fixture = try ProxyFixture(allow: "allow:*.corp.test,mirror.test", resolver: resolver)
    let refused = try fixture.exchange("GET http://a.corp.test:\(server.port)/ HTTP/1.1\r\n\r\n")
    #expect(refused.hasPrefix("HTTP/1.1 403 ") && server.connectionCount == 0)
    let served = try fixture.exchange("GET http://mirror.test:\(server.port)/ HTTP/1.1\r\n\r\n")
    #expect(served.hasSuffix("ok"))
  }

  @Test("resolves a name once and connects to what was verified")
  func resolvesOnce() throws {
    let server = try LoopbackServer { peer, _ in try peer.send("x") }
    let calls = Counter()
    let resolver = HostResolver { (_: String) throws(HostLookupError) -> [IPAddress] in
      // The second answer of a rebinding name server would be the dangerous one.
      calls.increment() == 1 ? [IPAddress("127.0.0.1")].compactMap { $0 } : []
    }
    let fixture = try ProxyFixture(allow: "allow:once.test", resolver: resolver)
    let client = try fixture.tunnel(to: "once.test:\(server.port)")
    #expect(try client.receiveTextToEnd() == "x")
    client.close()
    #expect(calls.value == 1)
  }
}
