import enum Crypto.Insecure
import Formats
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("The layer of a recipe")
struct ReproducibleLayerTests {
  private static let packaged = 1_700_000_000
  private static let status =
    "Package: base\nStatus: install ok installed\nVersion: 1:2.0-1\nArchitecture: all\nSource: src (2.0)\n\n"
    + "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n"

  /// A root filesystem as two builds at other times on other machines would make it.
  private static func archive(now: Int, host: String) -> TarBuilder {
    var tar = TarBuilder()
    func file(_ name: String, _ text: String, _ time: Int, mode: Int = 0o644) {
      tar.add(name, data: Array(text.utf8), mode: mode, time: time)
    }
    for folder in [
      "./", "./dev/", "./etc/", "./usr/", "./usr/bin/", "./usr/share/", "./usr/share/man/",
      "./usr/share/man/man1/",
    ] {
      tar.add(folder, type: "5", mode: 0o755, time: now)
    }
    tar.add("./dev/null", type: "3", mode: 0o666, time: now, device: (1, 3))
    file("./etc/hostname", host, now)
    file("./etc/resolv.conf", "nameserver 192.0.2.\(now % 200)\n", now)
    file("./etc/machine-id", "\(now)\n", now)
    file("./etc/passwd", "root:x:0:0:root:/root:/bin/sh\n", now)
    file("./etc/passwd-", "\(now)", now)
    file("./etc/group", "root:x:0:", now)
    file("./etc/shadow", "root:*:\(now / 86_400):0:99999:7:::\n", now, mode: 0o640)
    file("./etc/apt/sources.list", "deb http://\(host).example/debian bookworm main\n", now)
    file("./etc/made", "always the same", now)
    file("./usr/bin/tool", "#!/bin/sh\n", packaged, mode: 0o4755)
    tar.hardLink("./usr/bin/alias", to: "./usr/bin/tool")
    tar.link("./usr/bin/link", to: "tool")
    file("./usr/share/doc/base/README", "x", packaged)
    file("./usr/share/doc/base/copyright", "free", packaged + 5)
    file("./usr/share/man/man1/tool.1", "x", packaged)
    file("./var/cache/ldconfig/aux-cache", "\(now)", now)
    file("./var/lib/dpkg/info/base.list", "/.\n/usr/bin/tool\n", now)
    file("./var/lib/dpkg/status", status, now)
    file("./var/lib/dpkg/status-old", "\(now)", now)
    file("./var/log/dpkg.log", "\(now)", now)
    return tar
  }

  /// The image that a recipe makes of an archive.
  private static func build(
    _ fields: String, _ tar: TarBuilder, now: Int, in directory: borrowing TemporaryDirectory, _ name: String
  ) throws -> (digest: Digest, list: [String: TarEntry], contents: [String: String], survey: RootfsSurvey) {
    let recipe = try Recipe("Name: it\nTitle: It\nSuite: bookworm\nPackages: base\n" + fields, of: "it")
    let raw = directory.path("\(name).raw")
    try Data(tar.archive).write(to: URL(filePath: raw))
    let limits = ExtractionLimits()
    let selection = FileSelection(recipe)
    let survey = try RootfsSurvey(
      raw, selection, onlySome: !recipe.only.isEmpty, begin: Int64(now) - 2, limits)
    let layer = try ReproducibleLayer(recipe, selection, survey, epoch: survey.epoch, limits)
      .write(from: raw, to: directory.path("\(name).tar"), adding: ["usr/share/it/list": Array("list".utf8)])
    var reader = TarReader(try ArchiveFile(directory.path("\(name).tar")), limits)
    var list: [String: TarEntry] = [:]
    var contents: [String: String] = [:]
    while let entry = try reader.next() {
      let path = "/\(entry.path)"
      #expect(list[path] == nil, "\(path) is there twice")
      list[path] = entry
      if entry.kind == .file {
        contents[path] = String(decoding: try RootfsSurvey.contents(&reader, entry), as: UTF8.self)
      }
    }
    let bytes = try Data(contentsOf: URL(filePath: directory.path("\(name).tar")))
    #expect(Digest(of: Array(bytes)) == layer.digest && Int64(bytes.count) == layer.size)
    return (layer.digest, list, contents, survey)
  }

  @Test("is the same whenever and wherever it is made, and says nothing of the machine")
  func same() throws {
    let directory = try TemporaryDirectory()
    let fields =
      "Omit: /usr/share/doc/* /usr/share/man/*/*\nKeep: /usr/share/doc/*/copyright\n"
      + "Users: app:1000:1001:/srv/app\nUser: app\nWorking-Directory: /app\n"
    let first = try Self.build(
      fields, Self.archive(now: 1_800_000_000, host: "one"), now: 1_800_000_000, in: directory, "one")
    let second = try Self.build(
      fields, Self.archive(now: 1_900_086_461, host: "two"), now: 1_900_086_461, in: directory, "two")
    #expect(first.digest == second.digest)
    #expect(first.survey.epoch == Int64(Self.packaged) + 5)
    #expect(first.list.values.allSatisfy { $0.modified.seconds <= first.survey.epoch })
    #expect(first.list["/usr/bin/tool"]?.modified.seconds == Int64(Self.packaged))
    #expect(first.list["/usr/bin/tool"]?.mode == 0o4755 && first.list["/usr/bin/alias"]?.kind == .hardLink)
    for path in [
      "/dev/null", "/etc/hostname", "/etc/resolv.conf", "/etc/passwd-", "/usr/share/doc/base/README",
      "/usr/share/man/man1/tool.1", "/var/cache/ldconfig/aux-cache", "/var/lib/dpkg/status-old",
      "/var/log/dpkg.log",
    ] { #expect(first.list[path] == nil, "\(path)") }
    #expect(first.contents["/etc/machine-id"] == "" && first.list["/usr/share/man/man1"] != nil)
    #expect(
      first.contents["/usr/share/doc/base/copyright"] == "free"
        && first.contents["/usr/share/it/list"] == "list")
    #expect(
      first.contents["/etc/passwd"]?.hasSuffix("\napp:x:1000:1001:app:/srv/app:/usr/sbin/nologin\n") == true)
    #expect(first.contents["/etc/group"] == "root:x:0:\napp:x:1001:\n")
    #expect(first.contents["/etc/shadow"] == "root:*:19675:0:99999:7:::\napp:!:19675:0:99999:7:::\n")
    #expect(first.contents["/etc/apt/sources.list"]?.contains("one") == false)
    #expect(first.list["/app"]?.userID == 1000 && first.list["/srv/app"]?.groupID == 1001)
    #expect(first.survey.packages.packages.map(\.name) == ["base"] && first.survey.licensed == ["base"])
  }

  @Test("differs when a file of a package does")
  func different() throws {
    let directory = try TemporaryDirectory()
    var tar = Self.archive(now: 1_800_000_000, host: "one")
    let first = try Self.build("", tar, now: 1_800_000_000, in: directory, "one")
    tar.add("./usr/bin/more", data: [1], time: Self.packaged)
    let second = try Self.build("", tar, now: 1_800_000_000, in: directory, "two")
    #expect(first.digest != second.digest)
  }

  @Test("of only some files has these, their folders, and the packages that own them")
  func only() throws {
    let directory = try TemporaryDirectory()
    let built = try Self.build(
      "Only: /usr/bin/tool\n", Self.archive(now: 1_800_000_000, host: "one"), now: 1_800_000_000,
      in: directory, "it")
    #expect(
      built.list.keys.sorted() == [
        "/dev", "/etc", "/proc", "/sys", "/tmp", "/usr", "/usr/bin", "/usr/bin/tool", "/usr/share",
        "/usr/share/it",
        "/usr/share/it/list",
      ])
    #expect(built.survey.owners == ["base"] && built.list["/tmp"]?.mode == 0o1777)
  }

  @Test("is refused when one of two names for a file is left out first")
  func hardLink() throws {
    let directory = try TemporaryDirectory()
    let error = #expect(throws: Failure.self) {
      _ = try Self.build(
        "Omit: /usr/bin/tool\n", Self.archive(now: 1_800_000_000, host: "one"), now: 1_800_000_000,
        in: directory,
        "it")
    }
    #expect(error?.message.contains("/usr/bin/alias is another name of /usr/bin/tool") == true)
  }

  @Test("holds long names, attributes and large numbers as other readers do")
  func headers() throws {
    let directory = try TemporaryDirectory()
    var writer = try TarWriter(directory.path("it.tar"))
    let name = Array(repeating: Array(String(repeating: "n", count: 90).utf8), count: 3)
    var entry = TarEntry(path: EntryPath(components: name))
    entry.attributes = [(Array("security.capability".utf8), [0, 1, 2, 0x0a])]
    entry.mode = 0o6711
    entry.userID = 65_534
    try writer.add(entry, Array("contents".utf8))
    entry = TarEntry(path: EntryPath(components: [Array("l".utf8)]))
    entry.kind = .symbolicLink
    entry.linkText = Array(String(repeating: "t", count: 200).utf8)
    try writer.begin(entry)
    _ = try writer.finish()
    var reader = TarReader(try ArchiveFile(directory.path("it.tar")), ExtractionLimits())
    let first = try #require(try reader.next())
    #expect(first.path.components == name && first.mode == 0o6711 && first.userID == 65_534)
    #expect(first.attributes.count == 1 && first.attributes[0].value == [0, 1, 2, 0x0a])
    #expect(try RootfsSurvey.contents(&reader, first) == Array("contents".utf8))
    #expect(try reader.next()?.linkText.count == 200)
    #expect(try reader.next() == nil)
  }

  @Test("has Java's certificates in one order, with one time")
  func javaKeyStore() throws {
    func number(_ value: Int, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
    }
    func store(_ entries: [(String, Int)]) -> [UInt8] {
      var bytes = number(0xfeed_feed, 4) + number(2, 4) + number(entries.count, 4)
      for (alias, time) in entries {
        bytes += number(2, 4) + number(alias.utf8.count, 2) + Array(alias.utf8) + number(time, 8)
        bytes += number(5, 2) + Array("X.509".utf8) + number(3, 4) + Array(alias.utf8.prefix(3))
      }
      let key = "changeit".utf8.flatMap { [0, $0] } + Array("Mighty Aphrodite".utf8)
      return bytes + Array(Insecure.SHA1.hash(data: key + bytes))
    }
    let wanted = store([("aaa", 7000), ("bbb", 7000)])
    #expect(JavaKeyStore.normalized(store([("bbb", 1), ("aaa", 2)]), time: 7) == wanted)
    #expect(JavaKeyStore.normalized(wanted, time: 7) == wanted)
    for broken in [[], [1, 2, 3], Array(wanted.dropLast()), wanted + [0], Array(wanted.prefix(40))] {
      #expect(JavaKeyStore.normalized(broken, time: 7) == nil)
    }
  }
}
