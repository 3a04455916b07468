/// uv explains in prose why it finds no solution; the rules keep the sentence and sort it.
enum UvResolution {
  /// Why uv found no solution.
  enum Reason {
    case noVersion(String), unknownName(String), otherPython(requirement: String, range: String), conflict
  }

  /// What uv said.
  struct Explanation {
    var text: String
    var reason: Reason
    var line: LogLine
  }

  /// Returns uv's explanation, if the phase failed for want of a solution.
  static func explanation(in phase: PhaseEvidence) -> Explanation? {
    guard phase.status == .failed,
      let start = phase.log.firstIndex(where: { $0.text.has("No solution found when resolving") })
    else { return nil }
    let body = phase.log[(start + 1)...].prefix(20).prefix { $0.text.hasPrefix("  ") }.map(\.text)
    let text = body.map { line in
      String((line.text(after: "cause: ") ?? line.text(after: "╰─▶ ") ?? line[...]).trimmed)
    }.joined(separator: " ")
    guard !text.isEmpty else { return nil }
    return Explanation(text: text, reason: reason(text), line: phase.log[min(start + 1, phase.log.count - 1)])
  }

  private static func reason(_ text: String) -> Reason {
    if let range = text.text(between: "does not satisfy Python", and: " and "),
      let requirement = text.text(between: " and ", and: " depends on Python")
    {
      return .otherPython(requirement: String(requirement), range: String(range))
    }
    if let name = text.text(
      between: "there is no version of ",
      and: " and "
        + "")
    {
      return .noVersion(String(name))
    }
    if let name = text.text(between: "Because ", and: " was not found in the package registry") {
      return .unknownName(String(name))
    }
    return .conflict
  }

  static let rules = [
    Rule("no-solution", "uv finds no solution for the requirements.") { evidence in
      evidence.phases.filter { $0.name == .install || $0.name == .build }.compactMap { phase in
        explanation(in: phase).map { finding($0, phase, evidence) }
      }
    }
  ]

  /// Carries the identifier of the rule that says the same of pip.
  private static func finding(
    _ explanation: Explanation, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let manifest = Finding.manifestName(evidence.project)
    switch explanation.reason {
    case .conflict:
      return finding(
        "dependency-conflict", .dependencyConflict,
        "uv finds no versions that satisfy all "
          + "requirements", explanation,
        Finding.Fix("Relax or raise one of the requirements it names, in \(manifest)."), phase, evidence)
    case .noVersion(let requirement):
      let name = DependencyAdvice.name(ofRequirement: requirement)
      return finding(
        "dependency-version-not-found", .dependencyMissing, "\(requirement) does not exist", explanation,
        Finding.Fix(
          "Require a version that exists, in \(manifest).",
          commands: [DependencyAdvice.listVersions(of: name)]),
        phase, evidence)
    case .unknownName(let name):
      return finding(
        "dependency-not-found", .dependencyMissing, "No package named \(name) can be installed", explanation,
        Finding.Fix(
          "Correct or remove it in \(manifest); for a private package, configure its "
            + "index."), phase, evidence)
    case .otherPython(let requirement, let range):
      return finding(
        "dependency-needs-other-python", .environmentMismatch,
        "\(requirement) needs Python "
          + "\(range)", explanation,
        Finding.Fix(
          "Declare a version of Python that satisfies \(range) (.python-version or requires-python), "
            + "or require an older version of the package."), phase, evidence)
    }
  }

  private static func finding(
    _ rule: String, _ category: Finding.Category, _ title: String, _ explanation: Explanation,
    _ fix: Finding.Fix,
    _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    Finding(
      rule: rule, category: category, subject: title, title: title, message: explanation.text, fix: fix,
      evidence: [phase.proof(explanation.line)],
      location: evidence.project.manifest.map { Finding.Location(file: $0) })
  }
}
