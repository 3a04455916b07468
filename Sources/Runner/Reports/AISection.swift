import Formats

extension Report {
  /// What a language model wrote of the rest of the report; never an input of the verdict. Its texts are one line each
  /// and hold nothing that acts: no control characters, no links, no markup.
  package struct AI: Sendable, Codable, Equatable {
    /// The host that was asked.
    package var provider: String
    package var model: String
    /// Two to four sentences; where there is no answer, that and why.
    package var summary: String
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

    /// Makes an answer.
    package init(provider: String, model: String, summary: String) {
      self.provider = provider
      self.model = model
      self.summary = summary
    }

    /// Makes the note that there is none.
    package init(provider: String, model: String, problem: String) {
      self.init(provider: provider, model: model, summary: "There is no summary: \(problem)")
      self.problem = problem
    }

    /// All of it as a person reads it: the summary, the explanations, the steps with their numbers.
    package var paragraphs: [String] {
      [summary] + (causes ?? []).map { "\($0.finding): \($0.explanation)" }
        + (steps ?? []).enumerated().map { "\($0 + 1). \($1)" }
    }
  }
}

extension TextColumns {
  /// Adds what an AI wrote, marked as that, or why it wrote nothing.
  mutating func add(_ ai: Report.AI, style: TextStyle) {
    func label(_ text: String) -> String { style.dim(text) }
    space()
    if ai.problem == nil {
      add(
        "ai", "Written by \(ai.model) at \(ai.provider), which may be wrong and decides nothing:",
        labelStyle: label, style: { style.dim($0) })
    }
    for (index, paragraph) in ai.paragraphs.enumerated() {
      add(index == 0 && ai.problem != nil ? "ai" : "", paragraph, hang: index == 0 ? 0 : 2, labelStyle: label)
    }
  }
}
