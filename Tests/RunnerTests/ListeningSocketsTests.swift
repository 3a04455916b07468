import Analysis
import Testing

@testable import Sandbox

@Suite("The kernel's table of sockets")
struct ListeningSocketsTests {
  private let head =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

  @Test("listening IPv4 sockets are read, others are not")
  func version4() {
    let table =
      head + """
           0: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 41 1 0 100 0 0 10 0
           1: 0100007F:0C38 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 42 1 0 100 0 0 10 0
           2: 0100007F:1F90 0100007F:D2F0 01 00000000:00000000 00:00000000 00000000  1000        0 43 1 0 20 4 30 10 -1
           3: 0100007F:D2F0 0100007F:1F90 06 00000000:00000000 03:00001770 00000000     0        0 0 3 0

        """
    let sockets = ListeningSockets.parse(table, protocol: "tcp")
    #expect(sockets.map(\.0) == [41, 42])
    #expect(
      sockets.map(\.1) == [
        ListeningSocket(address: "0.0.0.0", port: 8080, protocol: "tcp"),
        ListeningSocket(address: "127.0.0.1", port: 3128, protocol: "tcp"),
      ])
  }

  @Test("IPv6 addresses are written as people write them")
  func version6() {
    let tail =
      ":1F90 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 7 1 0"
    for (word, address) in [
      ("00000000000000000000000000000000", "::"), ("00000000000000000000000001000000", "::1"),
      ("0000000000000000FFFF00000100007F", "::ffff:127.0.0.1"),
      ("B80D0120000000000000000001000000", "2001:db8::1"),
    ] {
      let sockets = ListeningSockets.parse("\(head) 0: \(word)\(tail)\n", protocol: "tcp6")
      #expect(sockets.map(\.1.address) == [address])
    }
  }

  @Test(
    "what is no table gives no sockets",
    arguments: [
      "", "\n\n", "a b c\n1 2 3\n", "head\n 0: zz:1F90 0:0 0A 0 0 0 0 0 7 1\n",
      "head\n 0: 00000000 0:0 0A 0 0 0 0 0 7 1\n",
      "head\n 0: 00000000:1F90 0:0 0A 0 0 0 0 0 x 1\n",
      "head\n 0: 000000000000:1F90 0:0 0A 0 0 0 0 0 7 1\n",
    ])
  func noise(table: String) { #expect(ListeningSockets.parse(table, protocol: "tcp").isEmpty) }
}

@Suite("The answer to a probe")
struct HTTPAnswerTests {
  @Test(
    "the status is read from an HTTP/1 response only",
    arguments: [
      ("HTTP/1.1 200 OK\r\n\r\n", 200), ("HTTP/1.0 503 \r\n", 503), ("HTTP/1.1 404\r\n", 404),
      ("HTTP/1.1 20", nil),
      ("HTTP/1.1 2x0 OK", nil), ("HTTP/2 200 OK ", nil), ("SSH-2.0-OpenSSH_9.2", nil), ("", nil),
      ("HTTP/1.1200 OK", nil),
      ("http/1.1 200 OK", nil),
    ] as [(String, Int?)])
  func status(response: String, status: Int?) {
    #expect(HTTPProbe.status(in: Array(response.utf8)) == status)
  }

  @Test(
    "the body begins after the first empty line",
    arguments: [
      ("HTTP/1.1 200 OK\r\nA: b\r\n\r\nfirst\r\n\r\nsecond", "first\r\n\r\nsecond"),
      ("HTTP/1.1 200 OK\r\n\r\n", ""),
      ("HTTP/1.1 200 OK\r\nA: b", ""), ("", ""), ("\r\n\r\n", ""), ("\r\n", ""),
    ])
  func body(response: String, body: String) {
    #expect(String(decoding: HTTPProbe.body(in: Array(response.utf8)), as: UTF8.self) == body)
  }
}
