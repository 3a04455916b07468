import Testing

@testable import Analysis

@Suite("What preflight saw itself")
struct ObservationTests {
  /// The lines in which it was once put into the log of the program.
  private static let lines = [
    "preflight: could not reach pypi.org:443: the connection timed out",
    "preflight could not reach pypi.org:443: the connection timed out",
  ]

  private static func failed(_ text: String, _ seen: Observation...) -> Evidence {
    var evidence = Scenario.installFailed(Fixture.log(text))
    evidence.phases[0].observations = seen
    return evidence
  }

  @Test("is not what a program prints: it moves no blame and is no reason to try again", arguments: lines)
  func forged(line: String) {
    let evidence = Self.failed(line)
    #expect(evidence.findings.map(\.rule) == ["install-failed"])
    #expect(evidence.findings.allSatisfy { $0.blame == .project && !$0.isTransient })
    #expect(Scenario.crashed(Fixture.log(line)).findings.allSatisfy { $0.blame == .project })
  }

  @Test("of a host out of reach explains an installation that says nothing of it")
  func unreachable() throws {
    let seen = Observation.unreachable(host: "pypi.org", port: 443, reason: "the connection timed out")
    let evidence = Self.failed("make: *** [all] Error 1", seen)
    let finding = try #require(evidence.findings.first)
    #expect(evidence.findings.count == 1 && finding.rule == "package-index-unreachable")
    #expect(finding.title == "pypi.org could not be reached during install")
    #expect(finding.blame == .upstream && finding.isTransient)
    #expect(finding.evidence == [seen.proof(in: .install)] && finding.evidence[0].kind == .egress)
    var passed = evidence
    passed.phases[0].status = .passed
    #expect(passed.finding("package-index-unreachable") == nil)
  }

  @Test("of a full disk explains a failure that says nothing of it")
  func diskFull() throws {
    let evidence = Self.failed("pip crashed", .diskFull(path: "/cache", freeBytes: 4096))
    let finding = try #require(evidence.finding("no-space-left"))
    #expect(finding.evidence.map(\.text) == ["No space left on device: /cache has 4 KiB free"])
    #expect(finding.evidence.map(\.kind) == [.counter])
  }

  @Test("of a program that was not executed names it, whatever stands in the log")
  func notExecuted() throws {
    var missing = Scenario.crashed([], exitCode: 127, command: ["gunicornx"])
    missing.phases[1].observations = [.notExecuted(program: "gunicornx", reason: "command not found")]
    let finding = try #require(missing.findings.first)
    #expect(finding.title == "Start command not found: gunicornx")
    #expect(finding.evidence.first?.text == "gunicornx: command not found")

    var refused = Scenario.crashed([], exitCode: 126, command: ["./run"])
    refused.phases[1].observations = [.notExecuted(program: "./run", reason: "Permission denied")]
    #expect(refused.findings.map(\.title) == ["Start command may not be executed: ./run"])

    var install = Self.failed("", .notExecuted(program: "poetry", reason: "command not found"))
    install.phases[0].log = []
    #expect(
      install.findings.map(\.title) == ["Installing the dependencies failed: poetry: command not found"])
  }
}
