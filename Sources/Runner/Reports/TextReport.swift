import Analysis
import Formats

/// Renders a report for a person at a terminal.
package enum TextReport: ReportFormat {
  package static let name = "text"
  package static let mediaType = "text/plain"
  package static let summary = "for a person at a terminal"

  /// Returns the final block of a check: verdict, findings, isolation, egress, what to run next.
  ///
  /// Text that came from the program is stripped of everything a terminal would act upon. Text is wrapped to the
  /// style's width, from 40 to 200 columns.
  package static func render(_ report: Report, _ style: ReportStyle) -> String {
    var page = Page(
      report: report, style: TextStyle(color: style.color), columns: TextColumns(width: min(style.width, 200))
    )
    page.verdict()
    switch style.detail {
    case .quiet:
      page.decisive()
      page.explanation()
    case .usual:
      page.findings()
      page.explanation()
      page.suppressed()
      page.surroundings()
    case .verbose:
      page.allFindings()
      page.explanation()
      page.suppressed()
      page.surroundings()
      page.everything()
    }
    return page.columns.lines.map(\.withoutTrailingSpaces).joined(separator: "\n") + "\n"
  }

  struct Page {
    let report: Report
    let style: TextStyle
    var columns: TextColumns
  }
}

extension TextReport.Page {
  // MARK: Verdict

  fileprivate mutating func verdict() {
    let words: String =
      switch report.verdict {
      case .ready: "READY"
      case .readyWithWarnings: "READY, WITH WARNINGS"
      case .notReady: "NOT READY"
      case .inconclusive: "INCONCLUSIVE"
      }
    var facts = [TerminalText.plain(report.project.name)]
    let runtime = [report.project.ecosystem, report.project.runtimeVersion].compactMap { $0 }.joined(
      separator: " ")
    if !runtime.isEmpty { facts.append(TerminalText.plain(runtime)) }
    if let framework = report.project.framework { facts.append(TerminalText.plain(framework)) }
    facts.append(Self.seconds(report.durationMilliseconds))
    let line = facts.joined(separator: ", ")
    let fits = words.count + 2 + line.columns <= columns.width
    columns.raw(style.verdict(report.verdict, words) + (fits ? "  " + style.dim(line) : ""))
    if !fits { columns.paragraph(line, style: { style.dim($0) }) }
    if report.openFindings.isEmpty, report.verdict != .inconclusive { columns.paragraph(report.summary) }
    if report.verdict == .inconclusive { columns.paragraph("This says nothing of the project itself.") }
  }

  // MARK: Findings

  fileprivate mutating func findings() {
    guard let top = report.openFindings.first else { return }
    let rest = report.openFindings.dropFirst()
    detailed(top)
    for finding in rest where finding.severity != .note { brief(finding) }
    let notes = rest.filter { $0.severity == .note }
    if !notes.isEmpty {
      columns.space()
      for finding in notes { headline(finding, limit: 2) }
    }
  }

  /// Of each error, or else of the first finding, what it is and what to do.
  fileprivate mutating func decisive() {
    let open = report.openFindings
    let errors = open.filter { $0.severity == .error }
    for finding in errors.isEmpty ? Array(open.prefix(1)) : errors {
      headline(finding, limit: 2)
      place(finding)
      label("fix", finding.fix.summary)
    }
  }

  /// What an AI wrote, where it was asked.
  fileprivate mutating func explanation() {
    if let ai = report.ai { columns.add(ai, style: style) }
  }

  fileprivate mutating func allFindings() {
    for finding in report.openFindings { detailed(finding, proofs: .max) }
  }

  private mutating func headline(_ finding: Finding, limit: Int) {
    let severity = finding.severity
    columns.add(
      severity.rawValue, finding.title, limit: limit, labelStyle: { style.severity(severity, $0) },
      style: { style.bold($0) })
  }

  private mutating func detailed(_ finding: Finding, proofs: Int = 3) {
    columns.space()
    headline(finding, limit: 4)
    for proof in finding.evidence.prefix(proofs) { observation(proof, of: finding.process, limit: 2) }
    place(finding)
    label("why", finding.message)
    label("fix", finding.fix.summary)
    for command in finding.fix.commands { self.command(command) }
    if let patch = finding.fix.patch {
      for line in patch.split(separator: "\n") { label("", String(line)) }
    }
    identity(finding)
  }

  private mutating func brief(_ finding: Finding) {
    columns.space()
    headline(finding, limit: 3)
    if let proof = finding.evidence.first { observation(proof, of: finding.process, limit: 1) }
    place(finding)
    label("fix", finding.fix.summary)
    for command in finding.fix.commands.prefix(1) { self.command(command) }
    identity(finding)
  }

  /// What it was seen in: "start:4" is line 4 of a stream of the start phase's log.
  private mutating func observation(_ proof: Finding.Proof, of process: String?, limit: Int) {
    let where_ = [process, proof.phase?.rawValue, proof.line.map(String.init)].compactMap { $0 }.joined(
      separator: ":")
    label(where_.isEmpty ? proof.kind.rawValue : where_, proof.text, limit: limit)
  }

  private mutating func place(_ finding: Finding) {
    guard let location = finding.location else { return }
    label("at", location.file + (location.line.map { ":\($0)" } ?? ""))
  }

  private mutating func identity(_ finding: Finding) {
    let blame = finding.blame == .project ? "" : ", caused by the \(Self.name(of: finding.blame))"
    let sure = finding.confidence == .high ? "" : ", \(finding.confidence.rawValue) confidence"
    columns.add(
      "", "[\(finding.rule), \(finding.category.rawValue)\(blame)\(sure)]", style: { style.dim($0) })
  }

  mutating func label(_ label: String, _ text: String, limit: Int = .max) {
    columns.add(label, text, limit: limit, labelStyle: { style.dim($0) })
  }

  private mutating func command(_ command: String) {
    columns.add("", "$ " + command, hang: 4, style: { style.command($0) })
  }

  private static func name(of blame: Finding.Blame) -> String {
    switch blame {
    case .project: "project"
    case .platform: "platform"
    case .upstream: "upstream service"
    case .sandbox: "sandbox"
    }
  }

  // MARK: Surroundings

  fileprivate mutating func surroundings() {
    columns.space()
    label("phases", phases)
    for process in report.processes ?? [] { label("process", Self.line(process)) }
    for note in report.plan.notes ?? [] { label("note", note) }
    if report.verdict != .notReady, let socket = report.listening.first {
      label(
        "listening", "\(socket.address.contains(":") ? "[\(socket.address)]" : socket.address):\(socket.port)"
      )
    }
    if let image = report.plan.image {
      label("image", [image.reference, image.reason].compactMap { $0 }.joined(separator: ": "))
    }
    label("isolation", isolation)
    for piece in report.isolation.degraded {
      label("", "degraded: \(piece.what) (\(piece.why)). Remedy: \(piece.remedy)")
    }
    label("egress", egress)
    columns.add(
      "again", report.again, labelStyle: { style.dim($0) }, style: { style.command($0) })
  }

  private var phases: String {
    report.phases.map { phase in
      switch phase.status {
      case .skipped: "\(phase.name.rawValue) skipped"
      case .cached: "\(phase.name.rawValue) cached"
      case .passed: "\(phase.name.rawValue) \(Self.seconds(phase.durationMilliseconds))\(settling(phase))"
      case .failed:
        "\(phase.name.rawValue) FAILED after \(Self.seconds(phase.durationMilliseconds))\(Self.overshoot(phase))"
      }
    }.joined(separator: ", ")
  }

  /// How much a phase held that was over its limit, where limits are looked after and not kept by the kernel.
  private static func overshoot(_ phase: Report.Phase) -> String {
    phase.resources.memoryOvershootBytes.map {
      " (\(ByteCount.describe($0)) over its memory limit before a look saw it)"
    } ?? ""
  }

  /// "worker: FAILED (exit status 1) after 0.2 s: celery -A tasks worker".
  private static func line(_ process: Report.Process) -> String {
    let command = process.command.isEmpty ? "" : ": " + process.command.joined(separator: " ")
    let seconds = Self.seconds(process.durationMilliseconds)
    switch process.status {
    case .notRun: return "\(process.name): not run, because \(process.reason ?? "of what happened before")"
    case .passed where process.exitCode == 0: return "\(process.name): ended well after \(seconds)\(command)"
    case .passed: return "\(process.name): ran for \(seconds), then was stopped\(command)"
    case .failed:
      let end = process.exitCode.map { " with status \($0)" } ?? ""
      return "\(process.name): FAILED\(end) after \(seconds)\(command)"
    }
  }

  /// The part of the probe in which nothing was asked.
  private func settling(_ phase: Report.Phase) -> String {
    guard phase.name == .probe, let settling = report.settlingMilliseconds, settling > 0 else { return "" }
    return " (\(Self.seconds(settling)) of it settling)"
  }

  private var isolation: String {
    let facts = report.isolation
    let parts = [
      facts.userNamespace ? "user namespace" : nil, facts.cgroup == "none" ? nil : "cgroup \(facts.cgroup)",
      facts.seccomp ? "seccomp" : nil, facts.landlock ? "landlock" : nil, "network: \(facts.network)",
    ]
    return "\(facts.level): " + parts.compactMap { $0 }.joined(separator: ", ")
  }

  private var egress: String {
    let allowed = Self.hosts(report.egress.filter(\.allowed))
    let refused = Self.hosts(report.egress.filter { !$0.allowed })
    if allowed.isEmpty, refused.isEmpty { return "no connection to another host was attempted" }
    return [allowed.isEmpty ? nil : allowed, refused.isEmpty ? nil : "REFUSED: \(refused)"].compactMap { $0 }
      .joined(separator: "; ")
  }

  /// "pypi.org (install), api.example.com:8443 (start)": at most four, then a count.
  private static func hosts(_ attempts: [EgressAttempt]) -> String {
    var seen: Set<String> = []
    let names = attempts.map { attempt in
      let port = attempt.port.flatMap { $0 == 443 || $0 == 80 ? nil : ":\($0)" } ?? ""
      return "\(attempt.host)\(port) (\(attempt.phase.rawValue))"
    }.filter { seen.insert($0).inserted }
    let more = names.count > 4 ? " and \(names.count - 4) more" : ""
    return names.prefix(4).joined(separator: ", ") + more
  }

  /// "0.4 s" below ten seconds, "1 min 12 s" above a minute.
  private static func seconds(_ milliseconds: Int) -> String {
    let tenths = milliseconds / 100
    if tenths < 100 { return "\(tenths / 10).\(tenths % 10) s" }
    let seconds = tenths / 10
    return seconds < 60 ? "\(seconds) s" : "\(seconds / 60) min \(seconds % 60) s"
  }
}

extension String {
  fileprivate var withoutTrailingSpaces: Substring {
    var end = endIndex
    while end > startIndex, self[index(before: end)] == " " { end = index(before: end) }
    return self[..<end]
  }
}
