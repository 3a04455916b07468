import Formats
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

@Suite("Logins for registries")
struct CredentialTests {
  private func auth(_ text: String) -> String { Data(text.utf8).base64EncodedString() }

  private func login(_ name: String, _ environment: [String: String], limit: Int = 5000) throws
    -> RegistryLogin?
  {
    try RegistryCredentials(environment: environment, helperLimitMilliseconds: limit).login(
      for: ImageReference(name))
  }

  @Test("are found for a repository before its folder and its registry, in the first file that has one")
  func files() throws {
    let directory = try TemporaryDirectory()
    let first = """
      {"auths": {"a.example": {"auth": "\(auth("host:1"))"}, "a.example/team": {"auth": "\(auth("team:2:3"))"},
       "https://index.docker.io/v1/": {"auth": "\(auth("hub:4"))"}, "b.example": {"identitytoken": "T"}}}
      """
    let second =
      "{\"auths\": {\"a.example\": {\"auth\": \"\(auth("other:5"))\"}, \"c.example\": {\"auth\": \"\(auth("c:6"))\"}}}"
    try directory.write(first, to: "run/containers/auth.json")
    try directory.write(second, to: "home/.docker/config.json")
    let environment = ["XDG_RUNTIME_DIR": directory.path("run"), "HOME": directory.path("home")]
    #expect(try login("a.example/x", environment) == .password(user: "host", password: "1"))
    #expect(try login("a.example/team/x", environment) == .password(user: "team", password: "2:3"))
    #expect(try login("a.example/teams", environment) == .password(user: "host", password: "1"))
    #expect(try login("python", environment) == .password(user: "hub", password: "4"))
    #expect(try login("b.example/x", environment) == .identityToken("T"))
    #expect(try login("c.example/x", environment) == .password(user: "c", password: "6"))
    #expect(try login("d.example/x", environment) == nil)
    let alone = environment.merging(["REGISTRY_AUTH_FILE": directory.path("home/.docker/config.json")]) { $1 }
    #expect(try login("a.example/x", alone) == .password(user: "other", password: "5"))
    try directory.write("{\"auths\": SECRET", to: "run/containers/auth.json")
    let error = #expect(throws: Failure.self) { try login("a.example/x", environment) }
    #expect(error?.message.contains("auth.json") == true && error?.message.contains("SECRET") == false)
  }

  /// A folder with a helper that answers as the shell script says.
  private func helper(_ script: String) throws -> TemporaryDirectory {
    let directory = try TemporaryDirectory()
    try directory.write("#!/bin/sh\n\(script)\n", to: "bin/docker-credential-it", mode: 0o755)
    try directory.write(
      "{\"credHelpers\": {\"a.example\": \"it\"}, \"credsStore\": \"it\"}", to: "auth.json", mode: 0o600)
    return directory
  }

  private func environment(_ directory: borrowing TemporaryDirectory) -> [String: String] {
    ["PATH": directory.path("bin"), "REGISTRY_AUTH_FILE": directory.path("auth.json")]
  }

  @Test("come from the helper that a file names, which is told the server and nothing else")
  func helpers() throws {
    let directory = try helper(
      "read server; [ \"$1\" = get ] && printf '{\"ServerURL\":\"%s\",\"Username\":\"u\",\"Secret\":\"of %s\"}' \"$server\" \"$server\""
    )
    let environment = environment(directory)
    #expect(try login("a.example/x", environment) == .password(user: "u", password: "of a.example"))
    #expect(try login("b.example/x", environment) == .password(user: "u", password: "of b.example"))
    #expect(
      try login("python", environment) == .password(user: "u", password: "of https://index.docker.io/v1/"))
    let tokens = try helper("echo '{\"Username\":\"<token>\",\"Secret\":\"T\"}'")
    #expect(try login("a.example/x", self.environment(tokens)) == .identityToken("T"))
    let empty = try helper("echo 'credentials not found in native keychain'; exit 1")
    #expect(try login("a.example/x", self.environment(empty)) == nil)
  }

  @Test(
    "that a helper cannot give are one clear error within its time, without what it kept secret",
    arguments: [
      ("echo 'the store is locked'; exit 1", "the store is locked"),
      ("echo '{\"Secret\": 3}'", "is not a login"),
      ("exec sleep 60", "no answer within"), ("exec yes SECRET", "no answer within"),
      ("printf 'a\\033[2Jb'; exit 1", "a\\u{1b}[2Jb"),
    ])
  func failing(script: String, words: String) throws {
    let directory = try helper("PATH=/usr/bin:/bin\n\(script)")
    let error = #expect(throws: Failure.self) {
      try login("a.example/x", environment(directory), limit: words == "no answer within" ? 1000 : 60_000)
    }
    #expect(error?.message.contains("docker-credential-it get a.example") == true)
    #expect(error?.message.contains(words) == true, "\(String(describing: error))")
    #expect(error?.message.contains("SECRET") == false)
  }

  @Test("need a helper from an absolute folder of PATH and with a plain name: no project brings one")
  func foreign() throws {
    let directory = try helper("echo '{\"Username\":\"u\",\"Secret\":\"s\"}'")
    for path in ["", ".", "bin", "/nonexistent"] {
      let environment = ["PATH": path, "REGISTRY_AUTH_FILE": directory.path("auth.json")]
      let error = #expect(throws: Failure.self) { try login("a.example/x", environment) }
      #expect(error?.message.contains("not on PATH") == true)
    }
    try directory.write("{\"credsStore\": \"../bin/docker-credential-it\"}", to: "auth.json")
    let error = #expect(throws: Failure.self) { try login("a.example/x", environment(directory)) }
    #expect(error?.message.contains("not the name") == true)
  }

  @Test("are kept in a file that only its owner reads, beside what else is in it, and taken out again")
  func kept() throws {
    let directory = try TemporaryDirectory()
    try directory.write(
      "{\"credHelpers\": {}, \"auths\": {\"b.example\": {\"auth\": \"eDp5\"}}, \"x\": [1, true]}",
      to: "real.json", mode: 0o644)
    _ = unsafe symlink("real.json", directory.path("auth.json"))
    let credentials = RegistryCredentials(environment: ["REGISTRY_AUTH_FILE": directory.path("auth.json")])
    #expect(try credentials.keep(user: "u", password: "p:w", for: "a.example") == directory.path("auth.json"))
    #expect(
      try credentials.login(for: ImageReference("a.example/x")) == .password(user: "u", password: "p:w"))
    #expect(try credentials.login(for: ImageReference("b.example/x")) == .password(user: "x", password: "y"))
    var information = stat()
    #expect(
      unsafe lstat(directory.path("auth.json"), &information) == 0 && information.st_mode & S_IFMT == S_IFLNK)
    #expect(
      unsafe stat(directory.path("real.json"), &information) == 0 && information.st_mode & 0o777 == 0o600)
    #expect(try directory.read("real.json").contains("\"x\""))
    #expect(try credentials.forget("a.example") == [directory.path("auth.json")])
    #expect(try credentials.forget("a.example") == [])
    #expect(try credentials.login(for: ImageReference("b.example/x")) != nil)
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    #expect(names == ["auth.json", "real.json"], "no file beside them")
  }

  @Test("that many keep at once are all there afterwards")
  func together() async throws {
    let directory = try TemporaryDirectory()
    let path = directory.path("new/auth.json")
    await withTaskGroup(of: Void.self) { group in
      for index in 0..<20 {
        group.addTask {
          let credentials = RegistryCredentials(environment: ["REGISTRY_AUTH_FILE": path])
          _ = try? credentials.keep(user: "u", password: "\(index)", for: "r\(index).example")
        }
      }
    }
    let credentials = RegistryCredentials(environment: ["REGISTRY_AUTH_FILE": path])
    for index in 0..<20 {
      #expect(
        try credentials.login(for: ImageReference("r\(index).example/x"))
          == .password(user: "u", password: "\(index)"))
    }
  }

  @Test("are waited for as long as a registry asks in seconds or by a date, and no longer")
  func patience() {
    let now = Date(timeIntervalSince1970: 1_445_412_480)  // 21 Oct 2015 07:28:00
    #expect(RetryAfter.seconds("17", now: now) == 17)
    #expect(RetryAfter.seconds("Wed, 21 Oct 2015 07:28:30 GMT", now: now) == 30)
    #expect(RetryAfter.seconds("Wed, 21 Oct 2015 07:00:00 GMT", now: now) == 0)
    #expect(RetryAfter.seconds("99999999999999999999999", now: now) == .max)
    for text in [nil, "", "-1", "soon", "Wed, 21 Oct", "1.5"] {
      #expect(RetryAfter.seconds(text, now: now) == nil)
    }
  }
}
