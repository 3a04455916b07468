import Formats
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("A recipe")
struct RecipeTests {
  private static let least = "Name: it\nTitle: It\nSuite: bookworm\nPackages: base-files\n"

  @Test("of the program is that of its folder, and each folder has one")
  func embedded() throws {
    let catalog = try RecipeCatalog()
    let folders = try FileManager.default.contentsOfDirectory(atPath: Repository.path("images")).filter {
      name in
      !name.contains(".")
    }
    #expect(catalog.recipes.map(\.name) == folders.sorted())
    #expect(catalog.recipes.count >= 10)
    for recipe in catalog.recipes {
      #expect(try catalog.recipe(at: Repository.path("images", recipe.name)) == recipe)
      #expect(try catalog.recipe(at: recipe.name) == recipe)
      #expect(FileManager.default.fileExists(atPath: Repository.path("images", recipe.name, "README.md")))
    }
  }

  @Test("is read with its comments, lists over several lines, and users")
  func read() throws {
    let recipe = try Recipe(
      """
      # A comment.
      Name: it
      Title: It
      Suite: bookworm
      packages: zlib1g base-files
       # Not a comment, and no package.
      """.replacing("\n # Not a comment, and no package.", with: "\n tzdata")
        + "\nUsers: app:1000:1000:/srv/app\n"
        + "Environment: A=b c\n D=e\nPorts: 80/tcp 53/udp\nRuntime: python python3* 3.11\n",
      of: "it")
    #expect(recipe.packages == ["base-files", "tzdata", "zlib1g"])
    #expect(recipe.environment == ["A=b c", "D=e"] && recipe.ports == ["80/tcp", "53/udp"])
    #expect(recipe.users == [.init(name: "app", userID: 1000, groupID: 1000, home: "/srv/app")])
    #expect(recipe.tags == ["3.11-bookworm", "3.11"])
    #expect(try recipe.reference(tag: recipe.tags[0]).familiar == "localhost/preflight/it:3.11-bookworm")
  }

  @Test(
    "that says what it may not is refused with its line and field",
    arguments: [
      ("Packages: base-files\nPackages: x2\n", "second time"), ("Run: rm -rf /\n", "no field of a recipe"),
      ("Packages: ./evil.deb\n", "no name of a package"), ("Packages: ?essential\n", "no name of a package"),
      ("Packages: --hook-dir=/tmp\n", "no name of a package"), ("Packages: a,b\n", "no name of a package"),
      ("Suite: --customize-hook=id\n", "lower-case"), ("Suite: ../x\n", "lower-case"),
      ("Name: A/b\n", "lower-case"),
      ("Variant: custom\n", "apt or minbase"), ("Omit: usr/share\n", "pattern"),
      ("Keep: /a/../b\n", "pattern"),
      ("Users: root:0:0:/\n", "NAME:UID:GID:HOME"), ("Users: a:4294967295:1:/\n", "NAME:UID:GID:HOME"),
      ("Users: a\u{7}:1:1:/\n", "NAME:UID:GID:HOME"), ("Environment: x\n", "NAME=VALUE"),
      ("Ports: 99999/tcp\n", "8080/tcp"), ("Working-Directory: srv\n", "absolute"),
      ("Runtime: python python3 >=3\n", "ECOSYSTEM"), ("\nName: b\n", "one paragraph"),
      ("what\n", "no field"),
      ("Title:\n", "no value"), (" x\n", "continues"),
    ])
  func refused(line: String, why: String) throws {
    // A field of the test takes the place of the good one.
    let field = line.prefix { $0 != ":" }
    let rest = Self.least.split(separator: "\n").filter { !$0.hasPrefix("\(field):") }.joined(separator: "\n")
    let text = line.hasPrefix(" ") ? line + rest + "\n" : rest + "\n" + line
    let error = #expect(throws: Failure.self) { try Recipe(text, of: "it.recipe") }
    #expect(error?.description.contains(why) == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("it.recipe") == true && error?.cause == .usage)
  }

  @Test("that lacks what it needs, or is not there, is refused")
  func missing() throws {
    for field in ["Name", "Title", "Suite", "Packages"] {
      let text = Self.least.split(separator: "\n").filter { !$0.hasPrefix("\(field):") }.joined(
        separator: "\n")
      let error = #expect(throws: Failure.self) { try Recipe(text, of: "it") }
      #expect(error?.message.contains("field \(field) is missing") == true)
    }
    let error = #expect(throws: Failure.self) { try RecipeCatalog().recipe(at: "/nowhere") }
    #expect(error?.description.contains("debian-slim, go, java") == true)
  }

  @Test("takes packages from where the machine's apt does, and only from what Debian signs")
  func sources() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      """
      # deb http://commented.example/debian bookworm main
      deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://one.example/debian bookworm main contrib
      deb [signed-by=/usr/share/keyrings/other.gpg] http://other.example/debian bookworm main
      deb http://stable.example/linux bookworm stable
      deb-src http://source.example/debian bookworm main
      """, to: "etc/apt/sources.list")
    try directory.write(
      """
      Types: deb
      URIs: http://two.example/debian
      Suites: bookworm bookworm-updates
      Components: main

      Types: deb
      Enabled: no
      URIs: http://off.example/debian
      Suites: bookworm
      Components: main

      Types: deb
      URIs: http://two.example/debian-security
      Suites: bookworm-security
      Components: main
      Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
      """, to: "etc/apt/sources.list.d/debian.sources")
    let key = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    #expect(
      try DebianSources(suite: "bookworm", mirrors: [], root: directory.path).lines == [
        "\(key) http://one.example/debian bookworm main", "\(key) http://two.example/debian bookworm main",
        "\(key) http://two.example/debian bookworm-updates main",
        "\(key) http://two.example/debian-security bookworm-security main",
      ])
    #expect(try DebianSources(suite: "trixie", mirrors: [], root: directory.path).lines == [])
    let mirrors = ["http://m.example/debian", "http://m.example/debian-security/"]
    #expect(
      try DebianSources(suite: "trixie", mirrors: mirrors).lines == [
        "\(key) http://m.example/debian trixie main", "\(key) http://m.example/debian trixie-updates main",
        "\(key) http://m.example/debian-security/ trixie-security main",
      ])
    for wrong in [["x"], ["http://a b"], ["http://a\ndeb http://b"], ["http://m.example/debian-security"]] {
      #expect(throws: Failure.self) { try DebianSources(suite: "trixie", mirrors: wrong) }
    }
  }

  @Test("gives the version of a package without what Debian adds")
  func versions() {
    let versions = [
      "3.11.2-1+b1": "3.11.2", "18.20.4+dfsg-1~deb12u1": "18.20.4", "2:1.19~1": "1.19",
      "17.0.15+6-1~deb12u1": "17.0.15", "1.63.0+dfsg1-2": "1.63.0", "2:8.2.28-1": "8.2.28", "1.": "1", "": "",
    ]
    for (whole, upstream) in versions { #expect(PackageList.upstream(whole) == upstream) }
  }
}
