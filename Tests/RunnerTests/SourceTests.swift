import Foundation
import Testing
import TestSupport

@testable import Execution

@Suite("The name of a source")
struct SourceNameTests {
  @Test(
    "tells folders, archives, repositories and standard input apart",
    arguments: [
      ("-", SourceName.standardInput), (".", .folder(".")), ("shop.tar.gz", .archive("shop.tar.gz")),
      ("shop.zip", .archive("shop.zip")), ("shop.txt", .folder("shop.txt")),
      ("https://h/a.git", .repository(url: "https://h/a.git", reference: nil, subfolder: nil)),
      ("https://h/a#v1", .repository(url: "https://h/a", reference: "v1", subfolder: nil)),
      ("ssh://h/a#main:web", .repository(url: "ssh://h/a", reference: "main", subfolder: "web")),
      ("git@h:t/a.git#:web", .repository(url: "git@h:t/a.git", reference: nil, subfolder: "web")),
      ("ext::sh -c id", .folder("ext::sh -c id")), ("a/b@c:d", .folder("a/b@c:d")),
    ])
  func kinds(text: String, name: SourceName) {
    #expect(SourceName(text) { $0.hasPrefix("shop") } == name)
  }

  @Test(
    "gives the project its name",
    arguments: [
      ("https://h/team/shop.git", "shop"), ("git@h:shop.git#main", "shop"),
      ("https://h/a#main:apps/web", "web"),
      ("-", "project"), ("shop-1.0.tar.gz", "shop-1.0"), ("file:///x/..", "project"),
    ])
  func names(text: String, name: String) {
    #expect(SourceName(text) { _ in true }.projectName == name)
  }
}

@Suite("A source that is no folder", .turns, .needs(.python))
struct SourceTests {
  private let files = ["main.py": "print('hello')\n", "data/words.txt": "a\n"]

  /// Makes an archive of a project with Python's own modules.
  private func pack(_ script: String, _ caller: Caller) async throws {
    let source = try caller.project(files, named: "shop")
    let program = try #require(Program(onPath: "python3"))
    let outcome = try await program.run(["-c", script], .init(directory: source + "/.."))
    try #require(outcome.exitStatus == 0, "\(outcome)")
  }

  @Test(
    "is unpacked and planned like a folder, and nothing of it is left",
    arguments: [
      ("shop.tar", "import tarfile; t = tarfile.open('shop.tar', 'w'); t.add('shop'); t.close()"),
      ("shop.tar.gz", "import tarfile; t = tarfile.open('shop.tar.gz', 'w:gz'); t.add('shop'); t.close()"),
      (
        "shop.tar.xz",
        "import tarfile; t = tarfile.open('shop.tar.xz', 'w:xz', preset=9); t.add('shop'); t.close()"
      ),
      ("shop.zip", "import shutil; shutil.make_archive('shop', 'zip', '.', 'shop')"),
    ])
  func archives(name: String, script: String) async throws {
    let caller = try Caller()
    try await pack(script, caller)
    let outcome = try await caller.preflight(["plan", name])
    #expect(outcome.exitStatus == 0 && outcome.output.contains("main.py"), "\(outcome)")
    #expect(outcome.output.hasPrefix("project      shop"), "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("that is cut off, encrypted, leads upwards or says two things is refused with status 2")
  func hostile() async throws {
    let caller = try Caller()
    try await pack(
      """
      import zipfile, tarfile, io
      z = zipfile.ZipFile('up.zip', 'w'); z.writestr('../evil.py', 'x'); z.close()
      z = zipfile.ZipFile('good.zip', 'w', zipfile.ZIP_DEFLATED); z.writestr('main.py', 'x' * 1000); z.close()
      data = open('good.zip', 'rb').read()
      open('cut.zip', 'wb').write(data[:-30])
      open('two.zip', 'wb').write(data.replace(b'main.py', b'evil.py', 1))
      open('flags.zip', 'wb').write(data[:data.rindex(b'PK\\x01\\x02') + 8] + b'\\x01' + data[data.rindex(b'PK\\x01\\x02') + 9:])
      import lzma
      t = tarfile.open('whole.tar.xz', 'w:xz'); t.add('shop'); t.close()
      data = open('whole.tar.xz', 'rb').read(); middle = len(data) // 2
      open('cut.tar.xz', 'wb').write(data[:-20])
      open('damaged.tar.xz', 'wb').write(data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1:])
      open('bomb.tar.xz', 'wb').write(lzma.compress(bytes(300 << 20), preset=0))
      t = tarfile.open('up.tar', 'w'); i = tarfile.TarInfo('../evil.py'); t.addfile(i); t.close()
      """, caller)
    for (name, word) in [
      ("up.zip", "leads upwards"), ("cut.zip", "no central directory"), ("two.zip", "another name"),
      ("flags.zip", "encrypted"), ("up.tar", "leads upwards"), ("cut.tar.xz", "cut off"),
      ("damaged.tar.xz", "damaged"),
      ("bomb.tar.xz", "times its size"),
    ] {
      let outcome = try await caller.preflight(["plan", name])
      #expect(outcome.exitStatus != 0 && outcome.errorOutput.contains(word), "\(name): \(outcome)")
    }
    #expect(!FileManager.default.fileExists(atPath: caller.folder.path("evil.py")))
    await caller.expectNothingLeft()
  }

  @Test("on standard input is an archive; an empty one is an error")
  func standardInput() async throws {
    let caller = try Caller()
    try await pack("import tarfile; t = tarfile.open('shop.tar', 'w'); t.add('shop'); t.close()", caller)
    let shell = Program(path: "/bin/sh")
    let script = "\"$0\" plan - <shop.tar; \"$0\" plan - </dev/null"
    let outcome = try await shell.run(
      ["-c", script, Program.preflight.path],
      .init(variables: caller.variables, directory: caller.folder.path))
    #expect(outcome.output.contains("main.py") && outcome.exitStatus == 2, "\(outcome)")
    #expect(outcome.errorOutput.contains("standard input is empty"), "\(outcome)")
  }

  @Test(
    "is a branch and a folder of a git repository, whose hooks and settings do not run here",
    .enabled(if: Program(onPath: "git") != nil, "git is not installed"))
  func repository() async throws {
    let caller = try Caller()
    let source = try caller.project(["web/main.py": "print(1)\n", "README.md": ""], named: "repository")
    let mark = caller.folder.path("hook-ran")
    let script = """
      cd '\(source)' && git init -q -b main . && git add . && git -c user.name=t -c user.email=t@t.invalid commit -qm x &&
      git branch feature && printf '#!/bin/sh\\ntouch \(mark)\\n' >.git/hooks/post-checkout && chmod +x .git/hooks/post-checkout
      """
    let made = try await Program(path: "/bin/sh").run(["-c", script])
    try #require(made.exitStatus == 0, "\(made)")
    let outcome = try await caller.preflight(["plan", "file://\(source)#feature:web"])
    #expect(outcome.exitStatus == 0 && outcome.output.hasPrefix("project      web"), "\(outcome)")
    #expect(!FileManager.default.fileExists(atPath: mark))
    let missing = try await caller.preflight(["plan", "file://\(source)#nothing"])
    #expect(missing.exitStatus == 2 && missing.errorOutput.contains("could not be fetched"), "\(missing)")
    let upwards = try await caller.preflight(["plan", "file://\(source)#main:../.."])
    #expect(upwards.exitStatus == 2, "\(upwards)")
    await caller.expectNothingLeft()
  }
}
