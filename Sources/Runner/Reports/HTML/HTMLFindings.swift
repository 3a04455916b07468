import Analysis
import Formats

/// What was found: the first in full, with its fix to copy; the others below; notes last and closed.
struct HTMLFindings {
  let report: Report
  let log: HTMLLog

  var sections: Markup {
    // Numbers are those of the report, also where some findings do not count.
    let numbered = report.findings.enumerated().map { (number: $0.offset + 1, finding: $0.element) }
    let open = numbered.filter { $0.finding.suppression == nil }
    let rest = open.dropFirst()
    let others = rest.filter { $0.finding.severity != .note }
    let notes = rest.filter { $0.finding.severity == .note }
    let suppressed = numbered.filter { $0.finding.suppression != nil }
    var result: Markup = ""
    if let first = open.first {
      result = """
        <section id="findings" aria-labelledby="h-findings" class="first">
        <h2 id="h-findings">\(first.finding.severity == .error ? "What to fix first" : "What was found")</h2>
        \(article(first.finding, first.number))
        </section>
        """
    }
    result += summary
    if !others.isEmpty {
      result += """

        <section aria-labelledby="h-others">
        <h2 id="h-others">\(others.count == 1 ? "One more finding" : "\(others.count) more findings")</h2>
        \(others.map { article($0.finding, $0.number) })
        </section>
        """
    }
    result += closed(notes, id: nil, notes.count == 1 ? "One note" : "\(notes.count) notes")
    let words =
      suppressed.count == 1 ? "One finding that does not" : "\(suppressed.count) findings that do not"
    return result + closed(suppressed, id: open.isEmpty ? "findings" : "suppressed", "\(words) count")
  }

  private func closed(_ list: [(number: Int, finding: Finding)], id: String?, _ title: String) -> Markup {
    if list.isEmpty { return "" }
    let id: Markup? = id.map { " id=\"\($0)\"" }
    return """

      <section\(id) aria-label="\(title)">
      <details class="notes"><summary>\(title)</summary>
      \(list.map { article($0.finding, $0.number) })
      </details>
      </section>
      """
  }

  /// A language model's, kept apart from all that was observed.
  private var summary: Markup {
    guard let ai = report.ai else { return "" }
    let paragraphs = ai.paragraphs.map { "<p>\($0)</p>" as Markup }
    let about: Markup? =
      ai.problem == nil
      ? """
      <p class="about">Written by \(ai.model) (\(ai.provider)) from the evidence, which may be wrong; verdict and findings do not depend on it.</p>
      """ : nil
    return """

      <section id="ai" aria-labelledby="h-ai" class="ai">
      <h2 id="h-ai">A language model's summary</h2>
      \(paragraphs)
      \(about)
      </section>
      """
  }

  private func article(_ finding: Finding, _ number: Int) -> Markup {
    let place: Markup? = finding.location.map { place in
      "<p class=\"place\"><code>\(place.file)\(place.line.map { ":\($0)" } ?? "")</code></p>"
    }
    let message = finding.message.split(separator: "\n").map { "<p>\(String($0))</p>" as Markup }
    let proofs = finding.evidence.prefix(6).enumerated().map { index, proof in
      figure(proof, of: finding, anchor: log.anchor(ofFinding: number - 1, proof: index))
    }
    let facts =
      [finding.category.rawValue.replacing("-", with: " ")]
      + (finding.blame == .project ? [] : ["caused by the \(Self.name(of: finding.blame))"])
      + (finding.confidence == .high ? [] : ["\(finding.confidence.rawValue) confidence"])
    return """
      <article class="finding \(finding.severity.rawValue)" id="finding-\(number)" aria-labelledby="t-\(number)">
      <p class="badge">\(Self.name(of: finding.severity))</p>
      <h3 id="t-\(number)">\(finding.title)</h3>
      \(place)\(suppression(finding))
      \(proofs)
      <div class="why">\(message)</div>
      \(fix(finding.fix))
      <p class="identity"><code>\(finding.rule)</code>, \(facts.joined(separator: ", "))</p>
      </article>

      """
  }

  /// Why it does not count, and where that is written.
  private func suppression(_ finding: Finding) -> Markup? {
    finding.suppression.map { suppression in
      let place = suppression.location.map { " (\($0.file)\($0.line.map { ":\($0)" } ?? ""))" } ?? ""
      let kind = suppression.kind == .baseline ? "in the baseline" : "by a comment"
      return "<p class=\"suppression\">Does not count, \(kind)\(place): \(suppression.reason)</p>"
    }
  }

  private func figure(_ proof: Finding.Proof, of finding: Finding, anchor: Int?) -> Markup {
    var words = [finding.process, proof.phase?.rawValue, proof.stream?.rawValue].compactMap { $0 }
    if let file = proof.file { words.append(file) }
    if let line = proof.line { words.append("line \(line)") }
    if words.isEmpty || proof.kind != .log && proof.kind != .file { words.append(Self.name(of: proof.kind)) }
    let caption = words.joined(separator: ", ")
    let link: Markup =
      anchor.map { "<a href=\"#log-\($0)\">\(caption)<span class=\"hidden\">, show it in the log</span></a>" }
      ?? "\(caption)"
    return "<figure><pre><code>\(proof.text)</code></pre><figcaption>\(link)</figcaption></figure>\n"
  }

  private func fix(_ fix: Finding.Fix) -> Markup {
    if fix.summary.isEmpty, fix.commands.isEmpty, fix.patch == nil { return "" }
    let commands = fix.commands.map { command in
      "<div class=\"command\"><pre tabindex=\"0\"><code>\(command)</code></pre></div>" as Markup
    }
    let patch: Markup? = fix.patch.map { text in
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        let kind = line.hasPrefix("+") ? "added" : line.hasPrefix("-") ? "removed" : "same"
        return "<span class=\"\(kind)\">\(String(line))</span>\n" as Markup
      }
      return "<div class=\"command\"><pre class=\"patch\" tabindex=\"0\"><code>\(lines)</code></pre></div>"
    }
    return "<div class=\"fix\"><h4>Fix</h4><p>\(fix.summary)</p>\(commands)\(patch)</div>"
  }

  private static func name(of severity: Finding.Severity) -> String {
    switch severity {
    case .error: "Error"
    case .warning: "Warning"
    case .note: "Note"
    }
  }

  private static func name(of blame: Finding.Blame) -> String {
    switch blame {
    case .project: "project"
    case .platform: "platform"
    case .upstream: "upstream service"
    case .sandbox: "sandbox"
    }
  }

  private static func name(of kind: Finding.Proof.Kind) -> String {
    switch kind {
    case .log: "log"
    case .exitStatus: "exit status"
    case .counter: "counted"
    case .listening: "socket"
    case .probe: "our request"
    case .egress: "network"
    case .file: "file"
    }
  }
}
