import Ecosystems
import Testing

@testable import Analysis

@Suite("The verdict")
struct VerdictTests {
  private func finding(_ severity: Finding.Severity, blame: Finding.Blame = .project, transient: Bool = false)
    -> Finding
  {
    Finding(
      rule: "r", category: .network, blame: blame, severity: severity, subject: "s", title: "t", message: "m",
      fix: Finding.Fix("f"), evidence: [Finding.Proof(kind: .log, phase: .start, line: 1, text: "x")],
      isTransient: transient)
  }

  private func verdict(_ findings: Finding...) -> Verdict {
    Judgement(findings: findings, phases: Scenario.healthy().phases).verdict
  }

  @Test("follows the worst finding")
  func worst() {
    #expect(verdict() == .ready)
    #expect(verdict(finding(.note)) == .ready)
    #expect(verdict(finding(.warning), finding(.note)) == .readyWithWarnings)
    #expect(verdict(finding(.error), finding(.warning)) == .notReady)
  }

  @Test("is inconclusive when only the surroundings failed, and not-ready when the project did as well")
  func surroundings() {
    #expect(verdict(finding(.error, blame: .sandbox)) == .inconclusive)
    #expect(verdict(finding(.error, blame: .upstream, transient: true)) == .inconclusive)
    #expect(verdict(finding(.error, blame: .upstream)) == .notReady)
    #expect(verdict(finding(.error, blame: .sandbox), finding(.error)) == .notReady)
  }

  @Test("is inconclusive after an interruption and when nothing was started")
  func unfinished() {
    var phases = Scenario.healthy().phases
    phases[1].endedBy = .interrupt
    phases[1].status = .failed
    #expect(Judgement(findings: [], phases: phases).verdict == .inconclusive)
    #expect(Judgement(findings: [], phases: []).verdict == .inconclusive)
  }

  @Test("an interrupted run has no findings of its own")
  func interrupted() {
    let evidence = Scenario.crashed([], exitCode: nil, signal: 2, endedBy: .interrupt)
    #expect(evidence.findings.isEmpty)
    #expect(evidence.verdict == .inconclusive)
  }

  @Test("a healthy project is ready")
  func ready() {
    #expect(Scenario.healthy().findings.isEmpty)
    #expect(Scenario.healthy().verdict == .ready)
    #expect(Scenario.healthy(Scenario.node).verdict == .ready)
  }
}

@Suite("The rule book")
struct RuleBookTests {
  @Test("has unique identifiers that findings use")
  func identifiers() {
    let ids = RuleBook.standard.rules.map(\.id)
    #expect(Set(ids).count == ids.count)
    #expect(ids.allSatisfy { $0.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" } })
  }

  @Test("puts the earliest causal line first, whatever was printed last")
  func order() throws {
    var evidence = try Scenario.crashed("gunicorn-env-missing", exitCode: 3)
    evidence.listening = [ListeningSocket(address: "127.0.0.1", port: 8080)]
    let findings = evidence.findings
    #expect(findings.map(\.rule) == ["environment-variable-missing", "listens-on-loopback-only"])
    #expect(findings.first?.evidence.first?.text == "KeyError: 'API_TOKEN'")
  }

  @Test("reads through colours")
  func colours() throws {
    let log = try Fixture.lines("python-module-missing").map { line in
      var coloured = line
      coloured.text = "\u{1B}[31m" + line.text + "\u{1B}[0m"
      return coloured
    }
    #expect(Scenario.crashed(log).findings.map(\.rule) == ["module-not-found"])
  }

  @Test("gives the same problem the same fingerprint on another line")
  func fingerprint() throws {
    let once = try Scenario.crashed("python-module-missing").findings
    let shifted = Scenario.crashed(Fixture.log("warming up\n" + (try Fixture.text("python-module-missing"))))
      .findings
    #expect(once.map(\.fingerprint) == shifted.map(\.fingerprint))
    #expect(once.first?.evidence.first?.line != shifted.first?.evidence.first?.line)
  }

  @Test("never passes over a failed phase", arguments: PhaseEvidence.Name.allCases)
  func failedPhase(name: PhaseEvidence.Name) {
    var evidence = Scenario.healthy()
    evidence.phases = [
      PhaseEvidence(name: .start, status: .passed), PhaseEvidence(name: name, status: .failed),
    ]
    #expect(!evidence.errors.isEmpty)
  }

  @Test("survives every fixture in every phase")
  func everything() throws {
    let ids = Set(RuleBook.standard.rules.map(\.id) + SignatureBook.standard.signatures.map(\.id))
    for name in try Fixture.names() {
      for evidence in [
        try Scenario.installFailed(name), try Scenario.crashed(name),
        try Scenario.crashed(name, project: Scenario.node),
      ] {
        let findings = evidence.findings
        #expect(!findings.isEmpty, "\(name)")
        #expect(
          findings.allSatisfy { ids.contains($0.rule) && !$0.evidence.isEmpty && !$0.fix.summary.isEmpty },
          "\(name)")
      }
    }
  }
}
