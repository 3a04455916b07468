import Analysis
import Ecosystems
package import Formats

/// Renders a report as SARIF 2.1.0, within what GitHub's code scanning takes: relative URIs, fingerprints, help for
/// each rule, at most 5,000 results and 10 MB.
package enum SARIFReport: ReportFormat {
  package static let name = "sarif"
  package static let mediaType = "application/sarif+json"
  package static let summary = "SARIF 2.1.0, for code scanning"

  private static let mostResults = 5000
  /// What the results may take, of 10 MB for the document, by an estimate that is never too low.
  private static let mostBytes = 8_000_000
  private static let longestText = 2000

  package static func render(_ report: Report, _ style: ReportStyle) throws(Failure) -> String {
    // Made only where it is needed: the signatures are read for it.
    let descriptions = report.findings.isEmpty ? [] : RuleBook.standard.descriptions
    let known = Dictionary(descriptions.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var rules: [SARIF.Rule] = []
    var indexes: [String: Int] = [:]
    var results: [SARIF.Result] = []
    var bytes = 0
    for finding in report.findings {
      var result = self.result(finding, report, style)
      // A character takes six bytes at most, as in "\u0000"; the members' names less than a thousand.
      bytes += 6 * (result.message.text.utf8.count + (finding.location?.file.utf8.count ?? 0)) + 1500
      guard results.count < mostResults, bytes < mostBytes else { break }
      if indexes[finding.rule] == nil {
        indexes[finding.rule] = rules.count
        rules.append(rule(finding, known[finding.rule]))
      }
      result.ruleIndex = indexes[finding.rule] ?? 0
      results.append(result)
    }
    let log = SARIF.Log(runs: [
      SARIF.Run(
        tool: .init(driver: .init(name: report.tool.name, version: report.tool.version, rules: rules)),
        automationDetails: .init(id: "preflight/"),
        invocations: [invocation(report, leftOut: report.findings.count - results.count)],
        results: results,
        properties: .init(
          verdict: report.verdict.rawValue,
          summary: inert(TerminalText.plain(report.summary)).cut(to: longestText)))
    ])
    do { return try JSONText.encode(log) } catch {
      throw Failure(.internalError, "the report has no SARIF form: \(error)")
    }
  }

  private static func result(_ finding: Finding, _ report: Report, _ style: ReportStyle) -> SARIF.Result {
    let place = report.place(of: finding, style)
    return SARIF.Result(
      ruleId: finding.rule, ruleIndex: 0, level: finding.severity.rawValue,
      message: .init(text: inert("\(finding.headline). \(finding.explanation)").cut(to: longestText)),
      locations: [
        .init(
          physicalLocation: .init(
            artifactLocation: .init(uri: uri(place.file)),
            region: place.line.map { .init(startLine: max(1, $0)) }
          ))
      ],
      partialFingerprints: ["preflight/v1": finding.fingerprint],
      suppressions: finding.suppression.map { suppression in
        [
          .init(
            kind: suppression.kind == .comment ? "inSource" : "external",
            justification: inert(TerminalText.plain(suppression.reason)).cut(to: longestText))
        ]
      },
      properties: .init(
        category: finding.category.rawValue, responsible: finding.blame.rawValue,
        confidence: finding.confidence.rawValue,
        process: finding.process.map { inert(TerminalText.plain($0)).cut(to: 100) }))
  }

  private static func rule(_ finding: Finding, _ known: RuleDescription?) -> SARIF.Rule {
    let summary = known?.summary ?? "What kept the project from being checked."
    let help = known?.text ?? summary
    let precision =
      switch finding.confidence {
      case .high: "very-high"
      case .medium: "medium"
      case .low: "low"
      }
    return SARIF.Rule(
      id: finding.rule, shortDescription: .init(text: summary), fullDescription: .init(text: summary),
      help: .init(text: help, markdown: help),
      defaultConfiguration: .init(level: finding.severity.rawValue),
      properties: .init(tags: [finding.category.rawValue], precision: precision))
  }

  private static func invocation(_ report: Report, leftOut: Int) -> SARIF.Invocation {
    var notifications: [SARIF.Notification] = []
    if leftOut > 0 {
      notifications.append(
        .init(level: "warning", message: .init(text: "\(leftOut) more findings did not fit into this file.")))
    }
    if report.verdict == .inconclusive {
      notifications.append(
        .init(
          level: "error", message: .init(text: inert(TerminalText.plain(report.summary)).cut(to: longestText))
        ))
    }
    return SARIF.Invocation(
      executionSuccessful: report.verdict != .inconclusive, startTimeUtc: report.startedAt,
      commandLine: inert(TerminalText.plain(report.again)).cut(to: longestText),
      toolExecutionNotifications: notifications)
  }

  /// Without embedded links (SARIF 2.1.0, section 3.11.6): what a project prints leads nowhere.
  private static func inert(_ text: String) -> String { text.replacing("](", with: "] (") }

  /// A path as a relative reference: what is no unreserved character is percent-encoded, and so no scheme is read into
  /// it.
  static func uri(_ path: String) -> String { path.percentEncoded(keeping: "/") }
}
