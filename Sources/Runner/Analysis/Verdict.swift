/// The answer of a check.
package enum Verdict: String, Sendable, Codable, CaseIterable {
  case ready
  case readyWithWarnings = "ready-with-warnings"
  case notReady = "not-ready"
  /// Something that is not the project's doing kept it from being judged.
  case inconclusive
}

/// The findings of a run and what follows from them.
package struct Judgement: Sendable, Equatable {
  /// Errors first, each severity in causal order.
  package var findings: [Finding]
  package var verdict: Verdict
  /// Whether nothing was learnt of the project and repeating the check may help (exit status 75).
  package var isTransient: Bool

  /// Judges evidence by the rules of a book.
  package init(of evidence: Evidence, by rules: RuleBook) {
    self.init(findings: rules.findings(in: evidence), phases: evidence.phases)
  }

  /// Draws the verdict from findings and from how far the run came.
  package init(findings: [Finding], phases: [PhaseEvidence]) {
    self.findings = findings
    let errors = findings.filter { $0.severity == .error }
    let held = errors.filter { !$0.preventsJudgement }
    let interrupted = phases.contains { $0.endedBy == .interrupt }
    let reachedStart = phases.contains { $0.name == .start && $0.status == .passed }
    if !held.isEmpty {
      verdict = .notReady
    } else if !errors.isEmpty || interrupted || !reachedStart {
      verdict = .inconclusive
    } else {
      verdict = findings.contains { $0.severity == .warning } ? .readyWithWarnings : .ready
    }
    isTransient = verdict == .inconclusive && errors.contains { $0.isTransient }
  }
}

extension Finding {
  /// Whether it says something of the surroundings only, and nothing of the project.
  var preventsJudgement: Bool { blame == .sandbox || isTransient }
}
