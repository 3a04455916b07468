import Analysis
import Formats

extension TextReport.Page {
  /// The findings that do not count, each with its reason.
  mutating func suppressed() {
    let findings = report.suppressedFindings
    guard !findings.isEmpty else { return }
    columns.space()
    for finding in findings {
      guard let suppression = finding.suppression else { continue }
      let by =
        suppression.location.map { $0.file + ($0.line.map { ":\($0)" } ?? "") } ?? suppression.kind.rawValue
      label(
        "suppressed",
        "\(finding.severity.rawValue) \(finding.rule): \(finding.title) (\(by): \(suppression.reason))")
    }
  }

  /// What the usual report leaves out: the end of each log, the environment, sockets, connections, files.
  mutating func everything() {
    for phase in report.phases
    where !phase.command.isEmpty || !phase.stdoutTail.isEmpty || !phase.stderrTail.isEmpty {
      columns.space()
      label(phase.name.rawValue, ShellWords.join(phase.command))
      log("stdout", phase.stdoutTail)
      log("stderr", phase.stderrTail)
      label("used", Self.use(phase.resources))
    }
    for process in report.processes ?? [] {
      columns.space()
      label("process", process.name)
      log("stdout", process.stdoutTail)
      log("stderr", process.stderrTail)
    }
    columns.space()
    for variable in report.plan.environment {
      label("variable", "\(variable.name) \(variable.set ? "set" : "not set") (\(variable.source))")
    }
    for socket in report.listening {
      let process = socket.process.map { " (\($0))" } ?? ""
      label("socket", "\(socket.protocol) \(socket.address) port \(socket.port)\(process)")
    }
    for attempt in report.egress {
      let port = attempt.port.map { ":\($0)" } ?? ""
      let what = attempt.allowed ? "reached" : "refused"
      label(
        "connection",
        "\(attempt.phase.rawValue): \(attempt.host)\(port) \(what), \(attempt.count) time\(attempt.count == 1 ? "" : "s")"
      )
    }
    for file in report.filesystem.written {
      label("file", "\(file.path) \(file.kind), \(ByteCount.describe(file.bytes))")
    }
  }

  /// The end of a stream. A line that fits keeps its indentation, by which programs say what belongs together.
  private mutating func log(_ name: String, _ texts: [String]) {
    for (index, text) in texts.enumerated() {
      let (head, line) = (index == 0 ? name : "", TerminalText.plain(text))
      let padding = String(repeating: " ", count: TextColumns.labelWidth - head.columns)
      if TextColumns.labelWidth + line.columns <= columns.width {
        columns.raw((head.isEmpty ? "" : style.dim(head)) + padding + line)
      } else {
        label(head, text, limit: 4)
      }
    }
  }

  private static func use(_ use: ResourceUse) -> String {
    let parts = [
      use.cpuMilliseconds.map { "\($0) ms of processor" },
      use.memoryPeakBytes.map { "\(ByteCount.describe($0)) of memory at most" },
      use.processesPeak.map { "\($0) processes at most" },
      use.bytesWritten.map { "\(ByteCount.describe($0)) written" },
      use.oomKills.flatMap { $0 > 0 ? "\($0) killed for want of memory" : nil },
    ].compactMap { $0 }
    return parts.isEmpty ? "not measured" : parts.joined(separator: ", ")
  }
}
