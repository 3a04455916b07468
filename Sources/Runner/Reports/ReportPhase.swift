package import Analysis
import Isolate

extension Report {
  /// One phase of the run, as reported.
  package struct Phase: Sendable, Codable, Equatable {
    /// How many of a stream's last lines are reported.
    package static let tailLength = 20

    package var name: PhaseEvidence.Name
    /// The argument vector.
    package var command: [String]
    package var status: PhaseEvidence.Status
    package var exitCode: Int?
    package var signal: Int?
    /// ISO 8601, in UTC; nil when the phase did not run.
    package var startedAt: String?
    package var durationMilliseconds: Int
    package var logFile: String?
    package var stdoutTail: [String]
    package var stderrTail: [String]
    package var resources: ResourceUse
    /// What it used over time, at most `SampleSeries.most` moments; nil when nothing was sampled.
    package var samples: [ResourceSample]?

    /// Reports a phase's evidence.
    package init(_ phase: PhaseEvidence, logFile: String? = nil) {
      name = phase.name
      command = phase.command
      status = phase.status
      exitCode = phase.exitCode
      signal = phase.signal
      startedAt = phase.status == .skipped ? nil : Moment.text(secondsSince1970: phase.startedAt)
      durationMilliseconds = phase.durationMilliseconds
      self.logFile = logFile
      stdoutTail = Phase.tail(of: phase.log, stream: .stdout)
      stderrTail = Phase.tail(of: phase.log, stream: .stderr)
      resources = phase.resources
      // Those of an earlier run have no place in the time of this one.
      samples = phase.status == .cached || phase.samples?.isEmpty == true ? nil : phase.samples
    }

    private static func tail(of log: [LogLine], stream: LogLine.Stream) -> [String] {
      log.reversed().lazy.filter { $0.stream == stream }.prefix(tailLength).map(\.text).reversed()
    }
  }
}
