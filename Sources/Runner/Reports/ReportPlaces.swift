package import Analysis
import Formats

extension Report {
  /// The findings that count.
  package var openFindings: [Finding] { findings.filter { $0.suppression == nil } }

  /// The findings that are suppressed, each with its reason.
  package var suppressedFindings: [Finding] { findings.filter { $0.suppression != nil } }

  /// Where a reader of files is sent for a finding: its own place, else the file that made the project known.
  ///
  /// Services that show findings in files take none without a place. A place outside of the project is none.
  func place(of finding: Finding, _ style: ReportStyle) -> (file: String, line: Int?) {
    let own = finding.location.flatMap { location in
      Self.inside(location.file).map { (file: $0, line: location.line) }
    }
    let place = own ?? (project.detectedFrom.lazy.compactMap(Self.inside).first ?? ".", nil)
    let folder = Self.inside(style.folder) ?? ""
    if folder.isEmpty { return place }
    return (place.file == "." ? folder : "\(folder)/\(place.file)", place.line)
  }

  /// The path without "." parts; nil where it is not one below the project's root.
  static func inside(_ path: String) -> String? {
    guard !path.hasPrefix("/") else { return nil }
    let parts = path.split(separator: "/").filter { $0 != "." }
    guard !parts.isEmpty, !parts.contains("..") else { return nil }
    return parts.joined(separator: "/")
  }
}

extension Finding {
  /// The phase it is about.
  package var reportedPhase: PhaseEvidence.Name? { evidence.lazy.compactMap(\.phase).first }

  /// What services that show one text for a finding are given: what happened, what it is known from, what to do.
  /// Harmless for a terminal; lines end in a line feed.
  var explanation: String {
    var lines = [message]
    lines += evidence.prefix(3).map { "Seen: \($0.text)" }
    lines.append("Fix: \(fix.summary)")
    lines += fix.commands.map { "  $ \($0)" }
    if let suppression { lines.append("Suppressed: \(suppression.reason)") }
    return TerminalText.lines(lines.joined(separator: "\n"))
  }

  /// The headline, harmless for a terminal.
  var headline: String { TerminalText.plain(title) }
}

extension String {
  /// The first characters, with dots where some are left out.
  func cut(to count: Int) -> String {
    guard utf8.count > count, let end = index(startIndex, offsetBy: count, limitedBy: endIndex),
      end < endIndex
    else { return self }
    return self[..<end] + "..."
  }
}
