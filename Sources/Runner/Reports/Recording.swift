package import Analysis

/// What a run recorded that is too large for the report: every line that was written, with its time.
package struct Recording: Sendable, Equatable {
  /// One line of a program's output.
  package struct Line: Sendable, Equatable {
    /// The phase it was written in.
    package var phase: PhaseEvidence.Name
    /// The process that wrote it, where that is not the one of the start command ("worker").
    package var process: String?
    package var stream: LogLine.Stream
    /// Since the check started.
    package var milliseconds: Int
    /// As it was written: escape it.
    package var text: String

    /// Makes a line.
    package init(
      phase: PhaseEvidence.Name, process: String? = nil, stream: LogLine.Stream, milliseconds: Int,
      text: String
    ) {
      self.phase = phase
      self.process = process
      self.stream = stream
      self.milliseconds = milliseconds
      self.text = text
    }
  }

  /// In the order of their times.
  package var lines: [Line]

  /// Makes a recording.
  package init(lines: [Line] = []) {
    self.lines = lines
  }
}
