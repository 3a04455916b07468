package import Analysis
package import Formats
import Isolate

/// Renders a report as newline-delimited JSON: the events of a check, each a document of one line with an `event`.
///
/// With `--format ndjson` the events come while they happen; of a whole report the same are told afterwards.
package enum NDJSONReport: ReportFormat {
  package static let name = "ndjson"
  package static let mediaType = "application/x-ndjson"
  package static let summary = "the events as they happen, a JSON document a line"
  package static let usesRecording = true

  package static func render(_ report: Report, _ style: ReportStyle) throws(Failure) -> String {
    var lines = [check(report.tool, source: report.project.source)]
    for phase in report.phases {
      let name = phase.name.rawValue
      lines.append(phaseBegan(name, detail: ShellWords.join(phase.command)))
      if let recording = style.recording {
        for line in recording.lines where line.phase == phase.name {
          lines.append(
            self.line(
              line.text, phase: name, isError: line.stream == .stderr, milliseconds: line.milliseconds,
              process: line.process))
        }
      } else {
        for text in phase.stdoutTail { lines.append(line(text, phase: name, isError: false)) }
        for text in phase.stderrTail { lines.append(line(text, phase: name, isError: true)) }
      }
      lines.append(
        phaseEnded(
          name, outcome: phase.status.rawValue,
          succeeded: phase.status == .skipped ? nil : phase.status != .failed,
          milliseconds: phase.durationMilliseconds))
    }
    if let leftOut = style.recording?.linesLeftOut, leftOut > 0 {
      lines.append(note("\(leftOut) lines in the middle of the log were not kept"))
    }
    return (lines + (try judgement(report))).joined(separator: "\n") + "\n"
  }

  // MARK: Events

  static func check(_ tool: Report.Tool, source: String) -> String {
    event(
      "check",
      [
        "schemaVersion": .string(Report.currentSchemaVersion), "source": .string(source),
        "tool": .table(["name": .string(tool.name), "version": .string(tool.version)]),
      ])
  }

  static func phaseBegan(_ name: String, detail: String) -> String {
    event("phase-began", ["phase": .string(name), "detail": .string(detail)])
  }

  static func phaseEnded(_ name: String, outcome: String, succeeded: Bool?, milliseconds: Int) -> String {
    var members: [String: DocumentValue] = [
      "phase": .string(name), "outcome": .string(outcome), "durationMilliseconds": .other("\(milliseconds)"),
    ]
    if let succeeded { members["succeeded"] = .boolean(succeeded) }
    return event("phase-ended", members)
  }

  static func line(
    _ text: String, phase: String?, isError: Bool, milliseconds: Int? = nil, process: String? = nil
  ) -> String {
    var members: [String: DocumentValue] = [
      "text": .string(text), "stream": .string(isError ? "stderr" : "stdout"),
    ]
    if let phase { members["phase"] = .string(phase) }
    if let process { members["process"] = .string(process) }
    if let milliseconds { members["milliseconds"] = .other("\(milliseconds)") }
    return event("line", members)
  }

  static func note(_ text: String) -> String { event("note", ["text": .string(text)]) }

  static func observation(kind: String, phase: PhaseEvidence.Name?, text: String) -> String {
    var members: [String: DocumentValue] = ["kind": .string(kind), "text": .string(text)]
    if let phase { members["phase"] = .string(phase.rawValue) }
    return event("observation", members)
  }

  /// What is known when a check is over: the sockets, the connections, the findings, the verdict.
  static func judgement(_ report: Report) throws(Failure) -> [String] {
    var lines = report.listening.map { socket in
      observation(
        kind: Finding.Proof.Kind.listening.rawValue, phase: .start,
        text:
          "\(socket.protocol) \(socket.address.contains(":") ? "[\(socket.address)]" : socket.address):\(socket.port)"
      )
    }
    lines += report.egress.map { attempt in
      observation(
        kind: Finding.Proof.Kind.egress.rawValue, phase: attempt.phase,
        text:
          "\(attempt.host)\(attempt.port.map { ":\($0)" } ?? "") \(attempt.allowed ? "reached" : "refused")")
    }
    do {
      for finding in report.findings {
        lines.append(event("finding", ["finding": .other(try JSONText.line(finding))]))
      }
    } catch {
      throw Failure(.internalError, "a finding has no JSON form: \(error)")
    }
    lines.append(
      event(
        "verdict",
        [
          "verdict": .string(report.verdict.rawValue), "summary": .string(report.summary),
          "durationMilliseconds": .other("\(report.durationMilliseconds)"),
        ]))
    return lines
  }

  private static func event(_ name: String, _ members: [String: DocumentValue]) -> String {
    var all = members
    all["event"] = .string(name)
    return JSONText.line(.table(all))
  }
}

/// Writes the events of a check to standard output as they happen.
package final class EventStream: CheckObserver {
  private let startedAt = ContinuousClock.now
  private var phase: String?

  package init() {}

  package func phaseBegan(_ name: String, detail: String) {
    phase = name
    tell(NDJSONReport.phaseBegan(name, detail: detail))
  }

  package func line(_ text: String, isError: Bool) {
    let (seconds, rest) = startedAt.duration(to: .now).components
    let milliseconds = Int(seconds) * 1000 + Int(rest / 1_000_000_000_000_000)
    tell(NDJSONReport.line(text, phase: phase, isError: isError, milliseconds: milliseconds))
  }

  package func phaseEnded(_ name: String, outcome: String, succeeded: Bool?, milliseconds: Int) {
    phase = nil
    tell(
      NDJSONReport.phaseEnded(name, outcome: outcome, succeeded: succeeded, milliseconds: milliseconds))
  }

  package func note(_ text: String) { tell(NDJSONReport.note(text)) }

  package func observed(_ seen: Finding.Proof) {
    tell(NDJSONReport.observation(kind: seen.kind.rawValue, phase: seen.phase, text: seen.text))
  }

  private func tell(_ line: String) { StandardStream.standardOutput(line + "\n") }
}

extension EventStream {
  /// The event that begins a stream.
  package static func beginning(_ tool: Report.Tool, source: String) -> String {
    NDJSONReport.check(tool, source: source) + "\n"
  }

  /// The events that end a stream, of a check that came to a report.
  package static func ending(_ report: Report) throws(Failure) -> String {
    try NDJSONReport.judgement(report).joined(separator: "\n") + "\n"
  }
}
