import Analysis
import Foundation
import Glibc
import Reports
import Testing
import TestSupport

@Suite("Bad input gets one clear error with a remedy", .turns)
struct BadInputTests {
  /// Runs a check that must fail before anything starts; expects its status, the words, and nothing left.
  private func expectError(
    _ status: Int32, _ arguments: [String], _ caller: Caller, words: [String],
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let outcome = try await caller.preflight(arguments)
    #expect(outcome.exitStatus == status, "\(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.output == "", "\(outcome)", sourceLocation: sourceLocation)
    for word in words {
      #expect(
        outcome.errorOutput.contains(word), "no '\(word)' in \(outcome)", sourceLocation: sourceLocation)
    }
    #expect(!outcome.errorOutput.contains("Fatal error"), "\(outcome)", sourceLocation: sourceLocation)
    await caller.expectNothingLeft(sourceLocation: sourceLocation)
  }

  @Test("a folder that is not there")
  func missingFolder() async throws {
    try await expectError(
      2, ["check", "nowhere"], try Caller(), words: ["nowhere: no such folder", "Give the path"])
  }

  @Test("a file instead of a folder")
  func file() async throws {
    let caller = try Caller()
    try caller.folder.write("", to: "file")
    try await expectError(2, ["check", "file"], caller, words: ["file: not a folder"])
  }

  @Test("an empty folder")
  func emptyFolder() async throws {
    let caller = try Caller()
    let source = try caller.project([:])
    try await expectError(3, ["check", source], caller, words: ["nothing to check", "Give the folder"])
  }

  @Test("a folder that may not be read", .needs(.unprivileged))
  func unreadableFolder() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": ""])
    _ = unsafe chmod(source, 0o000)
    defer { _ = unsafe chmod(source, 0o755) }
    try await expectError(
      2, ["check", source], caller, words: ["cannot be read: Permission denied", "chmod"])
  }

  @Test("a project of unknown kind")
  func unknownProject() async throws {
    let caller = try Caller()
    let source = try caller.project(["notes.txt": "hello"])
    try await expectError(
      3, ["check", source], caller, words: ["looked for", "found: notes.txt", "--start"])
  }

  @Test("a file of --start that is not in the project")
  func missingStartFile() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": ""])
    try await expectError(
      3, ["check", source, "--start", "./serve.sh"], caller, words: ["serve.sh is not in the project"])
  }

  @Test("a program of --start that does not exist", .needs(.userNamespaces, .python))
  func missingStartProgram() async throws {
    let caller = try Caller.sharingCache()
    let source = try caller.project(["main.py": ""])
    let (report, outcome) = try await caller.report([source, "--start", "no-such-program --port 1"])
    let finding = try #require(report.findings.first, "\(outcome)")
    #expect(report.verdict == .notReady && outcome.exitStatus == 1)
    #expect(finding.rule == "start-command-not-found" && finding.category == .configuration)
    #expect(finding.title.contains("no-such-program") && !finding.fix.summary.isEmpty)
    #expect(report.phases.first { $0.name == .start }?.exitCode == 127)
    await caller.expectNothingLeft()
  }

  @Test(
    "a wrong option",
    arguments: [
      ["check", "--frobnicate"], ["check", "--format", "xml"], ["check", "--memory", "lots"],
      ["check", "--memory", "1K"],
      ["check", "--port", "0"], ["check", "--port", "99999"], ["check", "--timeout", "never"],
      ["check", "--timeout", "-1s"],
      ["check", "--min-level", "L9"], ["check", "--env", "=value"],
      ["check", "--env", "NO_SUCH_VARIABLE_HERE"],
      ["check", "--network", "some"], ["check", "--output", "pdf=file"], ["check", "--env-file", "nowhere"],
      ["check", "one", "two"], ["check", "--pids", "0"], ["check", "--cpus", "-1"], ["run"], ["frobnicate"],
    ])
  func wrongOption(arguments: [String]) async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": ""])
    let outcome = try await caller.preflight(arguments, directory: source)
    #expect(outcome.exitStatus == 2, "\(outcome)")
    #expect(outcome.output == "" && !outcome.errorOutput.isEmpty, "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("a level of isolation that this version cannot give")
  func level() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": ""])
    try await expectError(
      4, ["check", source, "--min-level", "L6"], caller, words: ["L6 was asked for", "--min-level L5"])
  }

  @Test("a network of the host that this version cannot give")
  func hostNetwork() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": ""])
    try await expectError(
      4, ["check", source, "--network", "host"], caller, words: ["--network host", "--network"])
  }

  @Test(
    "help and version go to standard output with status 0",
    arguments: [["--version"], ["--help"], ["check", "--help"]])
  func help(arguments: [String]) async throws {
    let outcome = try await Caller().preflight(arguments)
    #expect(outcome.succeeded && !outcome.output.isEmpty && outcome.errorOutput == "", "\(outcome)")
  }

  @Test(
    "two checks of one folder at once, with nothing cached, both succeed", .needs(.userNamespaces, .python))
  func twoAtOnceAsAnyUser() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let first = try caller.start(["check", "--format", "json", source])
    let second = try caller.start(["check", "--format", "json", source])
    for outcome in [await first.outcome(), await second.outcome()] {
      #expect(outcome.exitStatus == 0, "\(outcome)")
      #expect(try Caller.report(in: outcome).verdict == .ready)
    }
    await caller.expectNothingLeft()
  }
}
