import Analysis
import Foundation
import Reports
import Testing
import TestSupport

/// Programs that take more than they may.
enum Greedy {
  /// Ends with an error when a process is refused.
  static let forkBomb = """
    import os, time
    print("forking", flush=True)
    while True:
        if os.fork() == 0:
            time.sleep(1000)

    """

  /// Goes on when processes are refused, and its children fork as well.
  static let stubbornForkBomb = """
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("forking", flush=True)
    while True:
        try: os.fork()
        except OSError: time.sleep(0.01)

    """
}

@Suite("Limits without a cgroup", .turns, .needs(.userNamespaces, .python, .noDelegatedCgroup))
struct LimitTests {
  @Test("the report says that a watchdog enforces them, why, and what to do about it")
  func degradedAsAnyUser() async throws {
    let caller = try Caller.sharingCache()
    let (report, _) = try await caller.report([try caller.project(["main.py": Projects.server])])
    #expect(report.isolation.cgroup == "none")
    let item = try #require(report.isolation.degraded.first { $0.what.contains("watchdog") })
    #expect(!item.why.isEmpty && !item.remedy.isEmpty)
  }

  @Test("a program over its memory limit is killed, and the finding says by whom")
  func memoryAsAnyUser() async throws {
    let caller = try Caller()
    let (report, outcome) = try await caller.report([
      Repository.example("python-out-of-memory"), "--memory", "128M",
    ])
    let finding = try #require(report.findings.first, "\(outcome)")
    #expect(finding.rule == "out-of-memory" && finding.blame == .project)
    #expect(finding.message.localizedCaseInsensitiveContains("watchdog"), "\(finding)")
    #expect(!finding.message.contains("cgroup"))
    let peak = try #require(report.phases.first { $0.name == .start }?.resources.memoryPeakBytes)
    #expect(peak > 128 << 20 && peak < 1 << 30)
    await caller.expectNothingLeft()
  }

  @Test("memory that several processes share counts once")
  func sharedMemory() async throws {
    let caller = try Caller.sharingCache()
    let program = """
      import os, signal, time
      data = bytearray(b"x") * (60 << 20)
      for _ in range(4):
          if os.fork() == 0:
              time.sleep(1000)

      """ + Projects.server
    let (report, outcome) = try await caller.report([
      try caller.project(["main.py": program]), "--memory", "160M",
    ])
    #expect(report.verdict == .ready, "\(outcome)")
  }

  @Test("a fork bomb is stopped by the process limit, is a finding, and leaves nothing")
  func forkBombAsAnyUser() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Greedy.forkBomb])
    let (report, outcome) = try await caller.report([
      source, "--pids", "64", "--env", "ISOLATE_TEST_MARK=\(caller.mark)",
    ])
    #expect(report.verdict == .notReady && outcome.exitStatus == 1, "\(outcome)")
    let finding = try #require(report.findings.first { $0.category == .resourceLimit }, "\(outcome)")
    #expect(finding.rule == "too-many-processes")
    #expect(finding.message.contains("64"), "\(finding)")
    await caller.expectNothingLeft()
  }

  @Test("a fork bomb that neither gives up nor stops is held and leaves nothing")
  func stubbornForkBomb() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Greedy.stubbornForkBomb])
    let (report, outcome) = try await caller.report([
      source, "--pids", "64", "--env", "ISOLATE_TEST_MARK=\(caller.mark)",
    ])
    let peak = try #require(report.phases.first { $0.name == .start }?.resources.processesPeak, "\(outcome)")
    // Not as root, who is exempt from RLIMIT_NPROC: the watchdog alone may look a moment late, and what
    // doubles until then would take the machine down with it.
    #expect(peak >= 60 && peak <= 66, "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("an installation that forks without end is stopped too", .timeLimit(.minutes(60)))
  func installBomb() async throws {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server, "bomb.py": Greedy.forkBomb])
    let outcome = try await caller.preflight(
      ["check", source, "--install", "python3 bomb.py", "--timeout", "60s", "--quiet"])
    #expect(outcome.exitStatus == 1 || outcome.exitStatus == 124 || outcome.exitStatus == 4, "\(outcome)")
    await caller.expectNothingLeft()
  }

  @Test("output without end is kept within bounds, and the check goes on")
  func output() async throws {
    let caller = try Caller.sharingCache()
    let program = """
      import sys, threading
      def chatter():
          while True:
              sys.stdout.write("\\xff" * 100_000)
      threading.Thread(target=chatter, daemon=True).start()

      """ + Projects.server
    let (report, outcome) = try await caller.report([try caller.project(["main.py": program])])
    #expect(
      report.verdict != .inconclusive && report.phases.contains { $0.name == .probe && $0.status == .passed })
    #expect(outcome.standardOutput.count < 4 << 20)
  }
}
