/// Everything a benchmark found, as `--format json` writes it.
package struct BenchReport: Codable, Sendable {
  /// Changes when a field changes its meaning or goes away.
  package static let currentSchemaVersion = 1

  package struct Host: Codable, Sendable {
    package var kernel: String
    package var architecture: String
    package var processor: String
    package var processorCount: Int
    package var memoryInBytes: UInt64
    /// Over 1, 5 and 15 minutes, when the benchmark began.
    package var loadAverage: [Double]
    /// The caller's user id.
    package var userID: UInt32
  }

  package struct Method: Codable, Sendable {
    package var runs: Int
    package var warmUpRuns: Int
    package var payload: String
    package var configuration: String
    package var notes: [String]
  }

  /// One that was measured, or why it was not.
  package struct Entrant: Codable, Sendable {
    package var name: String
    package var program: String
    package var version: String
    /// How it is called to start a container; the benchmark's own directory is DIR.
    package var command: String
    package var lacks: [String]
    package var adds: [String]
    /// What of it did not work.
    package var notes: [String]
    package var failure: String?
  }

  /// A time, for one entrant.
  package struct Latency: Codable, Sendable {
    package var name: String
    package var milliseconds: Distribution
    /// The median as a multiple of isolate's.
    package var timesIsolate: Double
  }

  package struct Throughput: Codable, Sendable {
    package var name: String
    package var atOnce: Int
    package var containers: Int
    package var perSecond: Double
  }

  package struct Memory: Codable, Sendable {
    package var name: String
    /// The largest process of the runtime, ru_maxrss.
    package var peakKiB: Int?
    /// All processes that stay while a container runs, without its own, proportional set size.
    package var heldKiB: Int?
    package var heldProcesses: Int?
    package var failure: String?
  }

  package struct SystemCalls: Codable, Sendable {
    package var name: String
    package var calls: Int?
    /// Processes and threads the runtime made until then.
    package var processes: Int?
    package var failure: String?
  }

  /// One kind of work, inside and outside.
  package struct Work: Codable, Sendable {
    package struct Place: Codable, Sendable {
      package var name: String
      package var value: Distribution?
      /// What it is without disturbance: at the fifth percentile of cost, since others only ever add to it.
      package var undisturbed: Double?
      /// That cost as a multiple of the bare process's; above 1 is dearer.
      package var timesBare: Double?
      package var failure: String?
    }

    package var work: String
    package var title: String
    package var unit: String
    package var places: [Place]
  }

  package var schemaVersion = currentSchemaVersion
  package var tool: String
  package var startedAt: String
  package var durationInSeconds: Double
  package var host: Host
  package var method: Method
  package var entrants: [Entrant]
  package var start: [Latency]
  package var firstInstruction: [Latency]
  package var exec: [Latency]
  package var throughput: [Throughput]
  package var memory: [Memory]
  package var systemCalls: [SystemCalls]
  package var work: [Work]
  /// What it comes to, in sentences.
  package var summary: [String]
}
