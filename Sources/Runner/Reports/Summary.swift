import Analysis

/// The report's one-sentence summary.
enum Summary {
  /// Says the verdict and, when there is one, the first finding behind it.
  static func sentence(_ judgement: Judgement, evidence: Evidence) -> String {
    let open = judgement.findings.filter { $0.suppression == nil }
    let top = open.first
    let others = open.filter { $0.severity != .note }.count - 1
    let more = others > 0 ? " (and \(others) more)" : ""
    switch judgement.verdict {
    case .ready:
      return "\(evidence.project.name) is ready to deploy."
    case .readyWithWarnings where !open.contains { $0.severity == .warning }:
      let known = judgement.findings.count - open.count
      return
        "\(evidence.project.name) has nothing new wrong; \(known) finding\(known == 1 ? " is" : "s are") suppressed."
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
