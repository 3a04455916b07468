import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("A layer's archive")
struct ExtractionTestsAsAnyUser {
  @Test(
    "becomes files, folders and links with their modes, times and owners noted", arguments: [1 << 20, 512, 7])
  func ordinary(step: Int) throws {
    let extraction = try Extraction()
    var tar = TarBuilder()
    tar.folder("./")
    tar.folder("etc", mode: 0o555)
    tar.file("etc/config", "value", mode: 0o640)
    tar.add("bin/tool", data: Array("#!".utf8), mode: 0o4755, user: 33)
    tar.link("usr", to: "/somewhere/else")
    tar.hardLink("bin/other", to: "./bin/tool")
    tar.add("pipe", type: "6", mode: 0o600)
    tar.add("dev/sda", type: "4", device: (8, 0))
    try extraction.extract(tar.archive, step: step)
    #expect(try extraction.directory.read("tree/etc/config") == "value")
    #expect((extraction.status("etc"))?.st_mode == S_IFDIR | 0o555)
    #expect((extraction.status("etc"))?.st_mtim.tv_sec == 1_700_000_000)
    #expect((extraction.status("bin/tool"))?.st_mode == S_IFREG | 0o4755)
    #expect((extraction.status("bin/tool"))?.st_ino == extraction.status("bin/other")?.st_ino)
    #expect((extraction.status("usr")).map { $0.st_mode & S_IFMT } == S_IFLNK)
    #expect((extraction.status("pipe"))?.st_mode == S_IFIFO | 0o600)
    #expect((extraction.status("dev/sda")) == nil, "devices are recorded, not made")
    let list = try extraction.directory.read("list")
    #expect(list.contains("file\t4755\t33\t33\t2\t") && list.contains("\tdev/sda\tb8:0\t"))
    var verifier = LayerVerifier(tree: extraction.directory.path("tree"), layer: "it")
    verifier.verify(list: extraction.directory.path("list"))
    #expect(verifier.problems == [])
  }

  @Test("has long names, sizes, times and attributes from pax headers and GNU's")
  func extended() throws {
    let extraction = try Extraction()
    let long = Array(repeating: String(repeating: "n", count: 100), count: 4).joined(separator: "/")
    var tar = TarBuilder()
    tar.pax([
      ("path", "\(long)/pax"), ("mtime", "1600000000.25"), ("uid", "3000000"),
      ("SCHILY.xattr.user.note", "kept"),
    ])
    tar.file("ignored", "pax")
    tar.add("././@LongLink", type: "L", data: Array("\(long)/gnu\0".utf8), magic: "ustar  \u{0}")
    tar.add("ignored", data: Array("gnu".utf8), magic: "ustar  \u{0}")
    tar.pax([("comment", "of the whole archive")], type: "g")
    tar.add("old/", type: "\0", magic: "")
    try extraction.extract(tar.archive)
    #expect(try extraction.directory.read("tree/\(long)/pax") == "pax")
    #expect(try extraction.directory.read("tree/\(long)/gnu") == "gnu")
    let found = extraction.status("\(long)/pax")
    let status = try #require(found)
    #expect(status.st_mtim.tv_sec == 1_600_000_000 && status.st_mtim.tv_nsec == 250_000_000)
    #expect((extraction.status("old")).map { $0.st_mode & S_IFMT } == S_IFDIR)
    #expect(try extraction.directory.read("list").contains("user.note=kept"))
  }

  @Test("makes whiteouts and opaque folders overlay's own, whatever order they come in")
  func whiteouts() throws {
    let extraction = try Extraction()
    var tar = TarBuilder()
    tar.file("etc/.wh.motd", "")
    tar.file("share/kept", "x")
    tar.file("share/.wh..wh..opq", "")
    tar.file("again/.wh.folder", "")
    tar.folder("again/folder")
    tar.file("own/file", "x")
    tar.file("own/.wh.file", "")
    tar.file("here/there/file", "x")
    tar.file("here/.wh.there", "")
    tar.file(".wh..wh.plnk", "")
    try extraction.extract(tar.archive)
    let found = extraction.status("etc/motd")
    let whiteout = try #require(found)
    #expect(whiteout.st_mode & S_IFMT == S_IFCHR && whiteout.st_rdev == 0)
    for (folder, isOpaque) in [("share", true), ("again/folder", true), ("here/there", true), ("own", false)]
    {
      #expect(Self.isOpaque(extraction.directory.path("tree/\(folder)")) == isOpaque, "\(folder)")
    }
    #expect(try extraction.directory.read("tree/own/file") == "x", "it hides what is below, not what is here")
    #expect((extraction.status(".wh..wh.plnk")) == nil)
    var verifier = LayerVerifier(tree: extraction.directory.path("tree"), layer: "it")
    verifier.verify(list: extraction.directory.path("list"))
    #expect(verifier.problems == [])
  }

  private static func isOpaque(_ path: String) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: path)[.init("NSFileExtendedAttributes")]
      as? [String: Data])??[
        "user.overlay.opaque"] == Data("y".utf8)
  }

  @Test("keeps the holes of files")
  func holes() throws {
    let extraction = try Extraction()
    var tar = TarBuilder()
    tar.pax([
      ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "big"),
      ("GNU.sparse.realsize", "1048576"),
    ])
    var map = Array("2\n0\n4\n1048572\n4\n".utf8)
    map += [UInt8](repeating: 0, count: 512 - map.count)
    tar.add("GNUSparseFile.0/big", data: map + Array("headtail".utf8))
    try extraction.extract(tar.archive)
    let found = extraction.status("big")
    let status = try #require(found)
    #expect(status.st_size == 1 << 20 && status.st_blocks < 100)
    let bytes = try Data(contentsOf: URL(filePath: extraction.directory.path("tree/big")))
    #expect(bytes.prefix(5) == Data("head\0".utf8) && bytes.suffix(4) == Data("tail".utf8))
  }

  /// Archives that want to leave the folder, or to be read in two ways, and a word of the refusal.
  private static let attacks: [(String, @Sendable (inout TarBuilder) -> Void, String?)] = [
    ("a path upwards", { $0.file("../outside/victim", "x") }, "leads upwards"),
    ("a path upwards in the middle", { $0.file("a/../../outside/victim", "x") }, "leads upwards"),
    ("an absolute path", { $0.file("/outside/victim", "x") }, nil),
    (
      "a file through a link",
      {
        $0.link("a", to: "../outside"); $0.file("a/victim", "x")
      }, "no folder"
    ),
    (
      "a file through a link with a dot",
      {
        $0.link("a", to: "../outside"); $0.file("a/./victim", "x")
      }, "no folder"
    ),
    (
      "a file in the place of a link",
      {
        $0.link("a", to: "../outside/victim"); $0.file("a", "x")
      }, nil
    ),
    (
      "a file with a slash in the place of a link",
      {
        $0.link("a", to: "../outside/victim"); $0.add("a/", data: [120])
      }, nil
    ),
    (
      "a folder in the place of a link",
      {
        $0.link("a", to: "../outside"); $0.folder("a", mode: 0); $0.file("a/victim", "x")
      }, nil
    ),
    (
      "a hard link upwards",
      {
        $0.hardLink("a", to: "../outside/victim"); $0.file("a", "x")
      }, "leads upwards"
    ),
    (
      "a hard link through a link",
      {
        $0.link("l", to: "../outside"); $0.hardLink("a", to: "l/victim")
      }, "no file of the same layer"
    ),
    (
      "a hard link to a link",
      {
        $0.link("l", to: "../outside/victim"); $0.hardLink("a", to: "l"); $0.file("a", "x")
      }, nil
    ),
    (
      "a whiteout through a link",
      {
        $0.link("a", to: "../outside"); $0.file("a/.wh.victim", "")
      }, "no folder"
    ),
    (
      "an opaque mark through a link",
      {
        $0.link("a", to: "../outside"); $0.file("a/.wh..wh..opq", "")
      }, "no folder"
    ),
    ("a whiteout of the folder itself", { $0.file("a/.wh..", "") }, "hides nothing"),
    ("a whiteout upwards", { $0.file("a/.wh...", "") }, "hides nothing"),
    ("a whiteout with the type of a link", { $0.link(".wh.a", to: "../outside") }, "is none"),
    ("the root as a file", { $0.file("./", "x") }, "place of its root"),
    (
      "a NUL in a path",
      {
        $0.pax([("path", "a\u{0}b")]); $0.file("x", "")
      }, "NUL"
    ),
    (
      "two sizes",
      {
        $0.pax([("size", "1024")]); $0.file("x", "y")
      }, "two sizes"
    ),
    (
      "a size for another header",
      {
        $0.pax([("size", "512")]); $0.add("l", type: "L", data: Array("name".utf8)); $0.file("x", "y")
      }, "two sizes"
    ),
    (
      "two pax headers",
      {
        $0.pax([("path", "a")]); $0.pax([("path", "b")]); $0.file("x", "")
      }, "two pax headers"
    ),
    ("a header for nothing", { $0.pax([("path", "a")]) }, "does not follow"),
    ("data of a link", { $0.add("a", type: "2", data: Array("x".utf8), link: "b") }, "no regular file"),
    ("data of a folder", { $0.add("a", type: "5", data: Array("x".utf8)) }, "no regular file"),
    (
      "a negative size",
      {
        $0.pax([("size", "-1")]); $0.file("x", "")
      }, "no number"
    ),
    (
      "a size beyond all",
      {
        $0.pax([("size", "9223372036854775807")]); $0.file("x", "")
      }, "limit of a layer"
    ),
    (
      "an id that means none",
      {
        $0.pax([("uid", "4294967295")]); $0.file("x", "")
      }, "uid 4294967295"
    ),
    (
      "an id beyond 32 bits",
      {
        $0.pax([("gid", "4294967296")]); $0.file("x", "")
      }, "gid 4294967296"
    ),
    (
      "a damaged pax header",
      {
        $0.add("h", type: "x", data: Array("99 path=a\n".utf8)); $0.file("x", "")
      }, "pax header"
    ),
    (
      "holes beyond the end",
      {
        $0.pax([("GNU.sparse.map", "0,1,99,1"), ("GNU.sparse.size", "5")]); $0.file("x", "ab")
      }, "holes"
    ),
    (
      "holes that overlap",
      {
        $0.pax([("GNU.sparse.map", "0,1,0,1"), ("GNU.sparse.size", "5")]); $0.file("x", "ab")
      }, "holes"
    ),
    ("a type of no image", { $0.add("v", type: "V") }, "type"),
    ("no tar header", { $0.raw([UInt8](repeating: 7, count: 512)) }, "no tar header"),
    ("an end in a file", { $0.add("x", data: [1], size: 5000) }, "cut off"),
  ]

  @Test("that attacks is refused or kept inside: nothing else is touched", arguments: attacks.indices)
  func attack(index: Int) throws {
    let (name, build, reason) = Self.attacks[index]
    let extraction = try Extraction()
    var tar = TarBuilder()
    build(&tar)
    let refusal = extraction.refusal(tar.archive)
    let isUntouched = extraction.outsideIsUntouched
    #expect(isUntouched, "\(name)")
    if let reason {
      #expect(refusal?.contains(reason) == true, "\(name): \(refusal ?? "was not refused")")
    } else {
      #expect(refusal == nil, "\(name)")
    }
  }

  @Test("cannot set what overlay or we read from attributes")
  func attributes() throws {
    let extraction = try Extraction()
    var tar = TarBuilder()
    tar.pax([
      ("SCHILY.xattr.user.overlay.redirect", "/etc"), ("SCHILY.xattr.user.overlay.opaque", "y"),
      ("SCHILY.xattr.user.isolate.owner", "0:0"),
    ])
    tar.folder("a")
    try extraction.extract(tar.archive)
    let set = try FileManager.default.attributesOfItem(atPath: extraction.directory.path("tree/a"))[
      .init("NSFileExtendedAttributes")]
    #expect((set as? [String: Data] ?? [:]).isEmpty)
  }

  @Test("beyond the limits on entries, depth, names and attributes is refused")
  func limits() throws {
    var limits = ExtractionLimits()
    (limits.entries, limits.depth, limits.attributeBytes, limits.bytes) = (3, 4, 100, 1 << 20)
    var many = TarBuilder()
    for index in 0..<4 { many.file("f\(index)", "") }
    #expect(try Extraction().refusal(many.archive, limits)?.contains("more than 3 files") == true)
    var deep = TarBuilder()
    deep.file("a/b/c/d/e", "")
    #expect(try Extraction().refusal(deep.archive, limits)?.contains("4 folders deep") == true)
    var wide = TarBuilder()
    wide.pax([("SCHILY.xattr.user.a", String(repeating: "x", count: 100))])
    wide.file("a", "")
    #expect(try Extraction().refusal(wide.archive, limits)?.contains("attributes") == true)
    var named = TarBuilder()
    named.pax([("path", String(repeating: "x", count: 256))])
    named.file("a", "")
    #expect(try Extraction().refusal(named.archive, limits)?.contains("255 bytes") == true)
  }

  @Test("changed at random touches nothing else, ends, and does not crash")
  func fuzz() throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var generator = SeededGenerator(seed: seed)
    var tar = TarBuilder()
    tar.folder("d")
    tar.file("d/f", String(repeating: "x", count: 700))
    tar.link("l", to: "../outside")
    tar.hardLink("h", to: "d/f")
    tar.pax([("path", "d/pax"), ("mtime", "1.5"), ("SCHILY.xattr.user.a", "b")])
    tar.file("p", "y")
    tar.add("././@LongLink", type: "L", data: Array("d/long\0".utf8), magic: "ustar  \u{0}")
    tar.file("q", "z")
    tar.pax([("GNU.sparse.map", "0,1,5,1"), ("GNU.sparse.size", "9"), ("GNU.sparse.name", "s")])
    tar.file("s", "ab")
    tar.file("d/.wh.gone", "")
    let rounds = Int(ProcessInfo.processInfo.environment["ISOLATE_TEST_FUZZ"] ?? "") ?? 1000
    var accepted = 0
    for round in 0..<rounds {
      var archive = tar.archive
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let place = Int.random(in: 0..<archive.count, using: &generator)
        archive[place] =
          Bool.random(using: &generator)
          ? .random(in: 0...255, using: &generator)
          : [0x2e, 0x2f, 0x30, 0x37, 0, 0x80].randomElement(using: &generator)!
        // With a true checksum the change gets past the first look.
        if Int.random(in: 0..<4, using: &generator) > 0 { Self.correct(&archive, at: place / 512 * 512) }
      }
      let extraction = try Extraction()
      var limits = ExtractionLimits()
      limits.bytes = 1 << 24
      if extraction.refusal(archive, limits) == nil { accepted += 1 }
      let isUntouched = extraction.outsideIsUntouched
      #expect(isUntouched, "seed \(seed), round \(round)")
    }
    #expect(
      accepted > rounds / 100 && accepted < rounds,
      "the changes are too mild or too wild: \(accepted) of \(rounds)")
  }

  private static func correct(_ archive: inout [UInt8], at start: Int) {
    guard start + 512 <= archive.count else { return }
    for index in 148..<156 { archive[start + index] = 0x20 }
    let digits = Array(String(archive[start..<start + 512].reduce(0) { $0 + Int($1) }, radix: 8).utf8)
    for (index, digit) in digits.enumerated() { archive[start + 148 + index] = digit }
    archive[start + 154] = 0
  }
}
