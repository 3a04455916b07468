import Formats
import Testing

@testable import Images

@Suite("Image references")
struct ReferenceTests {
  private static let digest = "sha256:" + String(repeating: "a", count: 64)

  @Test(
    "are read as Docker and podman read them",
    arguments: [
      ("python:3.12-slim", "docker.io/library/python:3.12-slim"),
      ("python", "docker.io/library/python:latest"),
      ("team/app", "docker.io/team/app:latest"), ("docker.io/python:3", "docker.io/library/python:3"),
      ("index.docker.io/team/app:1", "docker.io/team/app:1"), ("localhost/app:1", "localhost/app:1"),
      ("127.0.0.1:5000/a/b/c:x", "127.0.0.1:5000/a/b/c:x"), ("[::1]:5000/a:x", "[::1]:5000/a:x"),
      ("registry.example.com/app@\(digest)", "registry.example.com/app@\(digest)"),
      ("registry.example.com:5000/app:1.0@\(digest)", "registry.example.com:5000/app:1.0@\(digest)"),
      ("a__b/c.d-e---f:T", "docker.io/a__b/c.d-e---f:T"),
    ])
  func read(text: String, whole: String) throws {
    let reference = try ImageReference(text)
    #expect(reference.description == whole)
    #expect(
      try ImageReference(reference.familiar) == reference
        && ImageReference(reference.description) == reference)
  }

  @Test(
    "that are none are refused",
    arguments: [
      "", ":tag", "a:", "library/Python", "a//b", "/a", "a/", "a..b", "a___b", "-a", "a-",
      "a@sha256:12", "a@md5:1",
      "host.com:99999/a", "host.com:0/a", "host..com/a", "-host.com/a", "a b", "a:t t", "../a", "a/../b",
      "a\n", "[::1/a:x",
      "a:" + String(repeating: "t", count: 129), String(repeating: "a", count: 256), "é",
    ])
  func refused(text: String) {
    #expect(throws: Failure.self) { try ImageReference(text) }
  }
}

@Suite("The user of an image")
struct ImageUserTests {
  private static let passwd = ImageUser.lines(
    Array(
      "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n99999999999:x:0:0::/:/\nbad:x:4294967296:0::/:/\n"
        .utf8))
  private static let group = ImageUser.lines(Array("root:x:0:\nstaff:x:50:app,other\naudio:x:29:app\n".utf8))

  @Test(
    "is found by name or number, with the groups of the image",
    arguments: [
      ("", 0, 0, []), ("app", 1000, 1001, [50, 29]), ("1000", 1000, 1001, [50, 29]),
      ("app:staff", 1000, 50, []),
      ("1000:7", 1000, 7, []), ("4000", 4000, 0, []), ("root", 0, 0, []), (":50", 0, 50, []),
    ] as [(String, UInt32, UInt32, [UInt32])])
  func found(text: String, user: UInt32, groupID: UInt32, groups: [UInt32]) throws {
    let found = try ImageUser(text, passwd: Self.passwd, group: Self.group)
    #expect(found.userID == user && found.groupID == groupID && found.groups == groups)
  }

  @Test(
    "that is no id or is not there is refused: digits are never a name",
    arguments: [
      "2147483648", "4294967296", "99999999999", "nobody-here", "app:nothing", "bad", "1000:4294967296",
      "0x0", "-1", "+0",
    ])
  func refused(text: String) {
    #expect(throws: Failure.self) { try ImageUser(text, passwd: Self.passwd, group: Self.group) }
  }
}
