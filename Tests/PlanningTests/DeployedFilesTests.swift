import Foundation
import TestSupport
import Testing

@testable import Planning

@Suite("What a deployment would have")
struct DeployedFilesTests {
  /// Runs git to its end; the tests that need it are skipped where it is not installed.
  private func git(_ arguments: [String], in folder: String) throws {
    let git = Process()
    git.executableURL = URL(filePath: try #require(Program(onPath: "git")).path)
    git.arguments = ["-C", folder] + arguments
    git.environment = ["HOME": folder, "GIT_CONFIG_NOSYSTEM": "1"]
    try git.run()
    git.waitUntilExit()
    try #require(git.terminationStatus == 0)
  }

  private func link(_ target: String, at path: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  private func leftOut(_ snapshot: ProjectSnapshot) -> [String] { snapshot.leftOut.map(\.path) }

  @Test(
    "is told by git's patterns",
    arguments: [
      ("*.log", "a.log", true), ("*.log", "x/y/a.log", true), ("/a.log", "x/a.log", false),
      ("/a.log", "a.log", true),
      ("x/*.log", "x/a.log", true), ("x/*.log", "x/y/a.log", false), ("x/**/a", "x/a", true),
      ("x/**/a", "x/y/z/a", true), ("x/**", "x/y", true), ("x/**", "x", false), ("**/b/c", "b/c", true),
      ("**/b/c", "a/b/c", true), ("**/b/c", "ab/c", false), ("a?c", "abc", true), ("a?c", "a/c", false),
      ("[a-c].py", "b.py", true), ("[!a-c].py", "b.py", false), ("[!a-c].py", "z.py", true),
      ("[x", "[x", true),
      ("a\\*", "a*", true), ("a\\*", "ab", false), ("\\#a", "#a", true), ("# a", "# a", false),
      ("build/", "build", false), ("*", "any/thing", true), ("***", "a", true), (".env", ".env", true),
      (".env", ".env.example", false), ("a b ", "a b", true), ("", "", false),
    ])
  func patterns(pattern: String, path: String, isMatch: Bool) {
    let read = IgnorePattern(pattern[...], number: 1, dialect: .git)
    #expect((read?.matches(path[...], isFolder: false) ?? false) == isMatch)
  }

  @Test("a pattern that would make others slow is matched in no time", .timeLimit(.minutes(5)))
  func hostilePattern() throws {
    let pattern = String(repeating: "*a", count: 500) + "**/" + String(repeating: "[a-z]*", count: 100) + "b"
    let read = try #require(IgnorePattern(pattern[...], number: 1, dialect: .git))
    #expect(!read.matches(String(repeating: "a", count: 4000)[...], isFolder: false))
  }

  @Test("is what no .gitignore leaves out: nested ones, exceptions, and the line that did it")
  func ignored() throws {
    let files = [
      ".gitignore": "# made\n\n*.log\n!keep.log\ndist/\n", "main.py": "", "a.log": "", "keep.log": "",
      "dist/index.js": "", "dist/deep/x.js": "", "web/.gitignore": "/local.py\n!special.log\n",
      "web/local.py": "",
      "web/deep/local.py": "", "web/special.log": "",
    ]
    try ProjectTree(files).use { folder in
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(leftOut(snapshot) == ["a.log", "dist", "web/local.py"])
      #expect(
        snapshot.files == [
          ".gitignore", "keep.log", "main.py", "web/.gitignore", "web/deep/local.py", "web/special.log",
        ])
      #expect(snapshot.leftOut[1].reason == .ignored(file: ".gitignore", line: 5, pattern: "dist/"))
      #expect(snapshot.leftOut[1].files == ["dist/deep/x.js", "dist/index.js"])
      #expect(snapshot.leftOut[2].reason == .ignored(file: "web/.gitignore", line: 1, pattern: "/local.py"))
    }
  }

  @Test(
    "has what git tracks although it is ignored, and no .env that git does not track",
    .enabled(if: Program(onPath: "git") != nil, "git is not installed"))
  func tracked() throws {
    let files = [
      ".gitignore": "lib/\n", "lib/a.py": "", "lib/sub/b.py": "", "lib/new.py": "", "main.py": "",
      ".env": "A=1\n",
      "extra.txt": "",
    ]
    try ProjectTree(files).use { folder in
      try git(["init", "-q"], in: folder.path)
      try git(["add", "-f", ".gitignore", "lib/a.py", "lib/sub/b.py", "main.py"], in: folder.path)
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(leftOut(snapshot) == [".env", "lib/new.py"])
      #expect(snapshot.files == [".gitignore", "extra.txt", "lib/a.py", "lib/sub/b.py", "main.py"])
      #expect(snapshot.variables(in: snapshot.leftOut[0]) == ["A"])
      try git(["add", "-f", ".env"], in: folder.path)
      #expect(try leftOut(ProjectSnapshot.walk(folder.path)) == ["lib/new.py"])
      for version in ["2", "4"] {
        try git(["update-index", "--index-version", version], in: folder.path)
        #expect(try leftOut(ProjectSnapshot.walk(folder.path)) == ["lib/new.py"])
      }
    }
  }

  @Test(
    "of a folder of a repository is told by the files above it too",
    .enabled(if: Program(onPath: "git") != nil, "git is not installed"))
  func inside() throws {
    let files = [
      ".gitignore": "*.tmp\n/backend/secret.py\n", "backend/main.py": "", "backend/secret.py": "",
      "backend/x.tmp": "",
      "backend/mine.txt": "",
    ]
    try ProjectTree(files).use { folder in
      try git(["init", "-q"], in: folder.path)
      try folder.write("mine.txt\n", to: ".git/info/exclude")
      let snapshot = try ProjectSnapshot.walk(folder.path("backend"))
      #expect(leftOut(snapshot) == ["mine.txt", "secret.py", "x.tmp"])
      #expect(
        snapshot.leftOut[1].reason == .ignored(file: "../.gitignore", line: 2, pattern: "/backend/secret.py"))
    }
  }

  @Test(
    "is not told by a repository that leaves the whole folder out",
    .enabled(if: Program(onPath: "git") != nil, "git is not installed"),
    arguments: ["*\n", "/work/\n", "backend\n"],
    [true, false])
  func foreign(pattern: String, isTracked: Bool) throws {
    let files = [".gitignore": pattern, "work/backend/main.py": "", "work/backend/.env": "A=1"]
    try ProjectTree(files).use { folder in
      try git(["init", "-q"], in: folder.path)
      if isTracked { try git(["add", "-f", "work/backend/main.py"], in: folder.path) }
      let snapshot = try ProjectSnapshot.walk(folder.path("work/backend"))
      #expect(snapshot.contains("main.py"))
      #expect(leftOut(snapshot) == (isTracked ? [".env"] : []))
    }
  }

  @Test("is not told by an index that is none", arguments: ["", "DIRC", "DIRC\0\0\0\u{2}\0\0\0\u{9}short"])
  func brokenIndex(text: String) throws {
    #expect(GitIndex(Array(text.utf8)) == nil)
  }

  @Test("lacks what .dockerignore keeps out, where a Dockerfile is how it is deployed")
  func docker() throws {
    var files = [
      "Dockerfile": "FROM python:3.11\nCOPY . .\nCMD python main.py\n", "main.py": "", "templates/a.html": "",
      "docs/a.md": "", "docs/keep.md": "", "x.pyc": "", "deep/x.pyc": "",
      ".dockerignore": "templates\n*.pyc\nDockerfile\n",
    ]
    try ProjectTree(files).use { folder in
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(leftOut(snapshot) == ["templates", "x.pyc"])
      #expect(snapshot.contains("deep/x.pyc") && snapshot.contains("Dockerfile"))
      #expect(snapshot.leftOut[0].reason == .ignored(file: ".dockerignore", line: 1, pattern: "templates"))
      #expect(snapshot.leftOut[0].files == ["templates/a.html"])
    }
    files[".dockerignore"] = "docs\n!docs/keep.md\n**/*.pyc\n"
    try ProjectTree(files).use { folder in
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(leftOut(snapshot) == ["deep/x.pyc", "docs/a.md", "x.pyc"])
    }
    files["Procfile"] = "web: python main.py\n"
    try ProjectTree(files).use { folder in
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(leftOut(snapshot) == [])
    }
  }

  @Test("lacks what lies behind links that lead out of the project, or begin at the root")
  func links() throws {
    try ProjectTree(["main.py": "", "real.txt": ""]).use { folder in
      try link("real.txt", at: folder.path("inside.txt"))
      try link("../elsewhere", at: folder.path("shared"))
      try link(folder.path("real.txt"), at: folder.path("absolute.txt"))
      let snapshot = try ProjectSnapshot.walk(folder.path)
      #expect(leftOut(snapshot) == ["absolute.txt", "shared"])
      #expect(snapshot.leftOut[1].reason == .link(target: "../elsewhere") && !snapshot.leftOut[1].isHidden)
      #expect(snapshot.contains("inside.txt"))
      try folder.write("../elsewhere", to: "written")
      try folder.write("../not a link\n", to: "text")
      #expect(try leftOut(ProjectSnapshot.walk(folder.path)) == ["absolute.txt", "shared", "written"])
    }
  }
}
