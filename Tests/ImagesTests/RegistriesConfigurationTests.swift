import Formats
import Foundation
import TestSupport
import Testing

@testable import Images

@Suite("registries.conf")
struct RegistriesConfigurationTests {
  /// What a file says, with no other file beside it.
  private func configuration(_ text: String, dropIns: [String: String] = [:]) throws
    -> RegistriesConfiguration
  {
    let directory = try TemporaryDirectory()
    try directory.write(text, to: "system/registries.conf")
    for (name, text) in dropIns { try directory.write(text, to: "system/registries.conf.d/\(name)") }
    return try RegistriesConfiguration(
      environment: ["HOME": directory.path("home")], system: directory.path("system"))
  }

  private func places(_ name: String, _ configuration: RegistriesConfiguration) throws -> [String] {
    try configuration.places(ImageReference(name)).map {
      $0.reference.description + ($0.isInsecure ? " insecure" : "")
    }
  }

  @Test("gives names without a registry their aliases, or the registries to look in, in order")
  func shortNames() throws {
    let text = """
      unqualified-search-registries = ["one.example", "docker.io"]
      [aliases]
      "tool" = "two.example/team/tool"
      "gone" = ""
      """
    let it = try configuration(text)
    func names(_ name: String) throws -> [String] { try it.candidates(name).map(\.description) }
    #expect(try names("tool:1") == ["two.example/team/tool:1"])
    #expect(try names("python:3") == ["one.example/python:3", "docker.io/library/python:3"])
    #expect(try names("a/b") == ["one.example/a/b:latest", "docker.io/a/b:latest"])
    #expect(try names("three.example/x") == ["three.example/x:latest"])
    #expect(try names("gone").count == 2, "an empty alias is none")
    #expect(
      try RegistriesConfiguration().candidates("python").map(\.description) == [
        "docker.io/library/python:latest"
      ])
    for text in [
      "unqualified-search-registries = []",
      "unqualified-search-registries = [\"a.example\", \"b.example\"]\nshort-name-mode = \"enforcing\"",
    ] {
      let error = #expect(throws: Failure.self) { try configuration(text).candidates("python") }
      #expect(error?.message.contains("python") == true && error?.message.contains("registries.conf") == true)
    }
  }

  @Test("puts locations in the place of prefixes, the longest first, and mirrors before the registry")
  func places() throws {
    let it = try configuration(
      """
      [[registry]]
      prefix = "example.com"
      location = "internal.example/mirror"
      [[registry]]
      prefix = "example.com/team"
      location = "other.example"
      insecure = true
      [[registry.mirror]]
      location = "near.example/team"
      [[registry.mirror]]
      location = "exact.example"
      pull-from-mirror = "digest-only"
      [[registry.mirror]]
      location = "tags.example"
      insecure = true
      pull-from-mirror = "tag-only"
      [[registry]]
      prefix = "*.wild.example"
      location = "caught.example"
      [[registry]]
      prefix = "bad.example"
      location = "bad.example"
      blocked = true
      """)
    let digest = "sha256:" + String(repeating: "a", count: 64)
    #expect(try places("example.com/a:1", it) == ["internal.example/mirror/a:1"])
    #expect(try places("example.com.evil/a:1", it) == ["example.com.evil/a:1"], "not the same host")
    #expect(
      try places("example.com/team/a:1", it) == [
        "near.example/team/a:1", "tags.example/a:1 insecure", "other.example/a:1 insecure",
      ])
    #expect(
      try places("example.com/team/a@\(digest)", it) == [
        "near.example/team/a@\(digest)", "exact.example/a@\(digest)", "other.example/a@\(digest) insecure",
      ])
    #expect(try places("x.y.wild.example:5000/a:1", it) == ["caught.example:5000/a:1"])
    #expect(try places("wild.example/a:1", it) == ["wild.example/a:1"])
    let error = #expect(throws: Failure.self) { try places("bad.example/a", it) }
    #expect(error?.cause == .refused && error?.message.contains("blocks bad.example") == true)
  }

  @Test("is read of the user before that of the machine, and drop-ins replace what stands before them")
  func files() throws {
    let directory = try TemporaryDirectory()
    try directory.write("unqualified-search-registries = [\"machine.example\"]", to: "system/registries.conf")
    try directory.write("[aliases]\n\"a\" = \"one.example/a\"", to: "system/registries.conf.d/1.conf")
    try directory.write("[aliases]\n\"a\" = \"two.example/a\"", to: "system/registries.conf.d/2.conf")
    try directory.write("nonsense", to: "system/registries.conf.d/ignored.txt")
    func read(_ more: [String: String] = [:]) throws -> RegistriesConfiguration {
      try RegistriesConfiguration(
        environment: ["HOME": directory.path("home")].merging(more) { $1 }, system: directory.path("system"))
    }
    #expect(try read().searchRegistries == ["machine.example"])
    #expect(try read().aliases["a"] == "two.example/a")
    try directory.write(
      "unqualified-search-registries = [\"mine.example\"]", to: "home/.config/containers/registries.conf")
    #expect(try read().searchRegistries == ["mine.example"])
    try directory.write("unqualified-search-registries = [\"named.example\"]", to: "named.conf")
    let named = ["CONTAINERS_REGISTRIES_CONF": directory.path("named.conf")]
    #expect(try read(named).searchRegistries == ["named.example"])
    #expect(throws: Failure.self) {
      try read(["CONTAINERS_REGISTRIES_CONF": directory.path("nothing.conf")])
    }
  }

  @Test(
    "that cannot be understood is an error with its file, never passed over: it may block a registry",
    arguments: [
      ("unqualified-search-registries = \"x\"", "no array of strings"), ("[[registry]]\n= 3", "line 2"),
      ("[registries.search]\nregistries = []", "version 1"),
      ("[[registry]]\nblocked = true", "neither prefix"),
      ("[[registry]]\nlocation = \"https://a.example\"", "has a scheme"),
      ("[[registry]]\nlocation = \"a\"\nblocked = \"yes\"", "neither true nor false"),
      ("[[registry]]\nprefix = \"a*.example\"\nlocation = \"b\"", "wildcard"),
      (
        "[[registry]]\nlocation = \"a\"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = \"b\"\npull-from-mirror = \"all\"",
        "only one of them"
      ),
    ])
  func wrong(text: String, words: String) throws {
    let error = #expect(throws: Failure.self) { try configuration(text) }
    #expect(error?.message.contains("registries.conf") == true, "\(String(describing: error))")
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
  }
}
