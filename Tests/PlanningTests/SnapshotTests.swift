import Ecosystems
import Formats
import Glibc
import Planning
import TestSupport
import Testing

@Suite("A snapshot")
struct SnapshotTests {
  @Test("lists files sorted, without what tools made")
  func lists() throws {
    let tree = ProjectTree([
      "b.py": "1", "a/c.py": "2", ".git/config": "", "node_modules/x/index.js": "", "a/__pycache__/c.pyc": "",
      "env/pyvenv.cfg": "", "env/lib/x.py": "", ".venv/x": "", "venvy/x.py": "", ".hidden": "",
    ])
    try tree.use { folder in
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(snapshot.files == [".hidden", "a/c.py", "b.py", "venvy/x.py"])
      #expect(snapshot.skippedFolders == [".git", ".venv", "a/__pycache__", "env", "node_modules"])
      #expect(!snapshot.truncated)
      #expect(snapshot.text(of: "a/c.py") == "2")
      #expect(snapshot.text(of: "nothing") == nil)
    }
  }

  @Test("follows links to files inside the project only")
  func links() throws {
    try ProjectTree(["real.txt": "in", "folder/x": ""]).use { folder in
      let outside = try TemporaryDirectory(prefix: "planning-outside")
      try outside.write("secret", to: "secret.txt")
      for (target, name) in [
        ("real.txt", "inside"), (outside.path("secret.txt"), "outside"), (outside.path, "outside-folder"),
        ("nowhere", "broken"), ("loop", "loop"), ("folder", "linked-folder"), ("/dev/zero", "device"),
      ] {
        #expect(unsafe symlink(target, folder.path(name)) == 0)
      }
      #expect(unsafe mkfifo(folder.path("pipe"), 0o600) == 0)
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(snapshot.files == ["folder/x", "inside", "real.txt"])
      #expect(snapshot.text(of: "inside") == "in")
      // A link that is changed after the walk still leads nowhere.
      #expect(unsafe unlink(folder.path("real.txt")) == 0)
      #expect(unsafe symlink(outside.path("secret.txt"), folder.path("real.txt")) == 0)
      #expect(snapshot.text(of: "real.txt") == nil)
    }
  }

  @Test("says when a cap cut it short, and reads no large file")
  func caps() throws {
    try ProjectTree(["a": "12345", "b": "", "c/d/e": ""]).use { folder in
      let few = try ProjectSnapshot.walk(folder.path, caps: .init(files: 2))
      #expect(few.files == ["a", "b"] && few.truncated)
      let shallow = try ProjectSnapshot.walk(folder.path, caps: .init(depth: 2))
      #expect(shallow.files == ["a", "b"] && shallow.truncated)
      let small = try ProjectSnapshot.walk(folder.path, caps: .init(fileSizeInBytes: 4))
      #expect(small.bytes(of: "a") == nil && small.files.contains("a"))
    }
  }

  @Test("lists names that are not UTF-8 as unreadable")
  func invalidName() throws {
    try ProjectTree(["a": ""]).use { folder in
      let name: [CChar] = Array(folder.path.utf8CString.dropLast()) + [47, -1, 0]
      let descriptor = unsafe open(name, O_CREAT | O_WRONLY, 0o600)
      try #require(descriptor >= 0)
      close(descriptor)
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(snapshot.files == ["a"] && snapshot.unreadable == ["\u{FFFD}"])
    }
  }

  @Test("repairs what is not UTF-8 and removes a byte order mark")
  func text() throws {
    try ProjectTree(["a": "\u{FEFF}x"]).use { folder in
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(snapshot.text(of: "a") == "x")
    }
  }

  @Test("leaves the folder's access times as they were")
  func accessTimes() throws {
    try ProjectTree(["requirements.txt": "flask", "app.py": "x = 1"]).use { folder in
      // Older than the last change, so that the kernel would update it at any read (relatime).
      for name in ["", "requirements.txt", "app.py"] {
        var times = [timespec(tv_sec: 1_000_000, tv_nsec: 0), timespec(tv_sec: 1_000_000_000, tv_nsec: 0)]
        #expect(unsafe utimensat(AT_FDCWD, folder.path(name), &times, 0) == 0)
      }
      _ = try Planner.plan(projectAt: folder.path)
      for name in ["", "requirements.txt", "app.py"] {
        var information = stat()
        #expect(unsafe stat(folder.path(name), &information) == 0)
        #expect(information.st_atim.tv_sec == 1_000_000, "\(name) was touched")
      }
    }
  }

  @Test("of a folder that is not there, is none or is empty is an error with what to do")
  func errors() throws {
    try ProjectTree(["file": "", "empty/.git/x": ""]).use { folder in
      for (path, kind, category) in [
        (folder.path("nothing"), Failure.Cause.folderMissing, ExitStatus.usage),
        (folder.path("file"), .notAFolder, .usage), (folder.path("file/x"), .notAFolder, .usage),
        (folder.path("empty"), .emptyFolder, .undetermined), ("", .folderMissing, .usage),
      ] {
        let error = #expect(throws: Failure.self) { try ProjectSnapshot.walk(path) }
        #expect(error?.cause == kind)
        #expect(error?.exitStatus == category)
        #expect(error?.description.hasPrefix(path) ?? false)
        #expect(error?.remedy?.isEmpty == false)
      }
    }
  }

  @Test("of a folder without permission is an error that names it", .needs(.unprivileged))
  func unreadable() throws {
    try ProjectTree(["a/b": "", "c": ""]).use { folder in
      #expect(unsafe chmod(folder.path("a"), 0) == 0)
      defer { _ = unsafe chmod(folder.path("a"), 0o700) }
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(snapshot.unreadable == ["a"])
      let closed = folder.path("a")
      let error = #expect(throws: Failure.self) { try ProjectSnapshot.walk(closed) }
      #expect(error?.cause == .unreadable && error?.exitStatus == .usage)
    }
  }
}

@Suite("SHA-256")
struct SHA256Tests {
  @Test(
    "gives the standard's values",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
    ])
  func vectors(_ text: String, _ expected: String) {
    #expect(SHA256.hexadecimal(of: text.utf8) == expected)
  }

  @Test("gives the standard's value for a long text")
  func longText() {
    let text = repeatElement(UInt8(ascii: "a"), count: 1_000_000)
    #expect(
      SHA256.hexadecimal(of: text) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test("does not depend on how the bytes are given", arguments: [0, 1, 55, 56, 63, 64, 65, 119, 120, 128])
  func pieces(_ count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
    var hash = SHA256()
    for byte in bytes { hash.update([byte]) }
    #expect(hash.hexadecimal() == SHA256.hexadecimal(of: bytes))
  }
}
