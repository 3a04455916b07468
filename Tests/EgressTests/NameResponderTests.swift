import Foundation
import Testing

@testable import Egress

@Suite("The name responder", .timeLimit(.minutes(10)))
struct NameResponderTests {
  private struct Fixture {
    let recorder = EgressRecorder(phase: "start")
    let responder: NameResponder
    let client: Peer

    init(capacity: Int = 4096) throws {
      let (descriptor, port) = try Peer.bound(SOCK_DGRAM)
      responder = try NameResponder.start(socket: descriptor, recorder: recorder, capacity: capacity)
      client = try Peer(connectingTo: port, type: SOCK_DGRAM)
    }

    func ask(_ datagram: [UInt8]) throws -> [UInt8] {
      try client.send(datagram)
      return try client.receive()
    }
  }

  private static func query(_ name: String, type: UInt8 = 1) -> [UInt8] {
    let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    return [0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels + [0, 0, type, 0, 1]
  }

  @Test("answers A with an address of 198.18.0.0/15 that leads back to the name, stable and recorded")
  func address() throws {
    let fixture = try Fixture()
    let answer = try fixture.ask(Self.query("DB.Internal.test"))
    let question = Self.query("DB.Internal.test").dropFirst(12)
    #expect(answer[0..<12].elementsEqual([0xab, 0xcd, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]))
    #expect(answer[12..<12 + question.count].elementsEqual(question))
    let address = try #require(IPAddress(bytes: Array(answer.suffix(4))))
    #expect(address.isInside(network: try #require(IPAddress("198.18.0.0")), prefixLength: 15))
    #expect(fixture.responder.name(forSyntheticAddress: address.description) == "db.internal.test")
    #expect(fixture.responder.name(forSyntheticAddress: "::ffff:\(address)") == "db.internal.test")
    #expect(fixture.responder.name(forSyntheticAddress: "198.18.0.0") == nil)
    #expect(fixture.responder.name(forSyntheticAddress: "8.8.8.8") == nil)
    #expect(try fixture.ask(Self.query("db.internal.test")).suffix(4).elementsEqual(address.bytes))
    let other = try Fixture()
    #expect(try other.ask(Self.query("db.internal.test")).suffix(4).elementsEqual(address.bytes))
    #expect(
      fixture.recorder.snapshot == [
        EgressRecord(host: "db.internal.test", port: nil, phase: "start", allowed: false, count: 2)
      ])
    #expect(fixture.responder.shutdown() && other.responder.shutdown())
  }

  @Test("answers AAAA and other types with an empty NOERROR; A and AAAA together are one look-up")
  func otherTypes() throws {
    let fixture = try Fixture()
    for type: UInt8 in [1, 28, 15, 16, 65] {
      let answer = try fixture.ask(Self.query("a.test", type: type))
      #expect(answer[3] & 0x0f == 0 && answer[7] == (type == 1 ? 1 : 0))
    }
    _ = try fixture.ask(Self.query("only-six.test", type: 28))
    #expect(fixture.recorder.snapshot.map(\.host) == ["a.test", "only-six.test"])
    #expect(fixture.recorder.snapshot.map(\.count) == [1, 1])
  }

  @Test("keeps localhost on the machine and records neither it nor the name of an address")
  func localhost() throws {
    let fixture = try Fixture()
    #expect(try fixture.ask(Self.query("localhost")).suffix(4).elementsEqual([127, 0, 0, 1]))
    #expect(try fixture.ask(Self.query("x.localhost", type: 28)).suffix(1).elementsEqual([1]))
    _ = try fixture.ask(Self.query("1.0.0.127.in-addr.arpa", type: 12))
    #expect(fixture.recorder.snapshot.isEmpty)
  }

  @Test("fails the look-up of one name more than fit")
  func full() throws {
    let fixture = try Fixture(capacity: 2)
    for name in ["a.test", "b.test"] { #expect(try fixture.ask(Self.query(name))[3] & 0x0f == 0) }
    #expect(try fixture.ask(Self.query("c.test"))[3] & 0x0f == 2)
    #expect(try fixture.ask(Self.query("a.test"))[3] & 0x0f == 0)
  }

  @Test("answers a malformed question with FORMERR and another operation with NOTIMP")
  func malformed() throws {
    let fixture = try Fixture()
    let header: [UInt8] = [1, 2, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    let corpus: [[UInt8]] = [
      header, header + [3, 97], header + [63, 97, 0], header + [0xc0, 0x0c, 0, 1, 0, 1], header + [64],
      header + [1, 97, 0, 0, 1], header + [1, 97, 0, 0, 1, 0],
      header + (0..<130).flatMap { _ in [UInt8(1), 97] } + [0, 0, 1, 0, 1],
      [1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 2, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 97, 0, 0, 1, 0, 1],
    ]
    for datagram in corpus {
      let answer = try fixture.ask(datagram)
      #expect(answer.count == 12 && answer[0] == 1 && answer[1] == 2 && answer[3] & 0x0f == 1, "\(datagram)")
    }
    #expect(try fixture.ask([1, 2, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0])[3] & 0x0f == 4)
    #expect(fixture.recorder.snapshot.isEmpty)
  }

  @Test("says nothing to what is too short or an answer itself, and goes on after noise")
  func noise() throws {
    let fixture = try Fixture()
    for silent in [[1], [1, 2, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0], Array(repeating: 0xff, count: 600)]
      as [[UInt8]]
    {
      try fixture.client.send(silent)
      #expect(DNSReply.answer((try? DNSQuestion(silent)).map { _ in .drop } ?? .drop) == nil)
    }
    // The next answer belongs to the next question, so nothing was said before.
    #expect(try fixture.ask(Self.query("after.test")).first == 0xab)
    var generator = SplitMix(state: 7)
    let seed = Self.query("fuzz.example.test")
    for _ in 0..<20_000 {
      var bytes = seed
      for _ in 0...Int(generator.next() % 4) {
        bytes[Int(generator.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: generator.next())
      }
      bytes.removeLast(Int(generator.next() % 6))
      if let question = try? DNSQuestion(bytes) {
        #expect(question.name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f })
      }
    }
  }

  @Test("shows unprintable bytes of a name as numbers")
  func unprintable() throws {
    let question = try DNSQuestion([
      0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 4, 0x1b, 0x2e, 0x41, 0xff, 0, 0, 1, 0, 1,
    ])
    #expect(question.name == "\\027\\046a\\255")
  }
}
