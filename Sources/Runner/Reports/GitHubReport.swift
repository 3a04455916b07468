import Analysis
import Formats

/// Renders a report for the log of a GitHub workflow: the text report, and an annotation for each of the ten most
/// important findings (docs.github.com, "Workflow commands").
///
/// Nothing that a project prints is a command there, of either form: "::name::" at a line's start, "##[name]" anywhere.
package enum GitHubReport: ReportFormat {
  package static let name = "github"
  package static let mediaType = "text/plain"
  package static let summary = "annotations of a GitHub workflow; as usual where GITHUB_ACTIONS is set"

  /// GitHub shows ten annotations of a kind for a step.
  package static let mostAnnotations = 10
  private static let longestMessage = 4000
  private static let longestTitle = 200

  package static func render(_ report: Report, _ style: ReportStyle) -> String {
    var lines = TextReport.render(report, style).split(separator: "\n", omittingEmptySubsequences: false)
      .map { WorkflowText.harmless(String($0)) }
    if lines.last == "" { lines.removeLast() }
    let open = report.openFindings
    lines += open.prefix(mostAnnotations).map { annotation($0, report, style) }
    if open.count > mostAnnotations {
      let more = open.count - mostAnnotations
      lines.append(
        "::notice title=preflight::\(more) more finding\(more == 1 ? "" : "s"), without an annotation")
    }
    if open.isEmpty, report.verdict == .inconclusive {
      lines.append("::error title=preflight::\(WorkflowText.data(TerminalText.plain(report.summary)))")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func annotation(_ finding: Finding, _ report: Report, _ style: ReportStyle) -> String {
    let kind = finding.severity == .note ? "notice" : finding.severity.rawValue
    var properties: [(String, String)] = []
    if let location = finding.location, Report.inside(location.file) != nil {
      let place = report.place(of: finding, style)
      properties.append(("file", TerminalText.plain(place.file)))
      if let line = place.line { properties.append(("line", String(max(1, line)))) }
    }
    properties.append(("title", finding.headline.cut(to: longestTitle)))
    let written = properties.map { "\($0)=\(WorkflowText.property($1))" }.joined(separator: ",")
    return "::\(kind) \(written)::\(WorkflowText.data(finding.explanation.cut(to: longestMessage)))"
  }
}

/// Text of others inside of a GitHub workflow's log.
package enum WorkflowText {
  /// A command's message, as actions/toolkit escapes it.
  static func data(_ text: String) -> String {
    text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
  }

  /// The value of a command's property, as actions/toolkit escapes it.
  static func property(_ text: String) -> String {
    data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
  }

  /// A line that the runner takes for no command: it reads "::" behind white space at a line's start, and "##["
  /// anywhere (actions/runner, ActionCommand).
  package static func harmless(_ line: String) -> String {
    let plain = line.contains("##[") ? line.replacing("##[", with: "# #[") : line
    return plain.drop { $0.isWhitespace }.hasPrefix("::") ? "| " + plain : plain
  }
}
