import Foundation
import Glibc
import Isolate
import TestSupport
import Testing

/// Somebody else puts links where a program is known to make its files, as in /tmp. A shell knows the process id that
/// the program will have, which others guess.
@Suite("What preflight makes in a folder that others write")
struct PlantedNamesTests {
  private static func shell(_ line: String, _ caller: Caller) async throws -> Outcome {
    try await Program(path: "/bin/bash").run(
      ["-c", line],
      .init(
        variables: caller.variables.merging(["TMPDIR": caller.folder.path]) { $1 },
        directory: caller.folder.path, timeLimit: .seconds(300)))
  }

  @Test("a report's file is never written through a link, nor into a file that is there")
  func replaced() throws {
    let folder = try TemporaryDirectory()
    try folder.write("victim", to: "victim")
    try FileManager.default.createSymbolicLink(
      atPath: folder.path("report"), withDestinationPath: folder.path("victim"))
    try Files.replace(folder.path("report"), with: "report")
    #expect(try folder.read("victim") == "victim" && folder.read("report") == "report")
    var information = stat()
    #expect(unsafe lstat(folder.path("report"), &information) == 0)
    #expect(information.st_mode & S_IFMT == S_IFREG)
    try Files.replace(folder.path("report"), with: "another")
    #expect(try folder.read("report") == "another")
    #expect(throws: SystemError.self) { try Files.replace(folder.path("victim/report"), with: "") }
    #expect(throws: SystemError.self) { try Files.replace("\(folder.path)/", with: "") }
    try FileManager.default.createDirectory(
      atPath: folder.path("folder"), withIntermediateDirectories: false)
    #expect(throws: SystemError("rename", folder.path("folder"), code: EISDIR)) {
      try Files.replace(folder.path("folder"), with: "")
    }
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        == ["folder", "report", "victim"], "nothing is left of what failed")
  }

  @Test(
    "--output writes through no link that was put where its file is made", .needs(.userNamespaces, .python))
  func output() async throws {
    let caller = try Caller.sharingCache()
    _ = try caller.project(["main.py": "raise SystemExit('no')"])
    try caller.folder.write("victim", to: "victim")
    let outcome = try await Self.shell(
      """
      ln -s "$PWD/victim" "$PWD/report.json.$$.new"
      exec '\(Program.preflight.path)' check project --quiet --output json=report.json --output text=report.txt
      """, caller)
    #expect(outcome.exitStatus == 1, "\(outcome)")
    #expect(try caller.folder.read("victim") == "victim")
    #expect(try caller.folder.read("report.json").contains("\"verdict\""))
    #expect(try caller.folder.read("report.txt").contains("NOT READY"))
    #expect(!caller.names(in: caller.folder.path).contains { $0.hasPrefix(".") && $0.hasSuffix(".new") })
  }

  @Test("doctor uses no folder that was there before, nor one behind a link", .needs(.userNamespaces))
  func doctor() async throws {
    let caller = try Caller()
    try caller.folder.write("secret", to: "victim/file")
    let outcome = try await Self.shell(
      """
      ln -s "$PWD/victim" "$PWD/preflight-doctor-$$"
      exec '\(Program.preflight.path)' doctor
      """, caller)
    #expect(outcome.exitStatus == 0 && outcome.output.contains("\na check      L"), "\(outcome)")
    let left = caller.names(in: caller.folder.path).filter { $0.hasPrefix("preflight-doctor") }
    #expect(left.count == 1, "the link is left as it was, and nothing else: \(left)")
    #expect(caller.names(in: caller.folder.path("victim")) == ["file"])
  }
}
