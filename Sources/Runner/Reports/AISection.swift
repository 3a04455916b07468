import Formats

extension Report {
  /// What a language model wrote of the rest of the report; never an input of the verdict. Its texts are one line each
  /// and hold nothing that acts: no control characters, no links, no markup.
  package struct AI: Sendable, Codable, Equatable {
    /// The host that was asked.
    package var provider: String
    package var model: String
    /// Two to four sentences; nil where there is no answer.
    package var summary: String?
    package var causes: [Cause]?
    /// What to do next, in order.
    package var steps: [String]?
    /// Why there is no answer, or none that can be used.
    package var problem: String?
    /// How many tokens the evidence had that was sent, as estimated.
    package var evidenceTokens: Int?
    /// How often something was taken out of it.
    package var redactions: Int?

    /// What it says of one finding.
    package struct Cause: Sendable, Codable, Equatable {
      /// The finding's rule, as the model names it.
      package var finding: String
      package var explanation: String

      /// Makes an explanation.
      package init(finding: String, explanation: String) {
        self.finding = finding
        self.explanation = explanation
      }
    }

    /// Names who was asked; the answer or the problem follows.
    package init(provider: String, model: String, summary: String? = nil) {
      self.provider = provider
      self.model = model
      self.summary = summary
    }
  }
}

extension TextColumns {
  /// Adds what an AI wrote, marked as that, or why it wrote nothing.
  mutating func add(_ ai: Report.AI, style: TextStyle) {
    func label(_ text: String) -> String { style.dim(text) }
    space()
    guard let summary = ai.summary else {
      add("ai", "no summary: \(ai.problem ?? "the AI was not asked")", labelStyle: label)
      return
    }
    add(
      "ai", "Written by \(ai.model) at \(ai.provider), which may be wrong and decides nothing:",
      labelStyle: label,
      style: { style.dim($0) })
    add("", summary)
    for cause in ai.causes ?? [] { add("", "\(cause.finding): \(cause.explanation)", hang: 2) }
    for (index, step) in (ai.steps ?? []).enumerated() { add("", "\(index + 1). \(step)", hang: 3) }
  }
}
