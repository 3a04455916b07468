/// The time after the first answer, in which the program is watched and then asked again.
package struct Settling: Sendable, Codable, Equatable {
  /// When the program first answered, in milliseconds since its start.
  package var answeredAt: Int
  /// How long it was watched.
  package var milliseconds: Int
  /// What it answered when it was asked again; nil when it had ended, or was not asked.
  package var answer: ProbeAttempt?
  /// Names of its processes that ended meanwhile and were replaced, one for each.
  package var restarted: [String]

  package init(
    answeredAt: Int, milliseconds: Int, answer: ProbeAttempt? = nil, restarted: [String] = []
  ) {
    self.answeredAt = answeredAt
    self.milliseconds = milliseconds
    self.answer = answer
    self.restarted = restarted
  }
}
