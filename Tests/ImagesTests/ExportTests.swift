import Formats
import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

@testable import Images

@Suite("An image that is written as an OCI layout")
struct ExportTestsAsAnyUser {
  private struct Fixture: ~Copyable {
    let directory: TemporaryDirectory
    let store: ImageStore

    init() throws {
      let directory = try TemporaryDirectory()
      store = try ImageStore(path: directory.path("images"))
      self.directory = directory
    }

    func add(_ bytes: [UInt8], _ name: String) throws -> ImageStore.Image {
      try Data(bytes).write(to: URL(filePath: directory.path("in.tar")))
      let reference = try ImageReference(name)
      _ = try ImageImporter(store).add(directory.path("in.tar"), name: reference)
      return try #require(try store.image(reference))
    }

    /// Everything that a layer may hold.
    func everything() throws -> ImageStore.Image {
      var tar = TarBuilder()
      tar.folder("d", mode: 0o1777)
      tar.file("d/f", "contents", mode: 0o4755)
      tar.file("d/closed", "nobody reads this", mode: 0)
      tar.hardLink("d/hard", to: "d/f")
      tar.link("l", to: "../elsewhere")
      tar.add("d/fifo", type: "6")
      tar.add("null", type: "3", device: (1, 3))
      tar.add("owned", data: Array("x".utf8), user: 1234)
      tar.pax([("path", String(repeating: "long/", count: 40) + "name"), ("mtime", "1700000000.25")])
      tar.file("short", "y")
      tar.pax([("SCHILY.xattr.user.note", "a=b,c\n")])
      tar.file("noted", "z")
      tar.file(".wh.gone", "")
      tar.file("opaque/.wh..wh..opq", "")
      tar.file("twice", "first")
      tar.file("twice", "second")
      tar.file("was-folder/inside", "x")
      tar.file("was-folder", "now a file")
      tar.pax([
        ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "holes"),
        ("GNU.sparse.realsize", "1000000"),
      ])
      let map = Array("1\n4096\n5\n".utf8)
      tar.add("sparse", data: map + [UInt8](repeating: 0, count: 512 - map.count) + Array("holes".utf8))
      return try add(tar.archive, "localhost/it:1")
    }

    /// The lines of a layer's list, without order.
    func list(_ image: ImageStore.Image) throws -> [String] {
      try String(
        contentsOfFile: "\(store.path)/layers/\(image.layers[0].hex)/list", encoding: .utf8
      ).split(separator: "\n").map(String.init)
    }
  }

  @Test(
    "and taken in again has the same files, and written again the same digests",
    arguments: ["out", "out.tar"])
  func roundTrip(name: String) throws {
    let fixture = try Fixture()
    let image = try fixture.everything()
    let path = fixture.directory.path(name)
    let exported = try ImageExporter(fixture.store).write(image, to: path)
    let other = try ImageStore(path: fixture.directory.path("other"))
    let names = try ImageImporter(other).add(path, name: nil)
    #expect(names == [image.reference])
    let again = try #require(try other.image(image.reference))
    #expect(again.digest == exported.digest)
    #expect(try other.verify() == [])
    // Files that a later member replaced are the one thing that is left out.
    let before = try fixture.list(image).filter {
      !$0.contains("\ttwice\t") && !$0.contains("was-folder/inside")
    }
    let after = try String(
      contentsOfFile: "\(other.path)/layers/\(again.layers[0].hex)/list", encoding: .utf8
    ).split(separator: "\n").map(String.init).filter { !$0.contains("\ttwice\t") }
    #expect(before == after)
    let second = fixture.directory.path("second-" + name)
    #expect(try ImageExporter(other).write(again, to: second).digest == exported.digest)
    #expect(try ImageExporter(other).write(again, to: fixture.directory.path("third")).rewritten.isEmpty)
    let left = try FileManager.default.contentsOfDirectory(atPath: fixture.directory.path)
    #expect(!left.contains { $0.hasPrefix(".") }, "nothing half made beside it: \(left)")
  }

  @Test("keeps the digests of layers that were written as we write them, and says which it does not")
  func digests() throws {
    let fixture = try Fixture()
    var entry = TarEntry(path: EntryPath(components: [Array("f".utf8)]))
    (entry.mode, entry.size, entry.storedSize, entry.modified) = (0o644, 3, 3, (1_700_000_000, 0))
    let ours =
      TarHeaderWriter().headers(entry) + Array("abc".utf8) + TarHeaderWriter.padding(after: 3)
      + TarHeaderWriter().end(after: 1024)
    let same = try fixture.add(ours, "localhost/ours:1")
    let exported = try ImageExporter(fixture.store).write(same, to: fixture.directory.path("a"))
    #expect(exported.rewritten.isEmpty && exported.digest == same.digest)
    var tar = TarBuilder()
    tar.add("f", data: Array("abc".utf8), time: 1, magic: "ustar  \u{0}")
    let other = try fixture.add(tar.archive, "localhost/other:1")
    let changed = try ImageExporter(fixture.store).write(other, to: fixture.directory.path("b"))
    #expect(changed.rewritten.map(\.from) == other.layers && changed.rewritten[0].to != other.layers[0])
  }

  @Test("keeps the digests of layers that GNU tar wrote, with long names and links, too", .needs(.gnuTar))
  func foreignStyle() async throws {
    let fixture = try Fixture()
    let long = String(repeating: "l", count: 90)
    try fixture.directory.write("x", to: "root/\(long)/\(long)/file")
    try fixture.directory.write("y", to: "root/ä", mode: 0o4755)
    _ = unsafe link(fixture.directory.path("root/ä"), fixture.directory.path("root/hard"))
    _ = unsafe symlink(long + "/" + long, fixture.directory.path("root/link"))
    _ = unsafe mkfifo(fixture.directory.path("root/pipe"), 0o600)
    let tar = try #require(Program(onPath: "tar"))
    let archive = fixture.directory.path("gnu.tar")
    let made = try await tar.run([
      "--format=gnu", "--numeric-owner", "--sort=name", "--mtime=@1600000000", "-C",
      fixture.directory.path("root"), "-cf",
      archive, "--transform=s,^\\./,,", ".",
    ])
    #expect(made.exitStatus == 0, "\(made)")
    let image = try fixture.add([UInt8](try Data(contentsOf: URL(filePath: archive))), "localhost/gnu:1")
    let exported = try ImageExporter(fixture.store).write(image, to: fixture.directory.path("out"))
    #expect(exported.rewritten.isEmpty && exported.digest == image.digest)
  }

  @Test("is written where a killed process has left half of one, and not beside a process that writes it")
  func leftOver() throws {
    let fixture = try Fixture()
    let image = try fixture.everything()
    try fixture.directory.write("half", to: ".out.partial/blobs/sha256/.blob")
    try fixture.directory.write("", to: ".out.partial/lock")
    let path = fixture.directory.path("out")
    var lock = FileLock(fixture.directory.path(".out.partial/lock"), waits: true)
    let error = #expect(throws: Failure.self) { try ImageExporter(fixture.store).write(image, to: path) }
    #expect(error?.message.contains("by another process") == true && lock != nil)
    lock = nil
    // Children that other tests have just made hold a copy of the lock until they execute.
    for _ in 0..<200 where !FileManager.default.fileExists(atPath: path) {
      _ = try? ImageExporter(fixture.store).write(image, to: path)
      usleep(20_000)
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: fixture.directory.path).sorted()
    #expect(left == ["images", "in.tar", "out"], "\(left)")
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: path).sorted() == [
        "blobs", "index.json", "oci-layout",
      ])
  }

  @Test("is read by skopeo, which finds the same layers", .needs(.skopeo), arguments: ["out", "out.tar"])
  func foreign(name: String) async throws {
    let fixture = try Fixture()
    let image = try fixture.everything()
    let path = fixture.directory.path(name)
    let exported = try ImageExporter(fixture.store).write(image, to: path)
    let skopeo = try #require(Program(onPath: "skopeo"))
    let place = "\(name.hasSuffix(".tar") ? "oci-archive" : "oci"):\(path):1"
    let copy = try await skopeo.run([
      "copy", "--insecure-policy", place, "dir:" + fixture.directory.path("dir"),
    ])
    #expect(copy.exitStatus == 0, "\(copy)")
    let text = try fixture.directory.read("dir/manifest.json")
    let manifest = try ImageManifest(Array(text.utf8), of: "dir")
    #expect(try manifest.layers?.map { try $0.address() } == [Self.layer(exported, image)])
    let shown = try await skopeo.run(["inspect", place])
    #expect(shown.exitStatus == 0 && shown.output.contains("\"\(exported.digest)\""), "\(shown)")
  }

  /// The digest that the only layer was written with.
  private static func layer(_ exported: ImageExporter.Exported, _ image: ImageStore.Image) -> Digest {
    exported.rewritten.first?.to ?? image.layers[0]
  }

  @Test("is not written over something, nor from a layer that was changed, and nothing is left then")
  func refused() throws {
    let fixture = try Fixture()
    let image = try fixture.everything()
    try fixture.directory.write("mine", to: "there")
    #expect(throws: Failure.self) {
      try ImageExporter(fixture.store).write(image, to: fixture.directory.path("there"))
    }
    #expect(try fixture.directory.read("there") == "mine")
    let tree = try #require(fixture.store.tree(of: image.layers[0]))
    _ = unsafe chmod("\(tree)/noted", 0o600)
    try Data("w".utf8).write(to: URL(filePath: "\(tree)/noted"))
    for name in ["new", "new.tar"] {
      let error = #expect(throws: Failure.self) {
        try ImageExporter(fixture.store).write(image, to: fixture.directory.path(name))
      }
      #expect(error?.message.contains("\"noted\" has other contents") == true, "\(String(describing: error))")
    }
    let left = try FileManager.default.contentsOfDirectory(atPath: fixture.directory.path).sorted()
    #expect(left == ["images", "in.tar", "there"], "\(left)")
  }
}

@Suite("A folder that becomes an image")
struct FolderImportTestsAsAnyUser {
  /// A small root filesystem.
  private func folder(_ directory: borrowing TemporaryDirectory, _ name: String) throws -> String {
    let path = directory.path(name)
    try directory.write("#!/bin/sh\n", to: "\(name)/bin/tool", mode: 0o4755)
    try directory.write("x", to: "\(name)/etc/b", mode: 0o600)
    try directory.write("y", to: "\(name)/etc/a")
    _ = unsafe link("\(path)/etc/a", "\(path)/etc/c")
    _ = unsafe symlink("/etc/passwd", "\(path)/etc/link")
    _ = unsafe mkfifo("\(path)/pipe", 0o640)
    _ = unsafe chmod("\(path)/bin/tool", 0o4755)
    for (index, part) in ["bin/tool", "etc/b", "etc/a", "etc/link", "pipe", "etc", "bin", ""].enumerated() {
      var times = [timespec](repeating: timespec(tv_sec: 1_600_000_000 + index, tv_nsec: 500), count: 2)
      _ = unsafe utimensat(AT_FDCWD, "\(path)/\(part)", &times, AT_SYMLINK_NOFOLLOW)
    }
    return path
  }

  @Test("gives the same digest wherever and in whatever order it was made")
  func deterministic() throws {
    let directory = try TemporaryDirectory()
    let store = try ImageStore(path: directory.path("images"))
    var digests: Set<Digest> = []
    for name in ["one", "two"] {
      let path = try folder(directory, name)
      let reference = try ImageReference("localhost/\(name)")
      #expect(try ImageImporter(store).add(path, name: reference) == [reference])
      digests.insert(try #require(try store.image(reference)).digest)
    }
    #expect(digests.count == 1)
    #expect(try store.verify() == [])
    let image = try #require(try store.image(ImageReference("localhost/one")))
    let list = try String(contentsOfFile: "\(store.path)/layers/\(image.layers[0].hex)/list", encoding: .utf8)
    let lines = list.split(separator: "\n").map {
      $0.split(separator: "\t", omittingEmptySubsequences: false)
    }
    #expect(
      lines.map { String($0[7]) } == [
        "", "bin", "bin/tool", "etc", "etc/a", "etc/b", "etc/c", "etc/link", "pipe",
      ])
    let byPath = Dictionary(uniqueKeysWithValues: lines.map { (String($0[7]), $0) })
    #expect(byPath["bin/tool"]?[1] == "4755" && byPath["etc/b"]?[1] == "600" && byPath["etc/b"]?[2] == "0")
    #expect(byPath["etc/c"]?[0] == "hardlink" && byPath["etc/c"]?[8] == "etc/a")
    #expect(byPath["etc/link"]?[8] == "/etc/passwd" && byPath["bin/tool"]?[5] == "1600000000.500")
  }

  @Test("keeps the owners that the store has noted, so that its own layers come back as they were")
  func owners() throws {
    let directory = try TemporaryDirectory()
    let store = try ImageStore(path: directory.path("images"))
    var tar = TarBuilder()
    tar.add("f", data: [1], user: 1234)
    try Data(tar.archive).write(to: URL(filePath: directory.path("a.tar")))
    let first = try ImageReference("localhost/a")
    _ = try ImageImporter(store).add(directory.path("a.tar"), name: first)
    let layer = try #require(try store.image(first)).layers[0]
    let second = try ImageReference("localhost/b")
    _ = try ImageImporter(store).add(try #require(store.tree(of: layer)), name: second)
    let again = try #require(try store.image(second)).layers[0]
    let list = try String(contentsOfFile: "\(store.path)/layers/\(again.hex)/list", encoding: .utf8)
    #expect(list.contains("file\t644\t1234\t1234\t"), "\(list)")
  }

  @Test("is refused where a name would hide other files of an image, and leaves nothing")
  func refused() throws {
    let directory = try TemporaryDirectory()
    let store = try ImageStore(path: directory.path("images"))
    try directory.write("x", to: "root/etc/.wh.passwd")
    let error = #expect(throws: Failure.self) {
      try ImageImporter(store).add(directory.path("root"), name: ImageReference("a"))
    }
    #expect(error?.message.contains("hidden") == true)
    for folder in ["layers", "staging", "names"] { #expect(store.names(folder) == []) }
  }
}
