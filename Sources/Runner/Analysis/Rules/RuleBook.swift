/// An ordered list of rules: causes before consequences.
package struct RuleBook: Sendable {
  package var rules: [Rule]
  /// What tools say in their own words; judged before the rules.
  package var signatures: SignatureBook?
  /// The languages whose errors are understood.
  package var languages: [any Language]

  /// Makes a book of the given rules.
  package init(rules: [Rule], signatures: SignatureBook? = nil, languages: [any Language] = []) {
    self.languages = languages
    self.rules = rules
    self.signatures = signatures
  }

  /// Every rule of this version, with the languages it is to know.
  package static func standard(_ languages: [any Language]) -> RuleBook {
    RuleBook(rules: all, signatures: .standard, languages: languages)
  }

  /// Makes ready what the standard book holds, for which a caller may have time before it asks.
  package static func prepare() { _ = SignatureBook.standard }

  private static let all: [Rule] =
    RuntimeMismatch.rules + MissingFromDeployment.rules + ScratchFull.rules + SilentFailure.rules
    + InstallNetwork.rules + UnavailableDistribution.rules + ResolverConflict.rules + UvResolution.rules
    + FailedBuild.rules + ImportTrouble.rules + MissingModule.rules + MissingVariable.rules
    + SyntaxFault.rules + FileTrouble.rules + SystemLibraries.rules + ResourceLimits.rules
    + DiskLimit.rules + StartCommand.rules + ApplicationReference.rules + RunNetwork.rules
    + ListeningAddress.rules + DjangoTrouble.rules + Health.rules + Shutdown.rules
    + DeploymentHabits.rules + LockStale.rules + InstallFailure.rules
    + LibraryTrouble.rules + Crash.rules + Readiness.rules
    + NeverListens.rules + DoesNothing.rules + MissingFromDeployment.laterRules + AfterAnswer.rules
    + ReleaseProcess.rules + UnexplainedFailure.rules + UnusedSuppression.rules

  /// What `preflight rules` and docs/rules.md say of the rules and signatures, by their identifiers.
  package var descriptions: [RuleDescription] {
    let own = rules.map { RuleDescription(id: $0.id, summary: $0.summary, signature: nil) }
    let read = (signatures?.signatures ?? []).map {
      RuleDescription(id: $0.id, summary: $0.summary, signature: $0)
    }
    return (own + read).sorted { $0.id < $1.id }
  }

  /// Returns what the rules find: errors before warnings before notes, each in causal order.
  ///
  /// Causal order is the order of the phases, then of the log lines the findings rest on, then of the rules.
  package func findings(in evidence: Evidence) -> [Finding] {
    let plain = evidence.withPlainText().read(by: languages)
    var found: [Finding] = []
    func add(_ findings: [Finding]) {
      for finding in findings
      where !found.contains(where: { $0.isSame(as: finding) || $0.explains(finding) }) {
        found.append(finding)
      }
    }
    // What was seen beside the log settles what a line of it comes from, before anything is read out of the line.
    for rule in rules where Finding.settling.contains(rule.id) { add(rule.judge(plain, found)) }
    if let signatures { add(SignatureRules.judge(plain, by: signatures)) }
    // What a tool says of an exception explains the exceptions that led to it.
    let explained = found.isEmpty ? [] : plain.chains(of: found)
    for rule in rules where !Finding.settling.contains(rule.id) {
      add(
        rule.judge(plain, found).filter { finding in
          !explained.contains { finding.severity != .warning && $0.contains(finding) }
        })
    }
    return found.enumerated()
      .sorted { ($0.element.causalOrder, $0.offset) < ($1.element.causalOrder, $1.offset) }
      .map { plain.numberedByStream($0.element) }
  }
}

extension Evidence {
  /// The finding with the lines of its evidence numbered in their own streams, which is the same in each run. Without a
  /// number where several processes write to it.
  fileprivate func numberedByStream(_ finding: Finding) -> Finding {
    var own = finding
    for (index, proof) in own.evidence.enumerated() where proof.kind == .log {
      guard let phase = proof.phase.flatMap({ phase($0) }),
        let line = phase.log.first(where: { $0.number == proof.line }), let number = line.numberInStream
      else { continue }
      own.evidence[index].line = phase.isShared(line.stream, until: line.number) ? nil : number
    }
    return own
  }
}

/// The lines of a phase that belong to one chain of exceptions.
struct ExceptionChain {
  var phase: PhaseEvidence.Name
  var lines: Set<Int>

  /// Whether a finding rests on one of them.
  func contains(_ finding: Finding) -> Bool {
    guard let proof = finding.evidence.first, proof.kind == .log, proof.phase == phase, let line = proof.line
    else {
      return false
    }
    return lines.contains(line)
  }
}

extension Evidence {
  /// The chains of exceptions that findings rest on.
  fileprivate func chains(of findings: [Finding]) -> [ExceptionChain] {
    judgedPhases.flatMap { phase -> [ExceptionChain] in
      let own = findings.filter { $0.severity == .error && $0.phase == phase.name }
      guard !own.isEmpty else { return [] }
      let traces = phase.traces
      return Set(traces.map(\.chain)).compactMap { chain in
        let members = traces.filter { $0.chain == chain && $0.isChained }
        let result = ExceptionChain(phase: phase.name, lines: Set(members.map(\.line.number)))
        return own.contains(where: result.contains) ? result : nil
      }
    }
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
  /// Rules that settle what a line of the log comes from: another cause of the same line would be wrong.
  fileprivate static let settling: Set<String> = [
    RuntimeMismatch.id, MissingFromDeployment.id, ScratchFull.id,
  ]

  /// Whether this finding already says what the other one would say something else about.
  func explains(_ other: Finding) -> Bool {
    guard Finding.settling.contains(rule), rule != other.rule, let own = evidence.first, let line = own.line,
      own.kind == .log
    else { return false }
    return other.evidence.contains { $0.kind == .log && $0.phase == own.phase && $0.line == line }
  }

  /// Its place among the findings of a run, by the first item of its evidence.
  var causalOrder: CausalOrder {
    CausalOrder(
      severity: Severity.allCases.firstIndex(of: severity) ?? 0,
      // A version that is not the one asked for puts all that was seen in doubt.
      phase: rule == RuntimeMismatch.id && phase == nil
        ? -1 : phase.flatMap { PhaseEvidence.Name.allCases.firstIndex(of: $0) } ?? Int.max,
      // A limit that ended a phase comes before what the program said of it.
      line: category == .resourceLimit && evidence.first?.kind == .counter
        ? 0 : evidence.first { $0.kind == .log }?.line ?? Int.max)
  }

  /// Whether another finding says the same, or names another cause for the same line of a log.
  ///
  /// A line has one cause: the one that was found first, if it matters as much.
  fileprivate func isSame(as other: Finding) -> Bool {
    if fingerprint == other.fingerprint { return true }
    guard rule != other.rule, severity == other.severity || severity == .error,
      let line = evidence.first, line.kind == .log, let first = other.evidence.first
    else { return false }
    return line.phase == first.phase && line.line == first.line && first.kind == .log
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
