import Analysis
import Foundation
import Glibc
import TestSupport
import Testing

/// As under a filter that knows no newer calls, or on a kernel that has them not (Tests/Harness/call-refuser.c).
@Suite("Where a call is refused", .turns, .needs(.userNamespaces, .python, .program("gcc")))
struct RefusedCallTests {
  private static let calls = [
    "pidfd_send_signal", "pidfd_open", "mount_setattr", "fsopen", "open_tree", "openat2", "close_range",
    "clone3",
    "memfd_create", "pivot_root", "sethostname",
  ]

  private static func run(
    _ arguments: [String], _ caller: Caller, without call: String, _ code: String
  ) async throws -> Outcome {
    try await HarnessProgram.named("call-refuser").run(
      [call, code, Program.preflight.path] + arguments,
      .init(variables: caller.variables, directory: caller.folder.path, timeLimit: .seconds(60)))
  }

  /// Threads are made by the C library, which takes another answer than ENOSYS as the last word.
  private static func expectNoThreads(_ outcome: Outcome) {
    #expect(outcome.exitStatus == 4, "\(outcome)")
    #expect(
      outcome.errorOutput.hasPrefix(
        "preflight: no thread can be made: pthread_create: Operation not permitted\n"),
      "\(outcome)")
    #expect(outcome.errorOutput.contains("refuses clone3(2)"), "\(outcome)")
  }

  @Test("a check goes the older way, or says in a line why it cannot", arguments: calls, ["ENOSYS", "EPERM"])
  func check(call: String, code: String) async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let outcome = try await Self.run(["check", source], caller, without: call, code)
    if call == "clone3", code == "EPERM" {
      Self.expectNoThreads(outcome)
    } else {
      #expect(outcome.exitStatus == 0 && outcome.output.hasPrefix("READY"), "\(outcome)")
    }
    #expect(!outcome.timedOut)
    await caller.expectNothingLeft()
  }

  @Test("a command in the sandbox too", arguments: calls, ["ENOSYS", "EPERM"])
  func runAsAnyUser(call: String, code: String) async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": ""])
    let outcome = try await Self.run(
      ["run", "--source", source, "--", "sh", "-c", "ls; exit 3"], caller, without: call, code)
    if call == "clone3", code == "EPERM" {
      Self.expectNoThreads(outcome)
    } else {
      #expect(outcome.exitStatus == 3 && outcome.output == "main.py\n", "\(outcome)")
    }
    await caller.expectNothingLeft()
  }

  @Test(
    "a check that is interrupted or runs out of time ends, and nothing is left",
    arguments: ["ENOSYS", "EPERM"])
  func timeLimit(code: String) async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": "import time\ntime.sleep(1000)\n"])
    let outcome = try await Self.run(
      ["check", source, "--timeout", "4s"], caller, without: "pidfd_open,pidfd_send_signal,close_range", code)
    #expect(outcome.exitStatus == 124 && !outcome.timedOut, "\(outcome)")
    await caller.expectNothingLeft()
  }
}
