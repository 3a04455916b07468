import Glibc
import Testing

@testable import Sandbox

@Suite("Whether a sandbox can have a connection of TCP")
struct ConnectionsTests {
  private func areNone(_ listening: Int, _ connected: Int, then: Int?, now: Int?) -> Bool {
    var connections = Connections(ofProcess: 0)
    connections.take(listening: listening, connected: connected, then)
    return connections.areNone(now)
  }

  @Test("is no where all sockets listened a moment ago and there are as many")
  func none() {
    #expect(areNone(2, 0, then: 2, now: 2))
    #expect(!areNone(2, 0, then: 2, now: 3) && !areNone(2, 0, then: 2, now: 1))
    #expect(!areNone(2, 0, then: 2, now: nil))
  }

  @Test("is yes where one was connected, where many listen, and where the kernel counts nothing")
  func some() {
    #expect(!areNone(1, 1, then: 2, now: 2))
    #expect(!areNone(9, 0, then: 9, now: 9))
    #expect(!areNone(1, 0, then: nil, now: nil))
    let fresh = Connections(ofProcess: 0)
    let (isNone, inUse) = (fresh.areNone(0), fresh.inUse)
    #expect(!isNone && inUse == nil)
  }

  @Test("is read from the kernel's counters")
  func counters() {
    let text = "sockets: used 28\nTCP: inuse 12 orphan 0 tw 3 alloc 14 mem 196\nUDP: inuse 4 mem 0\n"
    #expect(Connections.inUse(text) == 12)
    #expect(Connections.inUse("TCP6: inuse 2\nUDP6: inuse 1\n") == 2)
    #expect(Connections.inUse("UDP: inuse 4 mem 0\n") == nil)
    let own = Connections(ofProcess: getpid()).inUse
    #expect(own != nil)
  }
}
