import Foundation
import Glibc
import Isolate
import Testing
import TestSupport

/// A phase of a check in which a project stays until it is ended from outside.
enum LastingPhase: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case install, start, probe, stop

  var testDescription: String { rawValue }

  /// The arguments of a check that reaches the phase and stays there; `mark` is in the environment or on the command
  /// line of what runs then.
  func arguments(_ caller: Caller) throws -> [String] {
    let mark = ["--env", "ISOLATE_TEST_MARK=\(caller.mark)"]
    // It stays in `stop` for long enough on a busy machine too.
    let options = ["--verbose", "--port", "8080", "--stop-grace", "60s"] + mark
    let source: String
    switch self {
    case .install:
      source = try caller.project(["main.py": Projects.server])
      let loop = "sh -c 'sleep 1000 & echo reached; while true; do sleep 1; done' \(caller.mark)"
      return ["check", source, "--install", loop] + options
    case .start: source = try caller.project(["main.py": Self.program("time.sleep(1000)")])
    case .probe:
      source = try caller.project(["main.py": Self.program("listen(); time.sleep(1000)")])
    case .stop:
      let ignore = "signal.signal(signal.SIGTERM, lambda *_: print('reached', flush=True))"
      source = try caller.project(["main.py": Self.program("\(ignore); serve()")])
    }
    return ["check", source, "--start", "python3 main.py"] + options
  }

  /// What the check shows when the phase has been reached and the project's processes run.
  var signs: [String] {
    switch self {
    case .install, .start: ["  | reached"]
    case .probe: ["  | reached", "  probe    GET"]
    case .stop: ["  stop     SIGTERM", "  | reached"]
    }
  }

  /// A program with a child, which must not outlive it either.
  private static func program(_ body: String) -> String {
    """
    import os, signal, socket, time
    def listen():
        global server
        server = socket.create_server(("0.0.0.0", 8080))
    def serve():
        listen()
        while True:
            client, _ = server.accept()
            client.recv(1000)
            client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
            client.close()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)
    \(body.contains("serve") ? "" : "print('reached', flush=True)")
    \(body)

    """
  }
}

@Suite("A check that is ended from outside", .turns, .needs(.userNamespaces, .python))
struct InterruptionTests {
  @Test(
    "by SIGKILL leaves no process, and the next run removes what is left on disk",
    arguments: LastingPhase.allCases)
  func killedAsAnyUser(phase: LastingPhase) async throws {
    let caller = try Caller()
    let program = try await reach(phase, caller)
    defer { program.signal(SIGKILL, group: true) }
    program.signal(SIGKILL)
    let outcome = await program.outcome()
    #expect(outcome.ending == .signalled(SIGKILL), "\(outcome)")
    await caller.expectNoProcess()
    #expect(caller.names(in: caller.runs).count == 1, "the dead run's folder")

    let next = try await caller.inside(["true"])
    #expect(next.succeeded, "\(next)")
    await caller.expectNothingLeft()
  }

  @Test("by Ctrl-C leaves nothing and ends with 130", arguments: LastingPhase.allCases)
  func interruptedAsAnyUser(phase: LastingPhase) async throws {
    try await expectCleanEnd(phase, SIGINT, group: true)
  }

  @Test("by SIGTERM leaves nothing and ends with 130", arguments: LastingPhase.allCases)
  func terminated(phase: LastingPhase) async throws { try await expectCleanEnd(phase, SIGTERM, group: false) }

  @Test("by the end of its terminal (SIGHUP) leaves nothing and ends with 130")
  func hungUp() async throws { try await expectCleanEnd(.start, SIGHUP, group: true) }

  @Test(
    "by its own time limit leaves nothing and ends with 124",
    arguments: [LastingPhase.install, .start, .stop])
  func timeLimit(phase: LastingPhase) async throws {
    let caller = try Caller()
    let outcome = try await caller.preflight(try phase.arguments(caller) + ["--timeout", "3s"])
    #expect(outcome.exitStatus == 124, "\(outcome)")
    #expect(outcome.errorOutput.contains("--timeout"), "the remedy is named: \(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("while it waits for another that installs the same leaves nothing and ends with 130")
  func waiting() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server])
    let first = try await caller.preflight(["check", source, "--quiet"])
    #expect(first.exitStatus == 0, "\(first)")
    let name = try #require(caller.names(in: "\(caller.cache)/preflight/locks").first)
    guard let lock = FileLock("\(caller.cache)/preflight/locks/\(name)", waits: false) else {
      Issue.record("the lock is still held")
      return
    }
    let second = try caller.start(["check", source])
    defer { second.signal(SIGKILL, group: true) }
    #expect(await second.waitForOutput("waiting for another check"))
    second.signal(SIGINT)
    let outcome = await second.outcome()
    #expect(outcome.exitStatus == 130, "\(outcome)")
    await caller.expectNothingLeft()

    let third = try caller.start(["check", source])
    defer { third.signal(SIGKILL, group: true) }
    #expect(await third.waitForOutput("waiting for another check"))
    _ = consume lock
    #expect(await third.outcome().exitStatus == 0)
    await caller.expectNothingLeft()
  }

  @Test("`preflight run` passes Ctrl-C on to its command and leaves nothing when it is killed")
  func runAsAnyUser() async throws {
    let caller = try Caller()
    let script = "trap 'echo asked; exit 7' INT; echo reached; while true; do sleep 0.1; done"
    let command = ["run", "--source", try caller.project([:]), "--", "sh", "-c", script, caller.mark]
    let polite = try caller.start(command)
    defer { polite.signal(SIGKILL, group: true) }
    #expect(await polite.waitForOutput("reached"))
    polite.signal(SIGINT)
    let outcome = await polite.outcome()
    #expect(outcome.exitStatus == 7 && outcome.output.contains("asked"), "\(outcome)")
    await caller.expectNothingLeft()

    let killed = try caller.start(command)
    defer { killed.signal(SIGKILL, group: true) }
    #expect(await killed.waitForOutput("reached"))
    killed.signal(SIGKILL)
    _ = await killed.outcome()
    await caller.expectNoProcess()
  }

  // MARK: Steps

  private func reach(_ phase: LastingPhase, _ caller: Caller) async throws -> RunningProgram {
    let program = try caller.start(try phase.arguments(caller))
    for sign in phase.signs where !(await program.waitForOutput(sign)) {
      program.signal(SIGKILL, group: true)
      Issue.record("the check never showed '\(sign)': \(await program.outcome())")
    }
    // What is not there cannot be missed afterwards.
    #expect(Residue(mark: caller.mark).processes.count > 2)
    return program
  }

  private func expectCleanEnd(_ phase: LastingPhase, _ signal: Int32, group: Bool) async throws {
    let caller = try Caller()
    let program = try await reach(phase, caller)
    defer { program.signal(SIGKILL, group: true) }
    program.signal(signal, group: group)
    let outcome = await program.outcome()
    #expect(outcome.exitStatus == 130, "\(outcome)")
    #expect(outcome.errorOutput.contains("preflight: interrupted"), "\(outcome)")
    #expect(
      outcome.errorOutput.contains(/stopped after [0-9]+\.[0-9] s of (install|build|start): \S+/),
      "\(outcome)")
    #expect(outcome.output == "", "\(outcome)")
    await caller.expectNothingLeft()
  }
}
