import Analysis
package import Formats

/// Renders a report for GitLab's code quality widget (docs.gitlab.com/ci/testing/code_quality): a list of findings,
/// each with a place and a fingerprint in which no line is.
///
/// A suppressed finding is informative only, and its description begins with the reason.
package enum GitLabReport: ReportFormat {
  package static let name = "gitlab"
  package static let mediaType = "application/json"
  package static let summary = "for GitLab's code quality widget"

  private struct Entry: Encodable {
    struct Place: Encodable {
      struct Lines: Encodable { var begin: Int }
      var path: String
      var lines: Lines
    }
    var description: String
    var checkName: String
    var fingerprint: String
    var severity: String
    var location: Place

    enum CodingKeys: String, CodingKey {
      case description, fingerprint, severity, location
      case checkName = "check_name"
    }
  }

  package static func render(_ report: Report, _ style: ReportStyle) throws(Failure) -> String {
    var seen: [String: Int] = [:]
    let entries = report.findings.map { finding in
      let place = report.place(of: finding, style)
      // Of two findings with one fingerprint the widget would show the first only.
      let identity = finding.process.map { "\(finding.fingerprint)-\(Self.word($0))" } ?? finding.fingerprint
      seen[identity, default: 0] += 1
      let count = seen[identity] ?? 1
      let reason = finding.suppression.map { "Suppressed (\(TerminalText.plain($0.reason))): " } ?? ""
      return Entry(
        description: "\(reason)\(finding.headline). \(TerminalText.plain(finding.fix.summary))".cut(to: 1000),
        checkName: finding.rule, fingerprint: count == 1 ? identity : "\(identity)-\(count)",
        severity: severity(finding),
        location: .init(path: TerminalText.plain(place.file), lines: .init(begin: max(1, place.line ?? 1))))
    }
    do { return try JSONText.encode(entries) } catch {
      throw Failure(.internalError, "the report has no form for GitLab: \(error)")
    }
  }

  private static func severity(_ finding: Finding) -> String {
    if finding.suppression != nil { return "info" }
    return switch finding.severity {
    case .error: finding.blame == .project ? "critical" : "major"
    case .warning: "minor"
    case .note: "info"
    }
  }

  private static func word(_ text: String) -> String {
    String(text.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }.prefix(40))
  }
}
