import Testing

@testable import Isolate

@Suite("The destination of a mount")
struct MountDestinationTests {
  @Test(
    "is taken from the root, without detours, and never above it",
    arguments: [
      ("proc", "/proc"), ("/dev/", "/dev"), ("//a///b", "/a/b"), ("/a/./b/.", "/a/b"), ("/a/../b", "/b"),
      ("/../../etc", "/etc"), ("../x", "/x"), ("a/../..", "/"), ("", "/"), ("//", "/"),
      ("/a..b/...//", "/a..b/..."),
      ("/a/../\u{301}b", "/\u{301}b"), ("/\u{301}/..", "/"),
    ])
  func shortened(_ given: String, short: String) {
    let found = MountDestination.shortened(given)
    #expect(found.map { Array($0.utf8) } == Array(short.utf8))
    #expect(MountDestination.shortened(short) == nil)
  }

  @Test("stays as it is where it is plain", arguments: ["/", "/proc", "/a..b", "/a.b/c.", "/dev/pts"])
  func plain(_ path: String) { #expect(MountDestination.shortened(path) == nil) }

  @Test("is warned about where it is relative, and only there")
  func warning() {
    var spec = RuntimeSpec.standard()
    let count = spec.mounts.count
    spec.mounts.append(.init(destination: "a", type: "tmpfs"))
    spec.mounts.append(.init(destination: "/b/../c/", type: "tmpfs"))
    var warnings: [String] = []
    let plain = spec.withPlainDestinations(rootPath: "/rootfs", &warnings)
    #expect(plain.mounts.dropFirst(count).map(\.destination) == ["/a", "/c"])
    #expect(warnings.count == 1 && warnings[0].hasPrefix("config.json: mounts[\(count)].destination: \"a\" "))
  }
}
