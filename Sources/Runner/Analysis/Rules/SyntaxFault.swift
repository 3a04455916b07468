import Formats

/// A source file the interpreter cannot read.
enum SyntaxFault {
  static let rules = [
    Rule("syntax-error", "A source file of the project has a syntax error.") { evidence in
      evidence.judgedPhases.flatMap { phase -> [Finding] in
        guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
        return phase.traces.compactMap { finding($0, phase, severity, evidence) }
      }
    }
  ]

  private static func finding(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    guard let place = trace.unreadablePlace else { return nil }
    let inDependency = ErrorTrace.isInstalledCode(place.file)
    let location = inDependency ? nil : trace.location(in: evidence.settings.workingDirectory)
    let name = location?.file ?? place.file
    let version = evidence.project.runtimeVersion.map { " by version \($0)" } ?? ""
    return Finding(
      rule: "syntax-error", category: inDependency ? .environmentMismatch : .runtimeCrash, severity: severity,
      subject: name + trace.message, title: "Syntax error in \(name): \(trace.message)",
      message: inDependency
        ? "An installed package cannot be read\(version): it was written for another version of the language."
        : "\(name) cannot be read\(version), so nothing that needs it can start.",
      fix: Finding.Fix(
        inDependency
          ? "Upgrade the package, or pin the version of the language it supports."
          : "Correct the file at line \(place.line); a linter in CI finds this before a deployment.",
        commands: inDependency ? [] : [check(name, by: evidence.project.advice(of: trace.language))]),
      evidence: [phase.proof(trace.line)], location: location)
  }

  private static func check(_ file: String, by advice: Advice?) -> FixCommand? {
    guard let advice, !advice.checkSyntax.isEmpty else { return nil }
    return FixCommand(advice.checkSyntax + [ShellWords.file(file)])
  }
}
