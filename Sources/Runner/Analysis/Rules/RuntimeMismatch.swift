/// The interpreter that ran the program is not one that the project asks for.
///
/// The check then says nothing certain: what failed may work there, and what worked may fail. A failure that is
/// typical of another version is put down to the version, and not to the code.
enum RuntimeMismatch {
  /// The identifier of the rule, for rules that stay silent when the version is the cause.
  static let id = "runtime-version-mismatch"

  static let rules = [
    Rule(id, "The version of the interpreter is not one that the project asks for.") { evidence in
      guard let request = evidence.project.runtimeRequest, !request.isMet,
        let version = evidence.project.runtimeVersion, let advice = evidence.project.advice
      else { return [] }
      return [finding(request, version, advice, symptom(in: evidence), evidence)]
    }
  ]

  private static func finding(
    _ request: RuntimeRequest, _ version: String, _ advice: Advice, _ symptom: Finding.Proof?,
    _ evidence: Evidence
  ) -> Finding {
    let name = advice.name
    let asked = "\(name) \(request.version)"
    return Finding(
      rule: id, category: .environmentMismatch, blame: symptom == nil ? .project : .sandbox,
      severity: symptom == nil ? .warning : .error, subject: "\(name) \(request.version)",
      title: "The project asks for \(asked) (\(request.source)); it was run with \(version)",
      message: symptom == nil
        ? "No \(asked) was found here, so the check ran on \(version): what it saw need not hold for the "
          + "version that is deployed."
        : "No \(asked) was found here, and \(version) cannot run what is written for it: this says nothing of "
          + "the code.",
      fix: Finding.Fix(
        "Check it with the version that will be deployed: on an image that has it, or with it installed here.",
        commands: [evidence.check("--image", image(request, advice))]),
      evidence: (symptom.map { [$0] } ?? [])
        + [
          Finding.Proof(
            kind: .file, text: "\(request.source) asks for \(request.version)", file: request.file)
        ],
      location: Finding.Location(file: request.file))
  }

  /// The official image of the first version that the request names.
  private static func image(_ request: RuntimeRequest, _ advice: Advice) -> String {
    let digits = request.version.drop { !$0.isNumber }.prefix { $0.isNumber || $0 == "." }
    let numbers = digits.split(separator: ".").prefix(advice.seriesLength).joined(separator: ".")
    return "\(advice.image):\(numbers)-slim"
  }

  // MARK: What another version does

  private static func symptom(in evidence: Evidence) -> Finding.Proof? {
    let refusals = evidence.project.allAdvice.flatMap(\.versionRefusals)
    for phase in evidence.judgedPhases where evidence.severity(ofErrorIn: phase) == .error {
      for trace in phase.traces where trace.isOfOtherVersion { return phase.proof(trace.line) }
      if phase.name == .start { continue }
      if let line = phase.firstLine(where: { $0.hasAny(of: refusals) }) { return phase.proof(line) }
    }
    return nil
  }
}
