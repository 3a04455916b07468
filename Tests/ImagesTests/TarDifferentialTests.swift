import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("Archives by GNU tar and bsdtar")
struct TarDifferentialTestsAsAnyUser {
  @Test(
    "give the same tree as with GNU tar itself, in every format", .needs(.gnuTar),
    arguments: ["gnu", "pax", "ustar", "v7", "oldgnu", "posix"])
  func same(format: String) async throws {
    let isLimited = ["ustar", "v7"].contains(format)
    try await compare("tar", format, ["--format=\(format)", isLimited ? "--no-xattrs" : "--sparse"])
  }

  @Test(
    "give the same tree as with bsdtar itself, in every format", .needs(.bsdTar),
    arguments: ["gnutar", "pax", "paxr", "ustar", "v7"])
  func sameByLibarchive(format: String) async throws {
    let isLimited = ["ustar", "v7"].contains(format)
    try await compare(
      "bsdtar", isLimited ? format : "pax",
      ["--format=\(format)"] + (format.contains("pax") ? ["--read-sparse"] : ["--no-xattrs"]))
  }

  private func compare(_ program: String, _ format: String, _ options: [String]) async throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var generator = SeededGenerator(seed: seed)
    let directory = try TemporaryDirectory()
    _ = unsafe mkdir(directory.path("source"), 0o755)
    try Self.grow(directory.path("source"), depth: 0, format: format, &generator)
    let tar = try #require(Program(onPath: program))
    let made = try await tar.run(
      options + ["-C", directory.path("source"), "-cf", directory.path("it.tar"), "."])
    #expect(made.exitStatus == 0, "\(made)")
    _ = unsafe mkdir(directory.path("theirs"), 0o755)
    _ = unsafe mkdir(directory.path("ours"), 0o755)
    #expect(
      try await tar.run(["-C", directory.path("theirs"), "-xpf", directory.path("it.tar")]).exitStatus == 0)
    var extractor = try LayerExtractor(
      path: directory.path("ours"), list: directory.path("list"), ExtractionLimits())
    try extractor.extract(LayerStream(FileInput(path: directory.path("it.tar")), ExtractionLimits()))
    let theirs = Self.description(directory.path("theirs"))
    #expect(theirs.count > 15)
    let ours = Self.description(directory.path("ours"))
    #expect(ours == theirs, "seed \(seed)")
  }

  /// Files, links, holes and names by chance; those that the format can hold.
  private static func grow(
    _ folder: String, depth: Int, format: String, _ generator: inout some RandomNumberGenerator
  ) throws {
    let isLimited = ["ustar", "v7"].contains(format)
    for index in 0..<16 {
      let length = isLimited ? 3 : [3, 50, 100].randomElement(using: &generator) ?? 3
      let path =
        "\(folder)/\(index)"
        + String((0..<length).map { _ in "abcdé ü".randomElement(using: &generator) ?? "a" })
      switch Int.random(in: 0..<6, using: &generator) {
      case 0 where depth < 3:
        _ = unsafe mkdir(path, 0o755)
        try grow(path, depth: depth + 1, format: format, &generator)
        _ = unsafe chmod(path, [0o755, 0o700, 0o555].randomElement(using: &generator) ?? 0o755)
      case 1: _ = unsafe symlink("target \(index)", path)
      case 2 where format != "v7": _ = unsafe mkfifo(path, 0o640)
      case 3 where !isLimited:
        // A file with a hole.
        _ = FileManager.default.createFile(atPath: path, contents: Data("begin".utf8))
        if let handle = FileHandle(forUpdatingAtPath: path) {
          try handle.seek(toOffset: 1 << 20)
          try handle.write(contentsOf: Data("end".utf8))
          try handle.close()
        }
      default:
        let bytes = (0..<Int.random(in: 0...3000, using: &generator)).map { _ in
          UInt8.random(in: 0...255, using: &generator)
        }
        _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
        _ = unsafe chmod(path, [0o644, 0o4755, 0o600, 0o444].randomElement(using: &generator) ?? 0o644)
        if Bool.random(using: &generator) { _ = unsafe link(path, "\(folder)/hard\(index)") }
      }
      var times = [
        timespec(tv_sec: 1_600_000_000 + index, tv_nsec: 0),
        timespec(tv_sec: 1_600_000_000 + index, tv_nsec: 0),
      ]
      _ = unsafe utimensat(AT_FDCWD, path, &times, AT_SYMLINK_NOFOLLOW)
    }
  }

  /// Every entry with its type, mode, size, links, time, and contents or target.
  private static func description(_ root: String) -> [String] {
    let names = FileManager.default.enumerator(atPath: root)?.compactMap { $0 as? String } ?? []
    return names.sorted().map { name in
      var information = stat()
      _ = unsafe lstat("\(root)/\(name)", &information)
      var contents = ""
      switch information.st_mode & S_IFMT {
      case S_IFREG:
        contents =
          "\(FileManager.default.contents(atPath: "\(root)/\(name)").map { Digest(of: Array($0)) }?.hex ?? "unreadable")"
      case S_IFLNK:
        contents = (try? FileManager.default.destinationOfSymbolicLink(atPath: "\(root)/\(name)")) ?? ""
      default: break
      }
      let size = information.st_mode & S_IFMT == S_IFDIR ? 0 : information.st_size
      return
        "\(name) \(String(information.st_mode, radix: 8)) \(size) \(information.st_nlink) \(information.st_mtim.tv_sec) \(contents)"
    }
  }
}
