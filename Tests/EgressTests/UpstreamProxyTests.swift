import Foundation
import Testing

@testable import Egress

@Suite("The upstream proxy of the environment", .timeLimit(.minutes(10)))
struct UpstreamProxyTests {
  @Test("is read with the lower case first, ALL_PROXY last, and an empty value as none")
  func variables() throws {
    let both = try UpstreamProxy(environment: [
      "https_proxy": "http://lower.test:1/", "HTTPS_PROXY": "http://upper.test:2", "ALL_PROXY": "all.test",
    ])
    #expect(both.forTunnels?.description == "lower.test:1")
    #expect(both.forPlainHTTP?.description == "all.test:1080")
    let none = try UpstreamProxy(environment: ["https_proxy": "", "HTTPS_PROXY": "http://a.test:1"])
    #expect(none.forTunnels == nil && none.forPlainHTTP == nil)
  }

  @Test("carries decoded credentials as Basic authorization, and never shows them")
  func credentials() throws {
    let proxy = try UpstreamProxy(environment: ["HTTPS_PROXY": "http://us%40er:p%3Aw%2F@[::1]:3128"])
    let endpoint = try #require(proxy.forTunnels)
    #expect(endpoint.authorization == "Basic " + Data("us@er:p:w/".utf8).base64EncodedString())
    #expect(endpoint.description == "[::1]:3128")
  }

  @Test(
    "is refused without repeating its value when it is not an http URL",
    arguments: [
      "socks5://u:secret@a.test:1", "https://u:secret@a.test", "http://u:secret@",
      "http://u:%zzsecret@a.test", "http://a.test:secret",
    ])
  func unusable(value: String) {
    let error = #expect(throws: UpstreamProxyError.self) {
      try UpstreamProxy(environment: ["HTTPS_PROXY": value])
    }
    #expect(error?.description.contains("HTTPS_PROXY") == true)
    #expect(error?.description.contains("secret") == false)
  }

  @Test(
    "is left out for what NO_PROXY covers",
    arguments: [
      ("*", "a.test", 1, true), ("a.test", "a.test", 1, true), ("a.test", "b.a.test", 1, true),
      (".a.test", "b.a.test", 1, true), (".a.test", "a.test", 1, true), ("a.test", "xa.test", 1, false),
      ("A.Test.", "a.test", 1, true), ("x.test, a.test", "a.test", 1, true),
      ("x.test a.test", "a.test", 1, true),
      ("a.test:8080", "a.test", 8080, true), ("a.test:8080", "a.test", 80, false),
      ("10.0.0.0/8", "10.9.9.9", 1, true), ("10.0.0.0/8", "11.0.0.1", 1, false),
      ("192.168.128.0/17", "192.168.127.1", 1, false), ("192.168.128.0/17", "192.168.200.1", 1, true),
      ("127.0.0.1", "127.0.0.1", 1, true), ("[::1]", "::1", 1, true), ("fe80::/10", "febf::1", 1, true),
      ("fe80::/10", "fec0::1", 1, false), ("10.0.0.0/33", "10.0.0.1", 1, false), ("", "a.test", 1, false),
      ("*.a.test", "b.a.test", 1, true), ("10.0.0.0/8", "a.test", 1, false), ("*x", "a.test", 1, false),
    ])
  func noProxy(list: String, host: String, port: Int, isCovered: Bool) throws {
    #expect(NoProxyList(list).covers(host: try #require(HostName(host)), port: port) == isCovered)
  }

  private func environment(_ server: LoopbackServer, noProxy: String = "") throws -> UpstreamProxy {
    let url = "http://user:pass@127.0.0.1:\(server.port)"
    return try UpstreamProxy(environment: ["HTTPS_PROXY": url, "HTTP_PROXY": url, "NO_PROXY": noProxy])
  }

  @Test(
    "gets CONNECT with the credentials; what follows its answer at once is not lost, and the name is its to resolve"
  )
  func tunnel() throws {
    let server = try LoopbackServer { peer, server in
      server.note(try peer.receive(through: "\r\n\r\n"))
      try peer.send("HTTP/1.1 200 Fine\r\nX: y\r\n\r\nearly,")
      try peer.send(try peer.receive(through: "\n"))
    }
    let fixture = try ProxyFixture(allow: "allow:far.test", upstream: environment(server))
    let client = try fixture.tunnel(to: "far.test:443")
    try client.send("late\n")
    #expect(try client.receiveTextToEnd() == "early,late\n")
    client.close()
    let head = try #require(server.notedHeads.first)
    #expect(head.hasPrefix("CONNECT far.test:443 HTTP/1.1\r\nHost: far.test:443\r\n"))
    #expect(head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"))
  }

  @Test("gets plain HTTP in absolute form with the credentials")
  func plain() throws {
    let server = try LoopbackServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    let fixture = try ProxyFixture(allow: "allow:far.test", upstream: environment(server))
    #expect(try fixture.exchange("GET http://far.test/x HTTP/1.1\r\n\r\n").hasSuffix("ok"))
    let head = try #require(server.notedHeads.first)
    #expect(head.hasPrefix("GET http://far.test/x HTTP/1.1\r\n") && head.contains("Host: far.test\r\n"))
    #expect(head.contains("Proxy-Authorization: Basic dXNlcjpwYXNz\r\n"))
  }

  @Test("is not asked for a destination of NO_PROXY, nor for one the policy denies")
  func bypassed() throws {
    let proxy = try LoopbackServer { _, _ in }
    let server = try LoopbackServer { peer, _ in try peer.send("direct") }
    let fixture = try ProxyFixture(
      allow: "allow:near.test", upstream: environment(proxy, noProxy: "near.test"),
      resolver: loopbackNames("near.test"))
    let client = try fixture.tunnel(to: "near.test:\(server.port)")
    #expect(try client.receiveTextToEnd() == "direct")
    client.close()
    #expect(try fixture.exchange("CONNECT far.test:443 HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 403 "))
    #expect(proxy.connectionCount == 0)
  }

  @Test("that refuses, is silent, or is not there, is told apart from the destination")
  func failures() throws {
    let refusing = try LoopbackServer.answering("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
    let garbage = try LoopbackServer.answering("what?\r\n\r\n")
    let closing = try LoopbackServer { peer, _ in _ = try peer.receive(through: "\r\n\r\n") }
    let wanted: [(LoopbackServer, EgressFailure)] = [
      (refusing, .upstreamProxyRefused), (garbage, .badResponse), (closing, .interrupted),
    ]
    for (server, failure) in wanted {
      let fixture = try ProxyFixture(allow: "allow:far.test", upstream: environment(server))
      #expect(try fixture.exchange("CONNECT far.test:443 HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 502 "))
      #expect(try fixture.onlyRecord().failure == failure)
    }
    let plain = try ProxyFixture(allow: "allow:far.test", upstream: environment(refusing))
    let answer = try plain.exchange("GET http://far.test/ HTTP/1.1\r\n\r\n")
    #expect(answer.hasPrefix("HTTP/1.1 502 ") && !answer.contains("pass"))
    let url = "http://127.0.0.1:\(try Peer.unusedPort())"
    let absent = try ProxyFixture(
      allow: "allow:far.test", upstream: UpstreamProxy(environment: ["HTTPS_PROXY": url]))
    #expect(try absent.exchange("CONNECT far.test:443 HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 502 "))
    #expect(try absent.onlyRecord().failure == .upstreamProxyUnavailable)
  }
}
