/// Installing or building failed for a reason no other rule knows.
enum InstallFailure {
  static let rules = [
    Rule(consequence: "install-failed", "Installing the dependencies failed.") { evidence, causes in
      judge(.install, "install-failed", evidence, causes)
    },
    Rule(consequence: "build-failed", "Building the project failed.") { evidence, causes in
      judge(.build, "build-failed", evidence, causes)
    },
  ]

  private static func judge(
    _ name: PhaseEvidence.Name, _ rule: String, _ evidence: Evidence, _ causes: [Finding]
  ) -> [Finding] {
    guard let phase = evidence.phase(name), phase.status == .failed, phase.endedBy != .interrupt,
      !causes.explain(name)
    else { return [] }
    let firstError = firstError(phase)
    let isError = firstError != nil || !phase.traces.isEmpty
    let line = firstError ?? phase.traces.first?.line ?? phase.lastWords
    let status = ProcessEnd.describe(exitCode: phase.exitCode, signal: phase.signal)
    let unstarted = phase.notExecuted
    let text = unstarted.map { "\($0.program): \($0.reason)" } ?? line.map { String(shortened($0.text)) }
    let noun = name == .install ? "Installing the dependencies" : "Building the project"
    return [
      Finding(
        rule: rule, category: name == .install ? .dependencyMissing : .configuration, confidence: .medium,
        subject: text ?? status,
        title: "\(noun) failed" + (text.map { ": \($0)" } ?? " (\(status))"),
        message: "\(phase.command.joined(separator: " ").prefix(200)) ended with \(status)."
          + (line == nil
            ? " It printed nothing."
            : isError ? " The line shown is the first error it printed." : " The line shown is its last.")
          + (InstallNetwork.isClaimed(by: phase)
            ? " It speaks of the network; this check saw no host that could not be reached. If a host answered with "
              + "errors of its own, repeating the check helps." : ""),
        fix: Finding.Fix(
          "Run the command in the same sandbox and correct what it reports.",
          commands: [evidence.settings.invocation.run(phase.command)]),
        evidence: (unstarted.map { [$0.seen.proof(in: phase.name)] } ?? line.map { [phase.proof($0)] } ?? [])
          + [phase.exitProof()],
        location: traceLocation(phase, evidence))
    ]
  }

  /// The first line that says it is an error, by the habits of pip, npm, compilers and make.
  static func firstError(_ phase: PhaseEvidence) -> LogLine? {
    phase.firstLine { text in
      let line = text.trimmed
      if line.hasPrefix("npm error code ") || line.hasPrefix("npm error A complete log") { return false }
      return [
        "ERROR: ", "ERROR ", "error: ", "Error: ", "error ", "fatal: ", "FATAL ", "npm error ", "npm ERR! ",
      ].contains { line.hasPrefix($0) && line.count > $0.count }
        || line.has(": error: ") || line.has(": fatal error: ")
        || line.has(
          ": error "
            + "TS")
        || line.hasSuffix(": not found") || line.hasSuffix(": command not found")
    }
  }

  private static func shortened(_ text: String) -> Substring {
    let line = text.trimmed
    for prefix in ["ERROR: ", "error: ", "Error: ", "npm error ", "npm ERR! "] where line.hasPrefix(prefix) {
      return line.dropFirst(prefix.count).prefix(120)
    }
    return line.prefix(120)
  }

  private static func traceLocation(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding.Location? {
    phase.traces.first?.location(in: evidence.settings.workingDirectory)
  }
}
