import Formats

extension Evidence {
  /// Returns a phase, if it was recorded.
  func phase(_ name: PhaseEvidence.Name) -> PhaseEvidence? { phases.first { $0.name == name } }

  /// Whether the program crashed, never became ready, or never answered as it should.
  var programFailed: Bool {
    if phase(.start)?.status == .failed || phase(.probe)?.status == .failed { return true }
    return !probes.isEmpty && !probes.contains { ($0.status ?? 599) < 500 }
  }

  /// How much an error printed in a phase matters; nil when the phase outlived it.
  ///
  /// A stack trace in the log of a program that went on running is worth a warning, in the log of an
  /// installation that succeeded it is noise.
  func severity(ofErrorIn phase: PhaseEvidence) -> Finding.Severity? {
    switch phase.name {
    case .install, .build: phase.status == .failed ? .error : nil
    case .start: programFailed ? .error : .warning
    case .probe, .stop: nil
    }
  }

  /// The phases that run something before we ask the program to stop.
  var judgedPhases: [PhaseEvidence] { phases.filter { [.install, .build, .start].contains($0.name) } }

  /// The phases whose use of memory, processes and disk is judged: also the end, where a limit was its end.
  var limitedPhases: [PhaseEvidence] {
    judgedPhases + phases.filter { $0.name == .stop && $0.endedBy?.isLimit == true }
  }

  /// Returns the attempts our policy refused.
  func deniedEgress(in names: PhaseEvidence.Name...) -> [EgressAttempt] {
    egress.filter { !$0.allowed && names.contains($0.phase) }
  }

  /// The start command as one line.
  var startCommand: String { phase(.start)?.command.joined(separator: " ") ?? "" }

  /// The same evidence with terminal control sequences taken out of the log lines.
  func withPlainText() -> Evidence {
    var copy = self
    for index in copy.phases.indices {
      copy.phases[index].log = copy.phases[index].log.map { line in
        var plain = line
        plain.text = TerminalText.plain(line.text)
        return plain
      }
    }
    return copy
  }
}

extension PhaseEvidence {
  /// Returns the first line that satisfies a condition.
  func firstLine(where matches: (String) -> Bool) -> LogLine? { log.first { matches($0.text) } }

  /// Returns a log line of this phase as proof.
  func proof(_ line: LogLine) -> Finding.Proof {
    Finding.Proof(
      kind: .log, phase: name, stream: line.stream, line: line.number,
      text: String(line.text.trimmed.prefix(600)))
  }

  /// Returns how the phase ended as proof.
  func exitProof() -> Finding.Proof {
    Finding.Proof(
      kind: .exitStatus, phase: name, text: ProcessEnd.describe(exitCode: exitCode, signal: signal))
  }

  /// The last line with text, on stderr if there is one.
  var lastWords: LogLine? {
    log.last { $0.stream == .stderr && !$0.text.trimmed.isEmpty } ?? log.last { !$0.text.trimmed.isEmpty }
  }

  /// The lines with text, without indentation-only differences, last first.
  func lastLines(_ count: Int) -> [LogLine] { log.filter { !$0.text.trimmed.isEmpty }.suffix(count) }
}

extension Finding {
  /// The name of the file dependencies are declared in, for sentences.
  static func manifestName(_ project: ProjectFacts) -> String {
    project.manifest ?? project.advice?.manifest ?? "the list of its dependencies"
  }
}
