import Formats
import TestSupport
import Testing

@testable import Bench

@Suite("Peers")
struct PeerSearchTests {
  private func directory() throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    for name in ["crun", "bwrap"] { try directory.write("#!/bin/sh\n", to: name, mode: 0o755) }
    return directory
  }

  @Test("are looked for on PATH; those that are not there are told, not dropped")
  func all() throws {
    let directory = try directory()
    let peers = try PeerSearch(searchPath: directory.path).peers("all")
    #expect(peers.map(\.kind) == [.bubblewrap, .crun, .runc, .podman, .unshare])
    #expect(
      peers.filter { $0.failure == nil }.map(\.program) == [directory.path("bwrap"), directory.path("crun")])
    #expect(peers[2].failure == "not installed: no runc on PATH")
  }

  @Test("are named by their names or their programs' names, with a path where that is given")
  func named() throws {
    let directory = try directory()
    let search = PeerSearch(searchPath: directory.path)
    #expect(try search.peers("none").isEmpty)
    #expect(try search.peers("bwrap").map(\.kind) == [.bubblewrap])
    #expect(try search.peers("runc=\(directory.path("crun"))").map(\.program) == [directory.path("crun")])
    #expect(try search.peers("runc=/none").first?.failure == "/none: No such file or directory")
    for wrong in ["docker", "", "crun,", "crun,crun", "crun,all"] {
      #expect(throws: Failure.self) { try search.peers(wrong) }
    }
  }
}
