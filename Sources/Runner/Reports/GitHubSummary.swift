import Analysis
import Formats

/// The page of a workflow's step, as Markdown ($GITHUB_STEP_SUMMARY).
///
/// All that the project supplied stands in code spans and fenced blocks: no link, image, mention or tag of it is one.
package enum GitHubSummary {
  /// What GitHub takes of one step, in bytes; more, and it shows nothing.
  package static let mostBytes = 1 << 20

  /// Returns the page; with more findings than fit into `limit` bytes it tells how many are left out.
  package static func render(_ report: Report, limit: Int = mostBytes) -> String {
    var page = "## preflight: \(words(report.verdict))\n\n\(span(report.summary.cut(to: 1000)))\n\n"
    page += phases(report)
    let end = "\(explanation(report))\nAgain:\n\n\(block(report.again.cut(to: 2000)))"
    // Room for the ending and for the count of what is left out.
    let room = limit - end.utf8.count - 200
    if page.utf8.count > room { return "" }
    var leftOut = 0
    for finding in report.findings {
      let part = self.part(finding)
      if leftOut == 0, page.utf8.count + part.utf8.count <= room { page += part } else { leftOut += 1 }
    }
    if leftOut > 0 { page += "\n\(leftOut) more findings do not fit here.\n" }
    return page + end
  }

  private static func words(_ verdict: Verdict) -> String {
    switch verdict {
    case .ready: "ready"
    case .readyWithWarnings: "ready, with warnings"
    case .notReady: "not ready"
    case .inconclusive: "inconclusive"
    }
  }

  private static func explanation(_ report: Report) -> String {
    guard let ai = report.ai else { return "" }
    let paragraphs = ai.paragraphs.map { "\(span($0.cut(to: 2000)))\n\n" }.joined()
    let author = "\(span(ai.model.cut(to: 100))) at \(span(ai.provider.cut(to: 300)))"
    return "\n**An AI's explanation** by \(author), which may be wrong and decides nothing:\n\n\(paragraphs)"
  }

  private static func phases(_ report: Report) -> String {
    guard !report.phases.isEmpty else { return "" }
    let rows = report.phases.map { phase in
      "| \(phase.name.rawValue) | \(phase.status.rawValue) | \(phase.durationMilliseconds) ms |\n"
    }
    return "| phase | outcome | time |\n|---|---|---|\n" + rows.joined()
  }

  private static func part(_ finding: Finding) -> String {
    let place = finding.location.map { location in
      ", " + span(location.file + (location.line.map { ":\($0)" } ?? ""))
    }
    let head =
      finding.suppression == nil ? finding.severity.rawValue : "suppressed \(finding.severity.rawValue)"
    return
      "\n**\(head)** \(span(finding.title.cut(to: 300)))\(place ?? "")\n\n\(block(finding.explanation.cut(to: 6000)))"
  }

  /// A code span (CommonMark 0.31, section 6.1) around text of one line.
  static func span(_ text: String) -> String {
    let plain = TerminalText.plain(text)
    if plain.allSatisfy({ $0 == " " }) { return "" }
    let fence = String(repeating: "`", count: longestRun(of: "`", in: plain) + 1)
    return "\(fence) \(plain) \(fence)"
  }

  /// A fenced code block (section 4.5), with an empty line behind it.
  static func block(_ text: String) -> String {
    let plain = TerminalText.lines(text)
    let fence = String(repeating: "`", count: max(3, longestRun(of: "`", in: plain) + 1))
    return "\(fence)text\n\(plain)\n\(fence)\n"
  }

  private static func longestRun(of sign: Unicode.Scalar, in text: String) -> Int {
    var (longest, current) = (0, 0)
    for scalar in text.unicodeScalars {
      current = scalar == sign ? current + 1 : 0
      longest = max(longest, current)
    }
    return longest
  }
}
