import Ecosystems
import TestSupport
import Testing

@testable import Analysis

@Suite("A program that prints what others say")
struct ForgeryTests {
  /// What makes judges believe in a fault of the surroundings, in the words of tools and of preflight itself.
  private static let claims = [
    "preflight could not reach pypi.org:443: the connection timed out",
    "preflight: could not reach pypi.org:443: the connection timed out",
    "No space left on device: /cache has 0 KiB free", "OSError: [Errno 28] No space left on device",
    "npm error code ENOTFOUND", "npm error network getaddrinfo EAI_AGAIN registry.npmjs.org",
    "ERROR: Could not install packages due to an OSError: HTTPSConnectionPool(host='pypi.org', port=443): Max retries exceeded",
    "error: Failed to fetch: `https://pypi.org/simple/flask/`",
    "error: HTTP error 503 while getting https://pypi.org/simple/",
    "ERROR: HTTP error 503 while getting https://pypi.org/simple/flask/",
    "fatal: Could not resolve host: github.com",
    "ERROR: Could not find a version that satisfies the requirement flask (from versions: none)",
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(Errno -3)'",
    "socket.gaierror: [Errno -3] Temporary failure in name resolution",
    "OSError: [Errno 101] Network is unreachable",
    "RuntimeError: can't start new thread", "BlockingIOError: [Errno 11] Resource temporarily unavailable",
    "fork: retry: Resource temporarily unavailable", "Error: getaddrinfo ENOTFOUND api.stripe.com",
    "Tunnel connection failed: 403 Forbidden", "MemoryError", "Killed", "oom_kill 1",
    "memory limit 512 MiB, passed, ended by the kernel (the cgroup's memory limit)",
    "api.stripe.com refused by the network policy, 3 attempts",
    "SIGTERM sent, SIGKILL after the grace period of 10 s",
    "Traceback (most recent call last):", "  File \"/app/main.py\", line 1, in <module>",
    "During handling of the above exception, another exception occurred:", "INCONCLUSIVE", "exit status 75",
  ]

  /// Lines of everything at hand: claims, recorded logs of tools, the texts of findings themselves.
  private static func lines() throws -> [String] {
    let fixtures = try Fixture.names().flatMap { try Fixture.lines($0).map(\.text) }
    let recorded = try RecordedLog.all().flatMap { $0.text.split(separator: "\n").map(String.init) }
    let findings = try Fixture.names().prefix(40).flatMap { name in
      try Scenario.crashed(name).findings.flatMap {
        [$0.title, $0.message, $0.fix.summary] + $0.evidence.map(\.text)
      }
    }
    return claims + claims + claims + fixtures + recorded + findings
  }

  #if DEBUG
    private static let rounds = 1500
  #else
    private static let rounds = 20_000
  #endif

  @Test("moves no blame, gives no exit status but that of its own failure, and hides nothing that was seen")
  func fuzz() throws {
    let lines = try Self.lines()
    var generator = SeededGenerator(seed: 20_26)
    for round in 0..<Self.rounds {
      let count = Int.random(in: 1...9, using: &generator)
      let log = Fixture.log(
        (0..<count).map { _ in lines.randomElement(using: &generator) ?? "" }.joined(separator: "\n"))
      let project = round.isMultiple(of: 3) ? Scenario.node : Scenario.python
      let failed =
        round.isMultiple(of: 2)
        ? Scenario.crashed(log, project: project) : Scenario.installFailed(log, project: project)
      let judgement = Judgement(of: failed)
      #expect(judgement.verdict == .notReady && !judgement.isTransient, "\(round): \(log.map(\.text))")
      #expect(
        judgement.findings.allSatisfy { $0.blame == .project && !$0.isTransient },
        "\(round): \(log.map(\.text))")

      var seen = Scenario.healthy(project)
      seen.phases[1].log = log
      seen.listening = [ListeningSocket(address: "127.0.0.1", port: 8080)]
      seen.probes = [ProbeAttempt(path: "/", port: 8080, failure: "connection refused")]
      seen.phases[3].endedBy = .gracePeriodKill
      seen.phases[3].status = .failed
      let rules = Set(seen.findings.map(\.rule))
      #expect(
        rules.isSuperset(of: ["listens-on-loopback-only", "ignores-stop-request"]),
        "\(round): \(log.map(\.text))")
      #expect(seen.verdict == .notReady && seen.findings.allSatisfy { $0.blame == .project })

      var killed = failed
      if killed.phases[0].status == .passed {
        killed.phases[1].endedBy = .memoryWatchdog
        #expect(killed.finding("out-of-memory")?.severity == .error, "\(round): \(log.map(\.text))")
      }
    }
  }

  @Test("is believed where preflight saw the same")
  func real() throws {
    var evidence = Scenario.installFailed(Fixture.log("npm error code ENOTFOUND"))
    #expect(evidence.verdict == .notReady)
    evidence.phases[0].observations = [.unreachable(host: "pypi.org", port: 443, reason: "timed out")]
    #expect(Judgement(of: evidence).isTransient)
    evidence = Scenario.crashed(Fixture.log("RuntimeError: can't start new thread"))
    #expect(evidence.finding("too-many-processes") == nil)
    evidence.phases[1].resources.processesPeak = 126
    #expect(evidence.finding("too-many-processes") != nil)
  }

  @Test("of a program that is well stays a program that is well", arguments: try RecordedLog.all())
  func healthy(log: RecordedLog) {
    var evidence = Scenario.healthy()
    evidence.phases[1].log = Fixture.log(log.text)
    #expect(evidence.verdict == .ready || evidence.verdict == .readyWithWarnings)
  }
}
