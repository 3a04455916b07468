import Foundation
import Testing

@testable import Egress

@Suite("Plain HTTP through the proxy", .timeLimit(.minutes(10)))
struct PlainHTTPTests {
  @Test("is rewritten to origin form with the target's Host, and without hop-by-hop fields")
  func rewritten() throws {
    let server = try LoopbackServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    let fixture = try ProxyFixture(allow: "allow:registry.test", resolver: loopbackNames("registry.test"))
    let answer = try fixture.exchange(
      """
      GET http://Registry.Test:\(server.port)/simple/?q=1#part HTTP/1.1\r
      Host: evil.example\r
      Proxy-Connection: keep-alive\r
      Proxy-Authorization: Basic c2VjcmV0\r
      Connection: X-Private, keep-alive\r
      X-Private: 1\r
      Accept: */*\r
      \r

      """)
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n") && answer.hasSuffix("\r\n\r\nok"))
    #expect(answer.contains("Connection: close\r\n"))
    let head = try #require(server.notedHeads.first)
    #expect(head.hasPrefix("GET /simple/?q=1 HTTP/1.1\r\n"))
    #expect(head.contains("Host: registry.test:\(server.port)\r\n") && head.contains("Accept: */*\r\n"))
    #expect(head.contains("Connection: close\r\n"))
    for absent in ["evil.example", "Proxy-", "X-Private", "#part", "secret"] {
      #expect(!head.contains(absent))
    }
    #expect(try fixture.onlyRecord().host == "registry.test")
  }

  @Test("streams a request body with a length, and one in chunks", arguments: [true, false])
  func requestBody(isChunked: Bool) throws {
    let server = try LoopbackServer { peer, server in
      server.note(try peer.receive(through: "\r\n\r\n"))
      let body =
        isChunked
        ? try peer.receive(through: "0\r\n\r\n")
        : String(decoding: try peer.receive(count: 10), as: UTF8.self)
      try peer.send("HTTP/1.1 201 Created\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: 10"
    let body = isChunked ? "4\r\nabcd\r\n6\r\nefghij\r\n0\r\n\r\n" : "abcdefghij"
    let answer = try fixture.exchange(
      "POST http://127.0.0.1:\(server.port)/ HTTP/1.1\r\n\(framing)\r\n\r\n\(body)")
    #expect(answer.hasPrefix("HTTP/1.1 201 Created\r\n"))
    #expect(answer.contains("abcd") && answer.contains("efghij"))
    #expect(try fixture.onlyRecord().bytesSent == 10)
  }

  @Test("streams a response in chunks, until the end of the connection, and to an HTTP/1.0 client")
  func responseBodies() throws {
    let chunked = try LoopbackServer.answering(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    let unframed = try LoopbackServer.answering("HTTP/1.1 200 OK\r\n\r\nabc")
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let first = try fixture.exchange("GET http://127.0.0.1:\(chunked.port)/ HTTP/1.1\r\n\r\n")
    #expect(
      first.contains("Transfer-Encoding: chunked\r\n") && first.hasSuffix("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
    let second = try fixture.exchange("GET http://127.0.0.1:\(chunked.port)/ HTTP/1.0\r\n\r\n")
    #expect(!second.lowercased().contains("transfer-encoding") && second.hasSuffix("\r\n\r\nabc"))
    #expect(second.hasPrefix("HTTP/1.0 200 "))
    let third = try fixture.exchange("GET http://127.0.0.1:\(unframed.port)/ HTTP/1.1\r\n\r\n")
    #expect(third.hasSuffix("\r\n\r\nabc"))
  }

  @Test("sends no body after HEAD, 204 and 304")
  func bodiless() throws {
    let head = try LoopbackServer.answering("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
    let chunked = try LoopbackServer.answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    let notModified = try LoopbackServer.answering("HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n")
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let first = try fixture.exchange("HEAD http://127.0.0.1:\(head.port)/ HTTP/1.1\r\n\r\n")
    #expect(first.contains("Content-Length: 99\r\n") && first.hasSuffix("\r\n\r\n"))
    let second = try fixture.exchange("HEAD http://127.0.0.1:\(chunked.port)/ HTTP/1.1\r\n\r\n")
    #expect(
      second.hasPrefix("HTTP/1.1 200 ") && second.hasSuffix("\r\n\r\n") && !second.contains("0\r\n\r\n\r\n"))
    let third = try fixture.exchange("GET http://127.0.0.1:\(notModified.port)/ HTTP/1.1\r\n\r\n")
    #expect(third.hasPrefix("HTTP/1.1 304 ") && third.hasSuffix("\r\n\r\n"))
  }

  @Test("passes an interim 100 on before the final answer")
  func interimResponse() throws {
    let server = try LoopbackServer { peer, _ in
      _ = try peer.receive(through: "\r\n\r\n")
      try peer.send("HTTP/1.1 100 Continue\r\n\r\n")
      let body = try peer.receive(count: 4)
      try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + String(decoding: body, as: UTF8.self))
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let client = try Peer(connectingTo: fixture.port)
    try client.send(
      "PUT http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
    #expect(try client.receive(through: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
    try client.send("body")
    #expect(try client.receiveTextToEnd().hasSuffix("\r\n\r\nbody"))
    client.close()
  }

  @Test("serves one request per connection: a second one in the same breath reaches nobody")
  func pipelinedRequestIsNotForwarded() throws {
    let server = try LoopbackServer { peer, server in
      let first = try peer.receive(through: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
      server.note(first + (try peer.receiveTextToEnd()))
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let request = "GET http://127.0.0.1:\(server.port)/"
    let answer = try fixture.exchange(
      "\(request)one HTTP/1.1\r\n\r\n\(request)two HTTP/1.1\r\nContent-Length: 39\r\n\r\n"
        + "GET http://denied.test/ HTTP/1.1\r\nA: b\r\n" + "GET http://denied.test/ HTTP/1.1\r\n\r\n")
    #expect(answer.components(separatedBy: "HTTP/1.1 ").count == 2)
    while server.notedHeads.isEmpty { sched_yield() }
    #expect(server.notedHeads.allSatisfy { !$0.contains("two") && !$0.contains("denied") })
    #expect(server.connectionCount == 1)
    #expect(try fixture.onlyRecord().count == 1)
  }

  @Test("answers 502 to a server that breaks off or does not speak HTTP, and says so in the record")
  func brokenServers() throws {
    let silent = try LoopbackServer { peer, _ in _ = try peer.receive() }
    let garbage = try LoopbackServer.answering("SSH-2.0-OpenSSH\r\n\r\n")
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    for server in [silent, garbage] {
      let answer = try fixture.exchange("GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\n\r\n")
      #expect(answer.hasPrefix("HTTP/1.1 502 "), "\(answer)")
    }
    #expect(fixture.recorder.snapshot.map(\.failure) == [.interrupted, .badResponse])
  }

  @Test("cuts the client off when the server breaks off in the middle of a body")
  func truncatedBody() throws {
    let server = try LoopbackServer { peer, _ in
      _ = try peer.receive(through: "\r\n\r\n")
      try peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let answer = try fixture.exchange("GET http://127.0.0.1:\(server.port)/ HTTP/1.1\r\n\r\n")
    #expect(!answer.hasSuffix("0\r\n\r\n"), "a truncated body must not look complete")
    #expect(try fixture.onlyRecord().failure == .interrupted)
  }

  @Test("passes 20 MB in each direction")
  func largeBodies() throws {
    let size = 20 << 20
    let server = try LoopbackServer { peer, _ in
      _ = try peer.receive(through: "\r\n\r\n")
      let body = try peer.receive(count: size)
      try peer.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n")
      try peer.send(body)
    }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    // Made before the connection, which would else be silent for that time.
    let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let client = try Peer(connectingTo: fixture.port)
    try client.send("POST http://127.0.0.1:\(server.port)/ HTTP/1.1\r\nContent-Length: \(size)\r\n\r\n")
    try client.send(body)
    _ = try client.receive(through: "\r\n\r\n")
    #expect(try client.receiveToEnd() == body)
    client.close()
    let record = try fixture.onlyRecord()
    #expect(record.bytesSent == size && record.bytesReceived == size)
  }
}
