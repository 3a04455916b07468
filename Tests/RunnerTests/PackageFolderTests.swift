import Analysis
import Foundation
import Reports
import TestSupport
import Testing

@testable import Sandbox

@Suite("Folders of packages that settings name in place of an index", .turns)
struct PackageFolderTests {
  @Test("have names of the sandbox's own, in variables and in pip.conf; what is no folder stays as it is")
  func names() throws {
    let root = try TemporaryDirectory()
    for name in ["one", "t w o", "home/me/wheels", "etc"] {
      try FileManager.default.createDirectory(atPath: root.path(name), withIntermediateDirectories: true)
    }
    try root.write("", to: "file")
    let (one, two, home) = (root.path("one"), root.path("t w o"), root.path("home/me"))
    let encoded = two.replacing(" ", with: "%20")
    try root.write(
      """
      [global]
      # find-links = \(one)
      Find_Links =
        \(one)
        https://pypi.example/wheels
      index-url = file://\(encoded)
      cache-dir = \(one)
      """, to: "etc/pip.conf")
    let host = [
      "HOME": home, "PIP_FIND_LINKS": "\(one) \(root.path("file")) \(root.path("none")) wheels",
      "UV_FIND_LINKS": "https://pypi.example/x,file://localhost\(encoded)#x",
      "UV_INDEX": "mine=\(home)/wheels other=\(one)", "PIP_INDEX_URL": "https://pypi.example\(one)",
    ]
    let settings = IndexSettings(host, keepsLogins: false, root: root.path)
    let shown = settings.environment
    let names = (0..<3).map(PackageFolders.name)
    #expect(settings.folders.paths == [one, "\(home)/wheels", two])
    #expect(shown["PIP_FIND_LINKS"] == "\(names[0]) \(root.path("file")) \(root.path("none")) wheels")
    #expect(shown["UV_FIND_LINKS"] == "https://pypi.example/x,\(names[2])")
    #expect(shown["UV_INDEX"] == "mine=\(names[1]) other=\(names[0])")
    #expect(shown["PIP_INDEX_URL"] == host["PIP_INDEX_URL"])
    #expect(
      settings.files["pip.conf"] == """
        [global]
        # find-links = \(one)
        Find_Links =
          \(names[0])
          https://pypi.example/wheels
        index-url = \(names[2])
        cache-dir = \(one)
        """)
    #expect(settings.degradations.isEmpty)
  }

  @Test(
    "are not shown where the caller's home is in them, and the report says so",
    arguments: ["", "/", "/home/me", "/home", "/link"])
  func home(_ named: String) throws {
    let root = try TemporaryDirectory()
    try FileManager.default.createDirectory(atPath: root.path("home/me"), withIntermediateDirectories: true)
    try FileManager.default.createSymbolicLink(
      atPath: root.path("link"), withDestinationPath: root.path("home/me"))
    let path = named == "" ? "/" : root.path + named
    let settings = IndexSettings(
      ["HOME": root.path("home/me"), "PIP_FIND_LINKS": path], keepsLogins: false, root: root.path)
    #expect(settings.folders.paths.isEmpty && settings.environment["PIP_FIND_LINKS"] == path)
    #expect(settings.degradations.map(\.what) == ["packages are not looked for in \(path)"])
  }

  @Test("are those that a user of its own could read there")
  func openness() throws {
    let root = try TemporaryDirectory()
    try root.write("", to: "a/b/file")
    func allow(_ mode: Int, _ name: String) throws {
      try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: root.path(name))
    }
    for name in ["", "a", "a/b"] { try allow(0o755, name) }
    try allow(0o644, "a/b/file")
    // What is above the tests' own folder may be closed.
    let isOpen = PackageFolders.isOpenToAll(root.path("a"))
    try #require(isOpen == PackageFolders.isOpenToAll(root.path))
    for (name, less, usual) in [("a/b/file", 0o640, 0o644), ("a/b", 0o751, 0o755), ("", 0o750, 0o755)] {
      try allow(less, name)
      #expect(!PackageFolders.isOpenToAll(root.path("a")), "\(name)")
      try allow(usual, name)
    }
  }

  /// Makes a wheel in a folder that only its owner may enter, and a project that needs it.
  private static let line = """
    umask 077; "$HARNESS/make-wheel" tinypkg 1.5 "$TOP/private/wheels"; mkdir "$TOP/project"
    echo tinypkg==1.5 >"$TOP/project/requirements.txt"
    echo 'import os, tinypkg; print("version", tinypkg.version, [f for _, _, f in os.walk("/srv/packages") if f])' \\
      >"$TOP/project/main.py"
    export PIP_NO_INDEX=1 PIP_FIND_LINKS="$TOP/private/wheels"
    exec "$PREFLIGHT" check "$TOP/project" --format json
    """

  private static func expectInstalled(_ report: Report, _ outcome: Outcome) {
    let start = report.phases.first { $0.name == .start }
    #expect(report.verdict == .ready, "\(outcome)")
    #expect(start?.stdoutTail == ["version 1.5 []"], "\(outcome)")
    #expect(report.phases.first { $0.name == .install }?.status == .passed, "\(outcome)")
  }

  @Test("are read while installing", .needs(.userNamespaces, .python))
  func installs() async throws {
    let caller = try Caller()
    let outcome = try await Program(path: "/bin/sh").run(
      ["-c", Self.line],
      .init(
        variables: caller.variables.merging([
          "HARNESS": Repository.path("Tests", "Harness"), "PREFLIGHT": Program.preflight.path,
          "TOP": caller.folder.path,
        ]) { $1 }, timeLimit: .seconds(300)))
    let report = try Caller.report(in: outcome)
    Self.expectInstalled(report, outcome)
    await caller.expectNothingLeft()
  }

  @Test(
    "are read in another engine's container too, by whomever the program is there",
    .needs(.otherContainers, .python), arguments: OtherContainer.allCases)
  func installsElsewhereAsRoot(_ container: OtherContainer) async throws {
    let outcome = try await container.run("TOP=$(mktemp -d)\n" + Self.line)
    let report = try Caller.report(in: outcome)
    Self.expectInstalled(report, outcome)
    #expect(report.isolation.level == container.level)
  }
}
