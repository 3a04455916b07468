import Analysis
import Foundation
import Glibc
import Reports
import Testing
import TestSupport

@Suite("The project's folder", .turns, .needs(.userNamespaces, .python))
struct ProjectFolderTests {
  /// Writes, changes and removes files of its own folder, then serves.
  private static let writer =
    """
    import helper, os
    open("created.bin", "w").write("x" * 1000)
    open("settings.ini", "a").write("changed")
    os.remove("obsolete.txt")
    os.makedirs("uploads/deep")
    open("uploads/deep/picture.png", "wb").write(bytes(10))
    os.chmod("settings.ini", 0o600)

    """ + Projects.server

  @Test(
    "is the same to the bit after the check of a program that writes there, and the report lists what it wrote"
  )
  func writerAsAnyUser() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project([
      "main.py": Self.writer, "helper.py": "", "settings.ini": "old", "obsolete.txt": "old",
      "run.sh": "#!/bin/sh\n",
    ])
    _ = unsafe chmod("\(source)/run.sh", 0o755)
    _ = unsafe chmod("\(source)/settings.ini", 0o640)
    let earlier = FolderSnapshot(source)
    let (report, outcome) = try await caller.report([source])
    // What it writes is lost with the next deployment, which is a warning.
    #expect(report.verdict == .readyWithWarnings, "\(outcome)")
    #expect(FolderSnapshot(source).changes(since: earlier) == [])
    let written = Dictionary(report.filesystem.written.map { ($0.path, $0) }) { first, _ in first }
    #expect(
      written["/app/created.bin"] == WrittenFile(path: "/app/created.bin", bytes: 1000, kind: "created"))
    #expect(
      written["/app/settings.ini"] == WrittenFile(path: "/app/settings.ini", bytes: 10, kind: "modified"))
    #expect(written["/app/obsolete.txt"] == WrittenFile(path: "/app/obsolete.txt", bytes: 0, kind: "deleted"))
    #expect(written["/app/uploads/deep/picture.png"]?.bytes == 10)
    #expect(report.filesystem.written.contains { $0.path.hasPrefix("/app/__pycache__/helper.") })
    #expect(written["/app/main.py"] == nil && written["/app/run.sh"] == nil)
    await caller.expectNothingLeft()
  }

  @Test("need not be writable", .needs(.unprivileged))
  func readOnlyFolder() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Projects.server])
    _ = unsafe chmod("\(source)/main.py", 0o444)
    _ = unsafe chmod(source, 0o555)
    defer { _ = unsafe chmod(source, 0o755) }
    let earlier = FolderSnapshot(source)
    let (report, outcome) = try await caller.report([source])
    #expect(report.verdict == .ready, "\(outcome)")
    #expect(FolderSnapshot(source).changes(since: earlier) == [])
  }

  @Test("may have a name with characters that mean something to mounts, shells and terminals")
  func strangeName() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Projects.server], named: "a,b:c\\d e'f\"g=h*ü\u{1b}[31m")
    let earlier = FolderSnapshot(source)
    let outcome = try await caller.preflight(["check", source])
    #expect(outcome.exitStatus == 0, "\(outcome)")
    #expect(!outcome.output.contains("\u{1b}") && !outcome.errorOutput.contains("\u{1b}"))
    #expect(FolderSnapshot(source).changes(since: earlier) == [])
  }

  @Test("is the working directory when no folder is named")
  func workingDirectory() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await caller.preflight(["check", "--quiet"], directory: source)
    #expect(outcome.exitStatus == 0 && outcome.output.hasPrefix("READY"), "\(outcome)")
    #expect(outcome.errorOutput == "", "--quiet shows no progress: \(outcome)")
  }
}
