import Analysis
import Reports

/// Writes the parts of a digest, each of a report's texts redacted by itself: what stands before a line decides how it
/// is read, so nothing is put before one that is not redacted yet.
struct DigestComposer {
  /// A part of a digest, in the order of their weight.
  struct Part {
    var text: String
    /// Of a log the end says more than the beginning.
    var keepsEnd = false
  }

  private var redaction: Redaction
  /// How often something was replaced.
  private(set) var count = 0

  /// Knows what is secret in a log wherever it is quoted: a line by itself may not show it.
  init(_ redaction: Redaction, _ report: Report) {
    self.redaction = redaction
    let streams =
      report.phases.flatMap { [$0.stdoutTail, $0.stderrTail] }
      + (report.processes ?? []).flatMap { [$0.stdoutTail, $0.stderrTail] }
    for lines in streams { self.redaction.learnParts(of: lines.joined(separator: "\n")) }
  }

  mutating func parts(of report: Report) -> [Part] {
    var parts = [Part(text: head(report))]
    for (index, finding) in report.findings.prefix(12).enumerated() {
      parts.append(Part(text: self.finding(finding, number: index + 1)))
    }
    parts.append(Part(text: phases(report)))
    // What failed stands first: it is what a person asks about.
    let failed = report.phases.filter { $0.status == .failed }
    for phase in failed + report.phases.filter({ $0.status != .failed }) {
      parts += logs(phase.stderrTail, phase.stdoutTail, of: phase.name.rawValue)
    }
    for process in report.processes ?? [] {
      parts += logs(process.stderrTail, process.stdoutTail, of: process.name)
    }
    parts.append(Part(text: surroundings(report)))
    return parts
  }

  private mutating func clean(_ text: String) -> String {
    let result = redaction.apply(text)
    count += result.count
    return result.text
  }

  private mutating func list(_ texts: some Sequence<String>, _ separator: String = ", ") -> String {
    var cleaned: [String] = []
    for text in texts { cleaned.append(clean(text)) }
    return cleaned.joined(separator: separator)
  }

  private mutating func head(_ report: Report) -> String {
    let project = report.project
    let facts = [project.ecosystem, project.runtimeVersion, project.framework, project.packageManager]
    return """
      Verdict: \(report.verdict.rawValue)
      Project: \(clean(project.name)) (\(list(facts.compactMap { $0 })))
      Recognised by: \(list(project.detectedFrom.prefix(8)))
      Start: \(clean(report.plan.start ?? "unknown"))
      Port: \(report.plan.port.map { "\($0)" } ?? "none"), network: \(clean(report.plan.network))
      """
  }

  private mutating func finding(_ finding: Finding, number: Int) -> String {
    let (severity, confidence) = (finding.severity.rawValue, finding.confidence.rawValue)
    var lines = [
      "Finding \(number): \(finding.rule) (\(severity), \(confidence) confidence)",
      "  \(clean(finding.title))",
      "  \(clean(finding.message))", "  Fix: \(clean(finding.fix.summary))",
    ]
    if let place = finding.location {
      lines.append("  At: \(clean(place.file))" + (place.line.map { ":\($0)" } ?? ""))
    }
    for proof in finding.evidence.prefix(6) {
      let place = [proof.phase?.rawValue, proof.file].compactMap { $0 }.map { ", \(clean($0))" }.joined()
      lines.append("  Seen (\(proof.kind.rawValue)\(place)): \(clean(proof.text))")
    }
    return lines.joined(separator: "\n")
  }

  private mutating func phases(_ report: Report) -> String {
    var lines = ["Phases:"]
    for phase in report.phases {
      let ending = [phase.exitCode.map { "exit status \($0)" }, phase.signal.map { "signal \($0)" }]
      let facts = [phase.status.rawValue] + ending.compactMap { $0 } + ["\(phase.durationMilliseconds) ms"]
      let command = clean(phase.command.joined(separator: " "))
      lines.append("  \(phase.name.rawValue): \(facts.joined(separator: ", ")): \(command)")
    }
    return lines.joined(separator: "\n")
  }

  private mutating func logs(_ errors: [String], _ output: [String], of name: String) -> [Part] {
    var parts: [Part] = []
    let name = clean(name)
    for (stream, lines) in [("stderr", errors), ("stdout", output)] where !lines.isEmpty {
      let text = clean(lines.joined(separator: "\n")).split(separator: "\n", omittingEmptySubsequences: false)
      let quoted = text.map { "| \($0)" }.joined(separator: "\n")
      parts.append(Part(text: "Log of \(name), \(stream), the last lines:\n\(quoted)", keepsEnd: true))
    }
    return parts
  }

  private mutating func surroundings(_ report: Report) -> String {
    let variables = report.plan.environment.prefix(60).map { "\($0.name)\($0.set ? "" : " (not set)")" }
    let egress = report.egress.prefix(20).map {
      "\($0.host) \($0.allowed ? "allowed" : "REFUSED") in \($0.phase.rawValue)"
    }
    let sockets = report.listening.prefix(10).map { "\($0.address):\($0.port)" }
    return """
      Variables, by name alone: \(list(variables))
      Listening: \(sockets.isEmpty ? "nothing" : list(sockets))
      Connections: \(egress.isEmpty ? "none" : list(egress, "; "))
      Notes: \(list((report.plan.notes ?? []).prefix(10), "; "))
      """
  }
}
