/// One rule: a pure function from evidence to findings.
package struct Rule: Sendable {
  /// The identifier its findings carry.
  package var id: String
  /// One sentence: what the rule looks for.
  package var summary: String
  /// Judges the evidence; a rule about consequences also sees the findings of the rules before it.
  package var judge: @Sendable (_ evidence: Evidence, _ causes: [Finding]) -> [Finding]

  /// Makes a rule that names causes.
  package init(_ id: String, _ summary: String, judge: @escaping @Sendable (Evidence) -> [Finding]) {
    self.id = id
    self.summary = summary
    self.judge = { evidence, _ in judge(evidence) }
  }

  /// Makes a rule about what follows from causes: it stays silent when a cause explains what it sees.
  package init(
    consequence id: String, _ summary: String,
    judge: @escaping @Sendable (_ evidence: Evidence, _ causes: [Finding]) -> [Finding]
  ) {
    self.id = id
    self.summary = summary
    self.judge = judge
  }
}
