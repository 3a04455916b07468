/// An ordered list of rules: causes before consequences.
package struct RuleBook: Sendable {
  package var rules: [Rule]

  /// Makes a book of the given rules.
  package init(rules: [Rule]) {
    self.rules = rules
  }

  /// Every rule of this version.
  package static let standard = RuleBook(
    rules: InstallNetwork.rules + UnavailableDistribution.rules + ResolverConflict.rules + UvResolution.rules
      + FailedBuild.rules + MissingModule.rules + MissingVariable.rules + SyntaxFault.rules
      + ResourceLimits.rules + DiskLimit.rules + StartCommand.rules + ApplicationReference.rules
      + RunNetwork.rules
      + ListeningAddress.rules
      + Health.rules + Shutdown.rules
      + InstallFailure.rules + Crash.rules + Readiness.rules + UnexplainedFailure.rules)

  /// Returns what the rules find: errors before warnings before notes, each in causal order.
  ///
  /// Causal order is the order of the phases, then of the log lines the findings rest on, then of the rules.
  package func findings(in evidence: Evidence) -> [Finding] {
    let plain = evidence.withPlainText()
    var found: [Finding] = []
    for rule in rules {
      for finding in rule.judge(plain, found)
      where !found.contains(where: { $0.fingerprint == finding.fingerprint }) {
        found.append(finding)
      }
    }
    return found.enumerated()
      .sorted { ($0.element.causalOrder, $0.offset) < ($1.element.causalOrder, $1.offset) }
      .map(\.element)
  }
}

/// Where a finding stands in the story of a run.
struct CausalOrder: Comparable {
  var severity: Int
  var phase: Int
  var line: Int

  static func < (left: CausalOrder, right: CausalOrder) -> Bool {
    (left.severity, left.phase, left.line) < (right.severity, right.phase, right.line)
  }
}

extension Finding {
  /// Its place among the findings of a run, by the first item of its evidence.
  var causalOrder: CausalOrder {
    CausalOrder(
      severity: Severity.allCases.firstIndex(of: severity) ?? 0,
      phase: phase.flatMap { PhaseEvidence.Name.allCases.firstIndex(of: $0) } ?? Int.max,
      line: evidence.first { $0.kind == .log }?.line ?? Int.max)
  }

  /// The phase it is about.
  var phase: PhaseEvidence.Name? { evidence.lazy.compactMap(\.phase).first }
}

extension [Finding] {
  /// Whether an error among them happened in the phase or before it.
  func explain(_ phase: PhaseEvidence.Name) -> Bool {
    let order = PhaseEvidence.Name.allCases
    return contains { finding in
      guard finding.severity == .error, let own = finding.phase, let at = order.firstIndex(of: own),
        let limit = order.firstIndex(of: phase)
      else { return false }
      return at <= limit
    }
  }
}
