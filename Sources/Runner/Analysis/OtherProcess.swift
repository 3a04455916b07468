/// What was seen of a process besides the one of the start command.
package struct OtherProcessEvidence: Sendable, Codable, Equatable {
  /// Its type in the Procfile ("worker", "release"); a platform's release command is a "release" too.
  package var name: String
  /// The run, judged like any other; nil when it was not run.
  package var run: Evidence?
  /// Why it was not run.
  package var notRun: String?
  /// Whether a failure of it makes the project not ready; a warning otherwise.
  package var isNeeded: Bool

  package init(name: String, run: Evidence?, notRun: String? = nil, isNeeded: Bool) {
    self.name = name
    self.run = run
    self.notRun = notRun
    self.isNeeded = isNeeded
  }

  /// Its start phase.
  package var start: PhaseEvidence? { run?.phase(.start) }

  /// Whether it did what it is there for: ended with 0, or was still running when it was stopped.
  package var isWell: Bool { start?.status == .passed }

  /// What the rules say of it, in its name.
  func findings(by rules: RuleBook) -> [Finding] {
    guard let run else { return [] }
    // A release command may well have nothing to do.
    let findings = rules.findings(in: run).filter { $0.rule != DoesNothing.id || self.name != "release" }
    return findings.map { finding in
      var own = finding
      own.process = name
      own.title = "\(name): \(finding.title)"
      // The line that asks for it says more than the manifest that lacks it.
      if finding.location == nil || finding.location?.file == run.project.manifest {
        own.location = run.settings.startPlace ?? finding.location
      }
      if let place = run.settings.startPlace, own.location != place, own.severity == .error {
        own.evidence.append(
          Finding.Proof(
            kind: .file, line: place.line, text: "\(place.file) starts it: \(run.project.startLine ?? "")",
            file: place.file))
      }
      if own.severity == .error, !isNeeded { own.severity = .warning }
      return own
    }
  }
}

extension Judgement {
  /// Judges the run of the start command and those of the other processes together: what they share is told once,
  /// and what precedes the program stands before it.
  package init(of evidence: Evidence, and others: [OtherProcessEvidence], by rules: RuleBook) {
    var found: [Finding] = []
    let before = others.filter { $0.name == "release" }
    let after = others.filter { $0.name != "release" }
    for finding in before.flatMap({ $0.findings(by: rules) }) + rules.findings(in: evidence)
      + after.flatMap({ $0.findings(by: rules) })
    where !found.contains(where: { $0.fingerprint == finding.fingerprint }) {
      found.append(finding)
    }
    let severities = Finding.Severity.allCases
    self.init(
      findings: severities.flatMap { severity in found.filter { $0.severity == severity } },
      phases: evidence.phases)
  }
}

/// What is wrong with a process that must end by itself.
enum ReleaseProcess {
  static let rules = [
    Rule(consequence: "release-does-not-end", "The release command does not end by itself.") {
      evidence, causes in
      guard let phase = evidence.phase(.start), phase.status == .failed, phase.endedBy == .timeLimit,
        evidence.settings.port == nil, !causes.explain(.start)
      else { return [] }
      let seconds = evidence.settings.startDeadlineMilliseconds / 1000
      return [
        Finding(
          rule: "release-does-not-end", category: .configuration, subject: "release",
          title: "Does not end within \(seconds) s",
          message:
            "A release command prepares the deployment and ends; the program is started after it, so a server or a "
            + "worker there stops every deployment.",
          fix: Finding.Fix("Let the command end, and start what goes on running from another line."),
          evidence: phase.lastLines(1).map { phase.proof($0) }
            + [Finding.Proof(kind: .exitStatus, phase: .start, text: "still running after \(seconds) s")],
          location: evidence.settings.startPlace)
      ]
    }
  ]
}
