import CShims
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("A copy of an image's layers")
struct MergedCopyTestsAsAnyUser {
  private func layer(
    _ folder: borrowing TemporaryDirectory, _ name: String, _ build: (inout TarBuilder) -> Void
  ) throws -> String {
    var tar = TarBuilder()
    build(&tar)
    let store = try ImageStore(path: folder.path("images"))
    try Data(tar.archive).write(to: URL(filePath: folder.path("\(name).tar")))
    let reference = try ImageReference("localhost/\(name)")
    _ = try ImageImporter(store).add(folder.path("\(name).tar"), name: reference)
    let image = try #require(try store.image(reference))
    return try #require(store.tree(of: image.layers[0]))
  }

  private func status(_ path: String) throws -> stat {
    var information = stat()
    try #require(unsafe lstat(path, &information) == 0, "\(path)")
    return information
  }

  @Test("is what overlay would show: contents, modes, times, links, hard links, whiteouts, opaque folders")
  func same() throws {
    let folder = try TemporaryDirectory()
    let lower = try layer(folder, "lower") { tar in
      tar.folder("d", mode: 0o555)
      tar.file("d/f", "contents", mode: 0o4751)
      tar.hardLink("hard", to: "d/f")
      tar.link("link", to: "/etc/passwd")
      tar.file("gone", "x")
      tar.file("opaque/below", "x")
      tar.file("was-file", "x")
      tar.file("was-folder/inside", "x")
    }
    let upper = try layer(folder, "upper") { tar in
      tar.file(".wh.gone", "")
      tar.file("opaque/.wh..wh..opq", "")
      tar.file("opaque/above", "y")
      tar.file("was-file/now", "y")
      tar.file("was-folder", "y")
      tar.file("d/g", "y")
    }
    try FileManager.default.createDirectory(atPath: folder.path("copy"), withIntermediateDirectories: true)
    let summary = try MergedLayers([lower, upper]).copy(to: folder.path("copy"))
    #expect(summary.entries > 10 && summary.bytes >= 8)
    let names = try #require(FileManager.default.enumerator(atPath: folder.path("copy"))).compactMap {
      $0 as? String
    }
    #expect(
      names.sorted() == [
        "d", "d/f", "d/g", "hard", "link", "opaque", "opaque/above", "was-file", "was-file/now", "was-folder",
      ])
    let file = try status(folder.path("copy/d/f"))
    #expect(file.st_mode & 0o7777 == 0o4751 && file.st_mtim.tv_sec == 1_700_000_000 && file.st_nlink == 2)
    #expect(try status(folder.path("copy/hard")).st_ino == file.st_ino)
    #expect(try status(folder.path("copy/link")).st_mode & S_IFMT == S_IFLNK)
    #expect(try String(contentsOfFile: folder.path("copy/d/f"), encoding: .utf8) == "contents")
    // The store's own files are others: what is written to the copy does not reach them.
    #expect(try status("\(lower)/d/f").st_ino != file.st_ino)
  }

  @Test("keeps holes, attributes, and what the image's files say of their owners")
  func sparse() throws {
    let folder = try TemporaryDirectory()
    let tree = try layer(folder, "one") { tar in
      tar.add("owned", data: Array("x".utf8), user: 42)
      tar.file("big", "begin")
    }
    // A mebibyte of nothing behind the data.
    let number = unsafe open("\(tree)/big", O_WRONLY)
    #expect(number >= 0 && ftruncate(number, 1 << 20) == 0)
    close(number)
    try FileManager.default.createDirectory(atPath: folder.path("copy"), withIntermediateDirectories: true)
    _ = try MergedLayers([tree]).copy(to: folder.path("copy"))
    let copied = try status(folder.path("copy/big"))
    #expect(copied.st_size == 1 << 20 && copied.st_blocks < 256)
    var value = [UInt8](repeating: 0, count: 16)
    let count = unsafe value.withUnsafeMutableBytes {
      unsafe isl_get_attribute(
        folder.path("copy/owned"), "user.isolate.owner", $0.baseAddress, $0.count)
    }
    #expect(count > 0 && String(decoding: value.prefix(Int(max(0, count))), as: UTF8.self) == "42:42")
  }

  @Test("never leaves its folder by a link that stands in the place of a folder")
  func links() throws {
    let folder = try TemporaryDirectory()
    try FileManager.default.createDirectory(atPath: folder.path("outside"), withIntermediateDirectories: true)
    let lower = try layer(folder, "lower") { $0.link("d", to: folder.path("outside")) }
    let upper = try layer(folder, "upper") { $0.file("d/f", "x") }
    try FileManager.default.createDirectory(atPath: folder.path("copy"), withIntermediateDirectories: true)
    _ = try MergedLayers([lower, upper]).copy(to: folder.path("copy"))
    #expect(try status(folder.path("copy/d")).st_mode & S_IFMT == S_IFDIR)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("outside")) == [])
  }
}
