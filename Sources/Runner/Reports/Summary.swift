import Analysis

/// The report's one-sentence summary.
enum Summary {
  /// Says the verdict and, when there is one, the first finding behind it.
  static func sentence(_ judgement: Judgement, evidence: Evidence) -> String {
    let top = judgement.findings.first
    let others = judgement.findings.filter { $0.severity != .note }.count - 1
    let more = others > 0 ? " (and \(others) more)" : ""
    switch judgement.verdict {
    case .ready:
      return "\(evidence.project.name) is ready to deploy."
    case .readyWithWarnings:
      return
        "\(evidence.project.name) is ready to deploy, with a warning: \(top?.title ?? "see findings")\(more)."
    case .notReady:
      return "\(evidence.project.name) is not ready to deploy: \(top?.title ?? "see findings")\(more)."
    case .inconclusive:
      let reason = top.map { ": \($0.title)" } ?? ": the run did not get far enough"
      return "\(evidence.project.name) could not be judged\(reason)\(more)."
    }
  }
}
