import Formats
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("The image store")
struct StoreTestsAsAnyUser {
  /// A store, and an archive in a file.
  private struct Fixture: ~Copyable {
    let directory: TemporaryDirectory
    let store: ImageStore

    init() throws {
      let directory = try TemporaryDirectory()
      store = try ImageStore(path: directory.path("images"))
      self.directory = directory
    }

    func archive(_ name: String, _ build: (inout TarBuilder) -> Void) throws -> String {
      var tar = TarBuilder()
      build(&tar)
      try Data(tar.archive).write(to: URL(filePath: directory.path(name)))
      return directory.path(name)
    }

    func add(_ archive: String, _ name: String) throws -> ImageStore.Image {
      let reference = try ImageReference(name)
      _ = try ImageImporter(store).add(archive, name: reference)
      return try #require(try store.image(reference))
    }
  }

  @Test("keeps a layer once, whatever images have it, until none has and it is pruned")
  func shared() throws {
    let fixture = try Fixture()
    let archive = try fixture.archive("a.tar") { $0.file("f", "x") }
    let first = try fixture.add(archive, "localhost/first:1")
    let second = try fixture.add(archive, "localhost/second:1")
    #expect(first.layers == second.layers && first.configuration.config?.command == ["/bin/sh"])
    #expect(fixture.store.names("layers").count == 1)
    #expect(try fixture.store.remove(first.reference))
    #expect(try fixture.store.prune().layers == 0)
    #expect(try fixture.store.remove(second.reference))
    var lease = ImageStore.Lease()
    #expect(try fixture.store.hold(first.layers[0], with: &lease))
    #expect(try fixture.store.prune().layers == 0, "somebody uses it")
    _ = consume lease
    // Children that other tests of this process have just made hold a copy of the lock until they execute.
    var pruned = 0
    for _ in 0..<200 where pruned == 0 {
      pruned = try fixture.store.prune().layers
      if pruned == 0 { usleep(50_000) }
    }
    #expect(pruned == 1)
    #expect(fixture.store.names("layers") == [] && fixture.store.names("staging") == [])
  }

  @Test("removes images by how long they were not used, and by size")
  func pruned() throws {
    let fixture = try Fixture()
    for index in 0..<3 {
      let archive = try fixture.archive("\(index).tar") {
        $0.file("f\(index)", String(repeating: "x", count: 100_000))
      }
      let image = try fixture.add(archive, "localhost/image\(index)")
      var times = [timespec](
        repeating: timespec(tv_sec: time(nil) - 1000 * (index + 1), tv_nsec: 0), count: 2)
      let name = "\(fixture.directory.path("images"))/names/localhost%2Fimage\(index):latest"
      #expect(unsafe utimensat(AT_FDCWD, name, &times, 0) == 0, "\(image.reference)")
    }
    var options = ImageStore.PruneOptions()
    options.unusedForSeconds = 2500
    #expect(try fixture.store.prune(options).images.map(\.familiar) == ["localhost/image2:latest"])
    options = ImageStore.PruneOptions()
    options.sizeInBytes = 150_000
    #expect(try fixture.store.prune(options).images.map(\.familiar) == ["localhost/image1:latest"])
    #expect(try fixture.store.images().images.map(\.reference.familiar) == ["localhost/image0:latest"])
  }

  @Test("finds every change that was made to it, and nothing where there is none")
  func verified() throws {
    let fixture = try Fixture()
    let archive = try fixture.archive("a.tar") { tar in
      tar.folder("d", mode: 0o755)
      tar.file("d/f", "contents", mode: 0o400)
      tar.link("l", to: "d")
      tar.file(".wh.gone", "")
      tar.file("o/.wh..wh..opq", "")
    }
    let image = try fixture.add(archive, "localhost/it")
    #expect(try fixture.store.verify() == [])
    let tree = try #require(fixture.store.tree(of: image.layers[0]))
    let changes: [(String, () throws -> Void)] = [
      (
        "other contents",
        {
          _ = unsafe chmod("\(tree)/d/f", 0o600);
          try Data("contentz".utf8).write(to: URL(filePath: "\(tree)/d/f"));
          _ = unsafe chmod("\(tree)/d/f", 0o400)
        }
      ),
      (
        "bytes instead of",
        {
          _ = unsafe chmod("\(tree)/d/f", 0o600);
          try Data("short".utf8).write(to: URL(filePath: "\(tree)/d/f"));
          _ = unsafe chmod("\(tree)/d/f", 0o400)
        }
      ),
      ("the mode 777", { _ = unsafe chmod("\(tree)/d", 0o777) }),
      (
        "leads elsewhere",
        {
          _ = unsafe unlink("\(tree)/l"); _ = unsafe symlink("/etc", "\(tree)/l")
        }
      ),
      ("does not belong", { _ = unsafe symlink("/etc", "\(tree)/new") }),
      ("gone is missing", { _ = unsafe unlink("\(tree)/gone") }),
    ]
    var problems = 0
    for (words, change) in changes {
      try change()
      let found = try fixture.store.verify()
      #expect(found.contains { $0.contains(words) }, "\(words): \(found)")
      problems = max(problems, found.count)
    }
    #expect(problems == 5, "each stays until it is put right")
    let document = "\(fixture.directory.path("images"))/documents/\(image.digest.hex)"
    try Data("{}".utf8).write(to: URL(filePath: document))
    #expect(try fixture.store.verify().contains { $0.contains("is damaged") })
  }

  @Test("takes nothing of an archive that is refused, cut off or not what was announced")
  func refused() throws {
    let fixture = try Fixture()
    let whole = try fixture.archive("a.tar") { $0.file("f", String(repeating: "x", count: 10_000)) }
    let bytes = try Data(contentsOf: URL(filePath: whole))
    try bytes.prefix(5000).write(to: URL(filePath: fixture.directory.path("cut.tar")))
    let attack = try fixture.archive("attack.tar") { $0.file("../f", "x") }
    for path in [fixture.directory.path("cut.tar"), attack] {
      #expect(throws: Failure.self) {
        try ImageImporter(fixture.store).add(path, name: ImageReference("a"))
      }
    }
    let wrong = try #require(Digest("sha256:" + String(repeating: "0", count: 64)))
    #expect(throws: Failure.self) {
      try fixture.store.add(layer: wrong) { () throws(Failure) in try FileInput(path: whole) }
    }
    #expect(throws: Failure.self) {
      try fixture.store.add(
        layer: nil, blob: Descriptor(mediaType: nil, digest: wrong, size: Int64(bytes.count))
      ) {
        () throws(Failure) in try FileInput(path: whole)
      }
    }
    for folder in ["layers", "staging", "names"] { #expect(fixture.store.names(folder) == []) }
  }

  @Test("makes a layer once when many want it at the same time")
  func together() async throws {
    let fixture = try Fixture()
    let archive = try fixture.archive("a.tar") { tar in
      for index in 0..<300 { tar.file("d/\(index)", "\(index)") }
    }
    let layer = Digest(of: [UInt8](try Data(contentsOf: URL(filePath: archive))))
    let store = fixture.store
    let opened = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<6 {
        group.addTask {
          await withCheckedContinuation { continuation in
            Thread.detachNewThread {
              var count = 0
              _ = try? store.add(layer: layer) { () throws(Failure) in
                count += 1
                return try FileInput(path: archive)
              }
              continuation.resume(returning: count)
            }
          }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(opened == 1 && store.tree(of: layer) != nil && store.names("staging") == [])
  }

  @Test("refuses what grows too much when it is uncompressed", .needs(.gzip))
  func bomb() async throws {
    let fixture = try Fixture()
    let gzip = try #require(Program(onPath: "gzip"))
    let archive = try fixture.archive("a.tar") { $0.add("f", data: [UInt8](repeating: 0, count: 3 << 20)) }
    #expect(try await gzip.run(["-9", archive]).exitStatus == 0)
    var limits = ExtractionLimits()
    (limits.ratioFreeBytes, limits.ratio) = (1 << 20, 100)
    let store = try ImageStore(path: fixture.directory.path("images"), limits: limits)
    let error = #expect(throws: Failure.self) {
      try ImageImporter(store).add(archive + ".gz", name: ImageReference("a"))
    }
    #expect(error?.message.contains("100 times") == true)
    #expect(store.names("layers") == [] && store.names("staging") == [])
    #expect(try fixture.add(archive + ".gz", "b").layers.count == 1, "within the usual limits it is an image")
  }

  @Test("shows files of an image's layers as overlay would, and follows no link")
  func merged() throws {
    let fixture = try Fixture()
    func tree(_ name: String, _ build: (inout TarBuilder) -> Void) throws -> String {
      let image = try fixture.add(try fixture.archive("\(name).tar", build), "localhost/\(name)")
      return try #require(fixture.store.tree(of: image.layers[0]))
    }
    let lower = try tree("lower") { tar in
      for name in ["etc/a", "etc/b", "gone/c", "opaque/d"] { tar.file(name, "lower") }
      tar.link("etc/link", to: "a")
    }
    let upper = try tree("upper") { tar in
      tar.file("etc/.wh.b", "")
      tar.file(".wh.gone", "")
      tar.file("opaque/.wh..wh..opq", "")
      tar.file("etc/e", "upper")
      tar.add("etc/fifo", type: "6")
    }
    let layers = MergedLayers([lower, upper])
    #expect(try layers.read("etc/a", limit: 100) == Array("lower".utf8))
    #expect(try layers.read("etc/e", limit: 100) == Array("upper".utf8))
    for name in ["etc/b", "gone/c", "opaque/d", "nothing/here"] {
      #expect(try layers.read(name, limit: 100) == nil, "\(name)")
    }
    for name in ["etc/link", "etc/fifo"] {
      #expect(throws: Failure.self) { try layers.read(name, limit: 100) }
    }
    #expect(throws: Failure.self) { try layers.read("etc/a", limit: 4) }
  }
}
