import Formats
package import Reports

/// What an AI answered, as it may be shown: validated against the schema, cut, and without anything that acts.
package struct AIAnswer: Sendable, Equatable {
  package var summary: String
  package var causes: [Report.AI.Cause]
  package var steps: [String]

  /// Sent with the request. Lengths are not in it, since not every service takes them; they are looked at here.
  static let schema: RequestValue = [
    "type": "object", "additionalProperties": false, "required": ["summary", "causes", "steps"],
    "properties": [
      "summary": ["type": "string"],
      "causes": [
        "type": "array",
        "items": [
          "type": "object", "additionalProperties": false, "required": ["finding", "explanation"],
          "properties": ["finding": ["type": "string"], "explanation": ["type": "string"]],
        ],
      ],
      "steps": ["type": "array", "items": ["type": "string"]],
    ],
  ]

  private static let longestSummary = 1500
  private static let longestText = 600
  private static let mostCauses = 5
  private static let mostSteps = 8

  /// Reads a whole answer; a fence of Markdown around it is passed over.
  ///
  /// - Throws: what is wrong with it, without quoting it.
  package init(_ text: String) throws(AIProblem) {
    guard let start = text.firstIndex(of: "{"), let end = text.lastIndex(of: "}"), start < end else {
      throw AIProblem("the answer is no JSON object")
    }
    let outside = (String(text[..<start]) + text[text.index(after: end)...]).trimmingSpace()
    guard
      ["", "```json", "```", "``````", "```json```", "json"].contains(outside.filter { !$0.isWhitespace })
    else {
      throw AIProblem("the answer has more than one JSON object")
    }
    let document = try DocumentError.caught(try JSONReader.read(String(text[start...end]))) {
      AIProblem("the answer is no valid JSON: line \($0.line)")
    }
    guard let members = document.table, Set(members.keys) == ["summary", "causes", "steps"] else {
      throw AIProblem("the answer has not the members summary, causes and steps")
    }
    summary = try Self.text(members["summary"], "summary", Self.longestSummary)
    guard let causes = members["causes"]?.array, causes.count <= Self.mostCauses else {
      throw AIProblem("causes of the answer are no list of \(Self.mostCauses) at most")
    }
    self.causes = []
    for cause in causes {
      guard let table = cause.table, Set(table.keys) == ["finding", "explanation"] else {
        throw AIProblem("a cause of the answer has not the members finding and explanation")
      }
      self.causes.append(
        .init(
          finding: try Self.text(table["finding"], "finding", 120),
          explanation: try Self.text(table["explanation"], "explanation", Self.longestText)))
    }
    guard let steps = members["steps"]?.array, steps.count <= Self.mostSteps else {
      throw AIProblem("steps of the answer are no list of \(Self.mostSteps) at most")
    }
    self.steps = []
    for step in steps { self.steps.append(try Self.text(step, "step", Self.longestText)) }
  }

  private static func text(_ value: DocumentValue?, _ name: String, _ most: Int) throws(AIProblem) -> String {
    guard let text = value?.string else { throw AIProblem("\(name) of the answer is no text") }
    guard text.count <= most else {
      throw AIProblem("\(name) of the answer is longer than \(most) characters")
    }
    let inert = InertText.of(text)
    guard !inert.isEmpty else { throw AIProblem("\(name) of the answer is empty") }
    return inert
  }
}
