import Formats

/// What a person reads of one rule.
package struct RuleDescription: Sendable {
  /// The identifier its findings carry.
  package var id: String
  /// One sentence: what it looks for.
  package var summary: String
  /// Where it is data.
  var signature: Signature?

  /// The description as Markdown, without a heading.
  package var text: String {
    guard let signature else { return summary + "\n" }
    var lines = [summary, ""]
    let phases = PhaseEvidence.Name.allCases.filter(signature.phases.contains).map(\.rawValue)
    lines += TextColumns.wrap(
      "Category `\(signature.category.rawValue)`, \(weight(signature.weight)); read in: "
        + "\(phases.joined(separator: ", ")); since \(signature.since).", to: 118)
    lines.append("")
    lines += (signature.any.map(\.source)).map { "    \($0)" }
    if !signature.all.isEmpty {
      lines += ["", "together with", ""] + signature.all.map { "    \($0.source)" }
    }
    let facts =
      signature.when.map { "Only where \($0.summary)." } + signature.unless.map { "Not where \($0.summary)." }
    if !facts.isEmpty { lines += [""] + TextColumns.wrap(facts.joined(separator: " "), to: 118) }
    for text in ["Why: \(signature.why)", "Fix: \(signature.fix)"] {
      lines += [""] + TextColumns.wrap(text, to: 118)
    }
    lines += signature.commands.map { "\n    \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }

  private func weight(_ weight: Signature.Weight) -> String {
    switch weight {
    case .errorIfFailed: "an error where the program fails, else a warning"
    case .onlyIfFailed: "an error, silent where the program does not fail"
    case .warning: "a warning"
    case .note: "a note"
    }
  }
}

/// The page docs/rules.md.
package enum RuleDocumentation {
  /// Returns the whole page.
  package static func page(_ book: RuleBook) -> String {
    var text = """
      # Rules

      Every finding of `preflight check` names the rule that made it. This page is generated from the rules and
      from signatures/*.toml (`UPDATE_GOLDEN=1 scripts/test --filter RuleDocumentationTests`); `preflight rules ID`
      prints one.

      What a rule rests on is in its finding: lines of the program's log, or what preflight saw itself (sockets,
      requests, counters, refused connections). No line that a program prints moves the blame from the project.

      A signature is a rule that is data: lines of a tool, in which `*` is any text and `{name}` is kept for the
      finding. Beside them it may ask for one of these facts:


      """
    text += SignatureFact.allCases.map { "- `\($0.rawValue)`: \($0.summary)." }.joined(separator: "\n") + "\n"
    for description in book.descriptions { text += "\n## \(description.id)\n\n\(description.text)" }
    return text
  }
}
