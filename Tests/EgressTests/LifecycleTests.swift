import Foundation
import Testing

@testable import Egress

@Suite("Starting and ending the proxy", .timeLimit(.minutes(10)))
struct LifecycleTests {
  @Test("shutdown closes the socket and every connection, and can be called again")
  func shutdown() throws {
    let server = try LoopbackServer { peer, _ in _ = try peer.receiveToEnd() }
    let fixture = try ProxyFixture(allow: "allow:127.0.0.1")
    let client = try fixture.tunnel(to: "127.0.0.1:\(server.port)")
    #expect(fixture.proxy.shutdown())
    #expect(fixture.proxy.shutdown())
    #expect((try? client.receiveToEnd())?.isEmpty ?? true)
    #expect(throws: PeerError.self) { try Peer(connectingTo: fixture.port) }
    client.close()
  }

  @Test("a descriptor that is no listening socket is refused with a reason, and closed")
  func badDescriptor() throws {
    let datagram = try Peer.bound(SOCK_DGRAM).descriptor
    let unconnected = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    let file = unsafe open("/dev/null", O_RDONLY)
    for descriptor in [datagram, unconnected, file, -1] {
      let error = #expect(throws: EgressStartError.self) {
        try EgressProxy.start(listeningSocket: descriptor, policy: .none, recorder: EgressRecorder())
      }
      #expect(error?.description.contains("TCP and listening") == true)
    }
    let stream = try Peer.bound().descriptor
    #expect(throws: EgressStartError.self) {
      try NameResponder.start(socket: stream, recorder: EgressRecorder())
    }
  }

  @Test(
    "serves a socket that was made in another network namespace, and connects from its own",
    .enabled(if: getuid() == 0, "needs root to make a network namespace on a thread of its own"))
  func otherNamespaceAsRoot() throws {
    let server = try LoopbackServer { peer, _ in try peer.send("from outside") }
    let namespace = try ForeignNamespace()
    defer { namespace.end() }
    let (descriptor, port) = try namespace.run { try Peer.bound() }
    let recorder = EgressRecorder(phase: "install")
    let proxy = try EgressProxy.start(
      listeningSocket: descriptor, policy: EgressPolicy.parse("allow:127.0.0.1"), recorder: recorder)
    #expect(throws: PeerError.self, "the namespace has no way to the server but the proxy") {
      try namespace.run { try Peer(connectingTo: server.port) }
    }
    let client = try namespace.run { try Peer(connectingTo: port) }
    try client.send("CONNECT 127.0.0.1:\(server.port) HTTP/1.1\r\n\r\n")
    #expect(try client.receiveTextToEnd().hasSuffix("\r\n\r\nfrom outside"))
    client.close()
    #expect(proxy.shutdown())
  }
}
