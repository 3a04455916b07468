package import Analysis

extension Report {
  /// A process besides the one of the start command, as reported.
  package struct Process: Sendable, Codable, Equatable {
    /// What became of it.
    package enum Status: String, Sendable, Codable {
      case passed, failed
      case notRun = "not-run"
    }
    package var name: String
    /// The argument vector.
    package var command: [String]
    package var status: Status
    /// Why it was not run.
    package var reason: String?
    package var exitCode: Int?
    package var signal: Int?
    /// ISO 8601, in UTC; nil when it was not run.
    package var startedAt: String?
    package var durationMilliseconds: Int
    /// What it used over time; nil when nothing was sampled.
    package var samples: [ResourceSample]?
    package var stdoutTail: [String]
    package var stderrTail: [String]

    /// Reports a process's evidence.
    package init(_ process: OtherProcessEvidence) {
      let phase = process.start.map { Phase($0) }
      name = process.name
      command = phase?.command ?? []
      status = process.run == nil ? .notRun : process.isWell ? .passed : .failed
      reason = process.notRun
      exitCode = phase?.exitCode
      signal = phase?.signal
      startedAt = phase?.startedAt
      durationMilliseconds = phase?.durationMilliseconds ?? 0
      samples = phase?.samples
      stdoutTail = phase?.stdoutTail ?? []
      stderrTail = phase?.stderrTail ?? []
    }
  }
}
