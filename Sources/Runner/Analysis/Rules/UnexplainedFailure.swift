/// The last rule: a phase that failed is never passed over in silence.
enum UnexplainedFailure {
  static let rules = [
    Rule(consequence: "phase-failed", "A phase failed and no other rule says why.") { evidence, causes in
      guard !causes.contains(where: { $0.severity == .error }),
        let phase = evidence.phases.first(where: { phase in
          phase.status == .failed && !causes.contains { $0.phase == phase.name }
        }), phase.endedBy != .interrupt
      else { return [] }
      let status = ProcessEnd.describe(exitCode: phase.exitCode, signal: phase.signal)
      let line = InstallFailure.firstError(phase) ?? phase.lastWords
      return [
        Finding(
          rule: "phase-failed", category: .runtimeCrash, confidence: .low, subject: phase.name.rawValue,
          title: "The \(phase.name.rawValue) phase failed (\(status))",
          message: "No rule knows this failure; its log has the details.",
          fix: Finding.Fix("Look at the log of the \(phase.name.rawValue) phase."),
          evidence: (line.map { [phase.proof($0)] } ?? []) + [phase.exitProof()])
      ]
    }
  ]
}
