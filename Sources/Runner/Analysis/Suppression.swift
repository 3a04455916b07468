/// Why a finding does not count, though it is reported.
package struct Suppression: Sendable, Codable, Equatable {
  /// Who said so.
  package enum Kind: String, Sendable, Codable, CaseIterable {
    /// A comment in a file of the project.
    case comment
    /// The caller's file of known findings.
    case baseline
  }
  package var kind: Kind
  /// One clause, as whoever wrote it put it: escape it.
  package var reason: String
  /// Where it is written; a baseline has no line.
  package var location: Finding.Location?

  package init(kind: Kind, reason: String, location: Finding.Location? = nil) {
    self.kind = kind
    self.reason = reason
    self.location = location
  }
}

/// A comment `# preflight: ignore[RULE] reason` in one of the project's files.
///
/// In `preflight.toml` it holds for the whole project; elsewhere for findings in that file, at its own line or the next
/// one, or at no line at all. Without a reason it says nothing.
package struct IgnoreComment: Sendable, Equatable {
  package var rule: String
  /// Empty where there is none.
  package var reason: String
  package var location: Finding.Location

  /// The file in which a comment holds for the whole project.
  static let projectFile = "preflight.toml"
  private static let mark = "preflight: ignore["
  private static let most = 1000
  private static let longestReason = 300

  /// The comments of the project's texts, by file and line; of more than a thousand the first.
  static func all(in texts: [String: String]) -> [IgnoreComment] {
    var found: [IgnoreComment] = []
    for (file, text) in texts.sorted(by: { $0.key < $1.key }) where text.contains(mark) {
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        guard found.count < most else { return found }
        if let comment = IgnoreComment(line, at: Finding.Location(file: file, line: index + 1)) {
          found.append(comment)
        }
      }
    }
    return found
  }

  private init?(_ line: Substring, at place: Finding.Location) {
    guard let mark = line.firstRange(of: Self.mark),
      let end = line[mark.upperBound...].firstIndex(of: "]"),
      Self.isComment(line[..<mark.lowerBound])
    else { return nil }
    let name = line[mark.upperBound..<end]
    guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }) else {
      return nil
    }
    rule = String(name)
    var words = String(line[line.index(after: end)...]).trimmed
    for closing in ["-->", "*/"] where words.hasSuffix(closing) {
      words = String(words.dropLast(closing.count)).trimmed
    }
    reason = String(words.prefix(Self.longestReason))
    location = place
  }

  /// Whether what stands before the words opens a comment: "#", "//", "--", "<!--", "/*" or ";".
  private static func isComment(_ before: Substring) -> Bool {
    let open = before.reversed().drop { $0 == " " || $0 == "\t" }
    guard let last = open.first else { return false }
    return last == "#" || last == ";" || last == "*" || open.starts(with: "//") || open.starts(with: "--")
  }

  /// Whether it speaks of a finding.
  func covers(_ finding: Finding) -> Bool {
    guard finding.rule == rule, !reason.isEmpty else { return false }
    if location.file == Self.projectFile { return true }
    guard let place = finding.location, place.file == location.file else { return false }
    guard let line = place.line, let own = location.line else { return true }
    return line == own || line == own + 1
  }
}

/// One finding that a baseline knows.
package struct BaselineEntry: Sendable, Codable, Equatable {
  package var fingerprint: String
  package var rule: String
  package var title: String
  /// Relative to the project's root.
  package var file: String?
  /// The process it is about, where that is not the one of the start command.
  package var process: String?
  /// Why it is accepted.
  package var reason: String?

  package init(_ finding: Finding, reason: String? = nil) {
    fingerprint = finding.fingerprint
    rule = finding.rule
    title = finding.title
    file = finding.location?.file
    process = finding.process
    self.reason = reason
  }
}

extension Finding {
  /// Whether it may be suppressed: what the surroundings did says nothing of the project, and keeps its weight.
  var isSuppressible: Bool { !preventsJudgement && blame != .sandbox }
}

extension Judgement {
  /// The judgement in which findings that are suppressed, by comments in the project's texts or by a baseline, do not
  /// count. They stay, behind the others; a suppression that matches nothing is a note.
  package func suppressing(
    commentsIn texts: [String: String], baseline: [BaselineEntry], phases: [PhaseEvidence]
  ) -> Judgement {
    let comments = IgnoreComment.all(in: texts)
    guard !comments.isEmpty || !baseline.isEmpty else { return self }
    let known = Dictionary(baseline.map { ($0.fingerprint, $0) }, uniquingKeysWith: { first, _ in first })
    var usedComments: Set<Int> = []
    var usedEntries: Set<String> = []
    var open: [Finding] = []
    var suppressed: [Finding] = []
    for finding in findings {
      let comment = comments.firstIndex { $0.covers(finding) }
      let entry = known[finding.fingerprint]
      if let comment { usedComments.insert(comment) }
      if let entry { usedEntries.insert(entry.fingerprint) }
      guard comment != nil || entry != nil, finding.isSuppressible else {
        open.append(finding)
        continue
      }
      var own = finding
      if let comment {
        own.suppression = Suppression(
          kind: .comment, reason: comments[comment].reason, location: comments[comment].location)
      } else {
        own.suppression = Suppression(kind: .baseline, reason: entry?.reason ?? "it is in the baseline")
      }
      suppressed.append(own)
    }
    open += UnusedSuppression.notes(
      comments: comments.enumerated().filter { !usedComments.contains($0.offset) }.map(\.element),
      entries: baseline.filter { !usedEntries.contains($0.fingerprint) })
    return Judgement(open: open, suppressed: suppressed, phases: phases)
  }

  /// Draws the verdict from the findings that count; a suppressed error explains why a run did not get to its start.
  private init(open: [Finding], suppressed: [Finding], phases: [PhaseEvidence]) {
    self.init(findings: open, phases: phases)
    let isExplained = suppressed.contains { $0.severity == .error }
    let isInterrupted = phases.contains { $0.endedBy == .interrupt }
    if isExplained, !isInterrupted, !open.contains(where: { $0.severity == .error }) {
      // Nothing new is wrong; what is known still is, so this is no plain "ready".
      verdict = .readyWithWarnings
    }
    findings = open + suppressed
  }
}

/// The notes about suppressions that match nothing.
enum UnusedSuppression {
  static let id = "suppression-unused"
  private static let mostProofs = 20

  static let rules = [
    Rule(id, "A suppression matches no finding, names no rule, or gives no reason.") { _ in [] }
  ]

  static func notes(comments: [IgnoreComment], entries: [BaselineEntry]) -> [Finding] {
    var notes: [Finding] = []
    if let first = comments.first {
      let proofs = comments.prefix(mostProofs).map { comment in
        let why = comment.reason.isEmpty ? "gives no reason, and says nothing" : "matches no finding"
        return Finding.Proof(
          kind: .file, line: comment.location.line,
          text: "\(comment.location.file): ignore[\(comment.rule)] \(why)", file: comment.location.file)
      }
      notes.append(
        note(
          subject: "comment", count: comments.count, what: "comment",
          fix: "Remove it, or write `# preflight: ignore[RULE] reason` at the finding's line or above it.",
          proofs: proofs, location: first.location))
    }
    if !entries.isEmpty {
      let proofs = entries.prefix(mostProofs).map { entry in
        Finding.Proof(
          kind: .file, text: "\(entry.rule) \(entry.fingerprint): \(entry.title)", file: entry.file)
      }
      notes.append(
        note(
          subject: "baseline", count: entries.count, what: "entry of the baseline",
          fix: "Write the baseline anew with `preflight baseline write`.", proofs: proofs, location: nil))
    }
    return notes
  }

  private static func note(
    subject: String, count: Int, what: String, fix: String, proofs: [Finding.Proof],
    location: Finding.Location?
  ) -> Finding {
    let plural = what == "comment" ? "comments" : "entries of the baseline"
    return Finding(
      rule: id, category: .configuration, severity: .note, subject: subject,
      title: count == 1 ? "One \(what) suppresses nothing" : "\(count) \(plural) suppress nothing",
      message: "A suppression that no longer matches hides the same finding when it comes back.",
      fix: Finding.Fix(fix), evidence: proofs, location: location)
  }
}
