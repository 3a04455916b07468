import Analysis
import Formats

/// Renders a report as JUnit XML for the test tabs of CI services: a phase is a suite, its outcome and each finding of
/// it are cases.
///
/// An error of the project is a failure, one of the sandbox or of a service outside an error, a suppressed finding is
/// skipped with its reason; warnings and notes pass, and say what they are in their output. Elements, their order and
/// attributes are those of Jenkins' junit-10.xsd.
package enum JUnitReport: ReportFormat {
  package static let name = "junit"
  package static let mediaType = "application/xml"
  package static let summary = "JUnit XML, for the test tabs of CI services"

  package static func render(_ report: Report, _ style: ReportStyle) -> String {
    var suites = report.phases.map { suite($0, report, style) }
    let others = report.findings.filter { finding in
      !report.phases.contains { $0.name == finding.reportedPhase }
    }
    if !others.isEmpty || suites.isEmpty {
      suites.append(
        Suite(
          name: "project", started: report.startedAt, milliseconds: 0,
          cases: others.isEmpty
            ? [verdict(report)] : others.map { self.case(of: $0, in: "project", report, style) }))
    }
    let cases = suites.flatMap(\.cases)
    var lines = [
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
      "<testsuites name=\"\(XMLText.attribute("preflight \(report.project.name)"))\" \(Suite.counts(cases, isRoot: true)) "
        + "time=\"\(Suite.seconds(report.durationMilliseconds))\">",
    ]
    for suite in suites { lines += suite.lines }
    lines.append("</testsuites>")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func suite(_ phase: Report.Phase, _ report: Report, _ style: ReportStyle) -> Suite {
    let own = report.findings.filter { $0.reportedPhase == phase.name }
    return Suite(
      name: phase.name.rawValue, started: phase.startedAt ?? report.startedAt,
      milliseconds: phase.durationMilliseconds,
      cases: [outcome(of: phase, own)]
        + own.map { self.case(of: $0, in: phase.name.rawValue, report, style) },
      output: phase.stdoutTail, errorOutput: phase.stderrTail)
  }

  /// The phase itself; where all that was wrong in it is suppressed, it is skipped too.
  private static func outcome(of phase: Report.Phase, _ findings: [Finding]) -> Case {
    let errors = findings.filter { $0.severity == .error }
    let open = errors.filter { $0.suppression == nil }
    let result: Case.Result
    switch phase.status {
    case .passed, .cached: result = .passed
    case .skipped: result = .skipped("not run, because of what happened before")
    case .failed where open.isEmpty && !errors.isEmpty:
      result = .skipped("failed, and what was found is suppressed")
    case .failed:
      let end =
        phase.exitCode.map { "exit status \($0)" } ?? phase.signal.map { "signal \($0)" } ?? "no status"
      let (message, command) = ("the phase failed: \(end)", ShellWords.join(phase.command))
      let isOutside = !open.isEmpty && open.allSatisfy(isOutside)
      result = isOutside ? .broken(message, "phase", command) : .failed(message, "phase", command)
    }
    return Case(
      suite: phase.name.rawValue, name: phase.name.rawValue, milliseconds: phase.durationMilliseconds,
      result: result)
  }

  /// Whether it is no fault of the project or of its platform.
  private static func isOutside(_ finding: Finding) -> Bool {
    finding.blame == .sandbox || finding.blame == .upstream
  }

  private static func `case`(
    of finding: Finding, in suite: String, _ report: Report, _ style: ReportStyle
  ) -> Case {
    let place = finding.location == nil ? nil : report.place(of: finding, style)
    let at = place.map { "\($0.file)" + ($0.line.map { ":\($0)" } ?? "") }
    let text = ([at.map { "At: \($0)" }].compactMap { $0 } + [finding.explanation]).joined(separator: "\n")
    let result: Case.Result
    if let suppression = finding.suppression {
      result = .skipped("suppressed: \(suppression.reason)")
    } else if finding.severity != .error {
      result = .passed
    } else if isOutside(finding) {
      result = .broken(finding.title, finding.rule, text)
    } else {
      result = .failed(finding.title, finding.rule, text)
    }
    var named = "\(finding.rule): \(finding.title)"
    if case .passed = result { named = "\(finding.severity.rawValue) \(named)" }
    var own = Case(suite: suite, name: named, milliseconds: 0, result: result)
    if case .passed = result { own.output = text }
    return own
  }

  private static func verdict(_ report: Report) -> Case {
    let isHeld = report.verdict == .notReady || report.verdict == .inconclusive
    return Case(
      suite: "project", name: "verdict", milliseconds: 0,
      result: isHeld ? .broken(report.summary, report.verdict.rawValue, report.summary) : .passed)
  }
}

extension JUnitReport {
  fileprivate struct Case {
    enum Result {
      case passed
      case skipped(String)
      /// A message, a type and a text.
      case failed(String, String, String)
      case broken(String, String, String)
    }
    var suite: String
    var name: String
    var milliseconds: Int
    var result: Result
    var output: String?

    var lines: [String] {
      let head =
        "    <testcase classname=\"preflight.\(XMLText.attribute(suite))\" name=\"\(XMLText.attribute(name))\" "
        + "time=\"\(Suite.seconds(milliseconds))\""
      var body: [String] = []
      switch result {
      case .passed: break
      case .skipped(let why): body.append("      <skipped message=\"\(XMLText.attribute(why))\"/>")
      case .failed(let message, let type, let text): body.append(element("failure", message, type, text))
      case .broken(let message, let type, let text): body.append(element("error", message, type, text))
      }
      if let output { body.append("      <system-out>\(XMLText.content(output))</system-out>") }
      return body.isEmpty ? [head + "/>"] : [head + ">"] + body + ["    </testcase>"]
    }

    private func element(_ name: String, _ message: String, _ type: String, _ text: String) -> String {
      "      <\(name) message=\"\(XMLText.attribute(message))\" type=\"\(XMLText.attribute(type))\">"
        + "\(XMLText.content(text))</\(name)>"
    }
  }

  fileprivate struct Suite {
    var name: String
    /// ISO 8601, in UTC.
    var started: String
    var milliseconds: Int
    var cases: [Case]
    var output: [String] = []
    var errorOutput: [String] = []

    var lines: [String] {
      var lines = [
        "  <testsuite name=\"\(XMLText.attribute(name))\" \(Suite.counts(cases)) time=\"\(Suite.seconds(milliseconds))\" "
          + "timestamp=\"\(XMLText.attribute(String(started.prefix(19))))\" hostname=\"sandbox\">"
      ]
      lines += cases.flatMap(\.lines)
      for (name, text) in [("system-out", output), ("system-err", errorOutput)] where !text.isEmpty {
        lines.append("    <\(name)>\(XMLText.content(text.joined(separator: "\n")))</\(name)>")
      }
      return lines + ["  </testsuite>"]
    }

    /// The attributes that count; the root element has none of those that are skipped (junit-10.xsd).
    static func counts(_ cases: [Case], isRoot: Bool = false) -> String {
      var (failures, errors, skipped) = (0, 0, 0)
      for item in cases {
        switch item.result {
        case .passed: break
        case .skipped: skipped += 1
        case .failed: failures += 1
        case .broken: errors += 1
        }
      }
      let all = "tests=\"\(cases.count)\" failures=\"\(failures)\" errors=\"\(errors)\""
      return isRoot ? all : "\(all) skipped=\"\(skipped)\""
    }

    /// "12.430".
    static func seconds(_ milliseconds: Int) -> String {
      let rest = String(milliseconds % 1000)
      return "\(milliseconds / 1000).\(String(repeating: "0", count: 3 - rest.utf8.count))\(rest)"
    }
  }
}
