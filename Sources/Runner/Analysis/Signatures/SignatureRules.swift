/// What the signatures find: the rule book asks for them like for any rule.
enum SignatureRules {
  /// Returns the findings of a book.
  static func judge(_ evidence: Evidence, by book: SignatureBook) -> [Finding] {
    evidence.phases.filter { $0.status != .skipped }.flatMap { phase in
      book.hits(in: phase).compactMap { finding($0, phase, evidence) }
    }
  }

  private static func finding(
    _ hit: SignatureBook.Hit, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding? {
    let signature = hit.signature
    guard let severity = severity(signature.weight, phase, evidence),
      signature.when.allSatisfy({ $0.holds(in: phase, of: evidence) }),
      !signature.unless.contains(where: { $0.holds(in: phase, of: evidence) })
    else { return nil }
    var values = given(evidence)
    for (name, value) in hit.captures { values[name] = String(value.prefix(200)) }
    func filled(_ text: String) -> String { SignatureText.filled(text, values) }
    let location = signature.places.lazy.compactMap {
      $0.location(filled($0.template), of: hit.line, in: phase, evidence)
    }.first
    var commands = signature.commands.map { FixCommand(filling: $0, values) }
    if let change = signature.changeStart, let line = evidence.project.startLine {
      commands.append(evidence.check("--start", "\(line) \(filled(change))"))
    }
    let fix = Finding.Fix(filled(signature.fix), commands: commands)
    return Finding(
      rule: signature.id, category: signature.category, severity: severity, confidence: signature.confidence,
      subject: filled(signature.subject), title: filled(signature.title), message: filled(signature.why),
      fix: fix, evidence: [phase.proof(hit.line)] + (phase.status == .failed ? [phase.exitProof()] : []),
      location: location)
  }

  private static func severity(
    _ weight: Signature.Weight, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding.Severity? {
    switch weight {
    case .warning: return .warning
    case .note: return .note
    case .errorIfFailed: return evidence.severity(ofErrorIn: phase)
    case .onlyIfFailed: return evidence.severity(ofErrorIn: phase) == .error ? .error : nil
    }
  }

  private static func given(_ evidence: Evidence) -> [String: String] {
    [
      "manifest": Finding.manifestName(evidence.project),
      "start": evidence.project.startLine ?? evidence.startCommand,
      "start-place": evidence.project.startPlaceText ?? "the start command",
      "runtime": evidence.project.runtimeVersion ?? "this version",
      "port": evidence.settings.port.map(String.init) ?? "PORT",
    ]
  }
}
