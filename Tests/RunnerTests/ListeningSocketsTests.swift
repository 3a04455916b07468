import Analysis
import Glibc
import Isolate
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

@Suite("Sockets that the kernel is asked for")
struct AskedSocketsTests {
  /// A socket that listens on a free port.
  private final class Listener {
    let socket: OwnedDescriptor
    let port: Int

    init(_ family: Int32) throws {
      let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
      let number = Glibc.socket(family, kind, 0)
      socket = OwnedDescriptor(owning: number)
      var address = sockaddr_storage()
      var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let isListening = listen(number, 1) == 0
      let result = unsafe withUnsafeMutablePointer(to: &address) { place in
        unsafe getsockname(
          number, UnsafeMutableRawPointer(place).assumingMemoryBound(to: sockaddr.self), &size)
      }
      port = unsafe withUnsafeBytes(of: address) { unsafe Int($0[2]) << 8 | Int($0[3]) }
      try #require(isListening && result == 0)
    }
  }

  @Test(
    "the kernel's answer has what its table has: addresses, ports and inodes of those that listen, and no others"
  )
  func answer() throws {
    let (four, six) = (try Listener(AF_INET), try Listener(AF_INET6))
    let (port4, port6) = (four.port, six.port)
    // SOCK_RAW, NETLINK_SOCK_DIAG (sock_diag(7))
    let table = OwnedDescriptor(owning: socket(AF_NETLINK, 3, 4))
    try #require(table.number >= 0)
    func own(_ rows: [(UInt64, ListeningSocket)]) -> [String] {
      rows.filter { [port4, port6].contains($0.1.port) }
        .map { "\($0.0) \($0.1.protocol) \($0.1.address) \($0.1.port)" }.sorted()
    }
    let asked = own(try #require(ListeningSockets.ask(table.number)))
    #expect(asked == own(ListeningSockets.rows(below: "/proc/net")))
    #expect(asked.contains { $0.hasSuffix(" tcp 0.0.0.0 \(port4)") })
    #expect(asked.contains { $0.hasSuffix(" tcp6 :: \(port6)") })
    withExtendedLifetime((four, six)) {}
  }

  @Test("what is no such socket gives no answer, not an empty one")
  func wrong() throws {
    #expect(ListeningSockets.ask(-1) == nil)
    let file = OwnedDescriptor(owning: unsafe open("/dev/null", O_RDONLY | O_CLOEXEC))
    #expect(ListeningSockets.ask(file.number) == nil)
  }
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
