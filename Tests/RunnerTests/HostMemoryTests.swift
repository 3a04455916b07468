import Glibc
import Isolate
import Testing

@testable import Sandbox

@Suite("The host's memory")
struct HostMemoryTests {
  @Test("what it has lost is what is no longer available or what is shared more, whichever tells of more")
  func lost() {
    let then = HostMemory(available: 1000, shared: 50)
    #expect(HostMemory(available: 900, shared: 60).lost(since: then) == 100)
    // Pages that a processor kept for itself were still counted as available when they had long been taken.
    #expect(HostMemory(available: 990, shared: 350).lost(since: then) == 300)
    #expect(HostMemory(available: 1100, shared: 20).lost(since: then) < 0)
    #expect(HostMemory().lost(since: then) == 0 && then.lost(since: HostMemory()) == 0)
    #expect(HostMemory(available: 900).lost(since: then) == 100)
  }

  @Test("a file in memory shows at once")
  func memoryFile() throws {
    let block = [UInt8](repeating: 1, count: 1 << 20)
    // Others may give some back meanwhile.
    let isSeen = (0..<10).contains { _ in
      let before = HostMemory.now
      var name = Array("/dev/shm/host-memory-XXXXXX".utf8CString)
      let file = OwnedDescriptor(owning: unsafe mkstemp(&name))
      _ = unsafe unlink(name)
      for _ in 0..<32 { _ = unsafe write(file.number, block, block.count) }
      let lost = HostMemory.now.lost(since: before)
      return file.number >= 0 && lost >= 31 << 20
    }
    #expect(isSeen)
    let now = HostMemory.now
    #expect((now.available ?? 0) > 0 && (now.shared ?? 0) > 0)
  }
}
