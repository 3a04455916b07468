/// What a phase used at one moment; nil is "not measured".
package struct ResourceSample: Sendable, Codable, Equatable {
  /// Since the phase began.
  package var milliseconds: Int
  package var memoryBytes: Int64?
  /// Of all processors together, since the program began: less what went with processes that nobody waited for.
  package var cpuMilliseconds: Int?
  /// Processes and their threads, as limits count them.
  package var processes: Int?
  /// What was written to files on a disk since the program began (proc_pid_io(5), write_bytes).
  package var writtenBytes: Int64?

  package init(
    milliseconds: Int, memoryBytes: Int64? = nil, cpuMilliseconds: Int? = nil, processes: Int? = nil,
    writtenBytes: Int64? = nil
  ) {
    self.milliseconds = milliseconds
    self.memoryBytes = memoryBytes
    self.cpuMilliseconds = cpuMilliseconds
    self.processes = processes
    self.writtenBytes = writtenBytes
  }
}

/// The samples of a phase: never more than a few hundred, however long it lasts, and evenly spread.
///
/// When there are too many, two neighbours become one: the later one, with the most memory and processes of both. So a
/// peak that was seen stays.
package struct SampleSeries: Sendable, Equatable {
  /// More are never kept.
  package static let most = 240
  private static let firstInterval = 25

  package private(set) var samples: [ResourceSample] = []
  /// Milliseconds between two samples.
  package private(set) var interval = firstInterval

  package init() {}

  /// Samples that were taken elsewhere, made few enough.
  package init(_ samples: [ResourceSample]) {
    self.samples = samples
    while self.samples.count > Self.most { halve() }
  }

  /// When the next one is wanted, in milliseconds since the phase began.
  package var due: Int { samples.last.map { $0.milliseconds + interval } ?? 0 }

  /// Adds a sample that is later than all before. What only grows never becomes less.
  package mutating func add(_ sample: ResourceSample) {
    var sample = sample
    if let last = samples.last {
      sample.cpuMilliseconds = Self.larger(last.cpuMilliseconds, sample.cpuMilliseconds)
      sample.writtenBytes = Self.larger(last.writtenBytes, sample.writtenBytes)
    }
    samples.append(sample)
    if samples.count > Self.most { halve() }
  }

  private mutating func halve() {
    interval *= 2
    samples = stride(from: 0, to: samples.count, by: 2).map { index in
      guard index + 1 < samples.count else { return samples[index] }
      var kept = samples[index + 1]
      kept.memoryBytes = Self.larger(samples[index].memoryBytes, kept.memoryBytes)
      kept.processes = Self.larger(samples[index].processes, kept.processes)
      return kept
    }
  }

  private static func larger<Value: Comparable>(_ one: Value?, _ other: Value?) -> Value? {
    guard let one, let other else { return one ?? other }
    return max(one, other)
  }
}

extension [ResourceSample] {
  /// Those of a part of the phase, from `begin` up to `end` in milliseconds, counted from its own beginning.
  package func part(from begin: Int, to end: Int = .max) -> [ResourceSample] {
    filter { $0.milliseconds >= begin && $0.milliseconds < end }.map { $0.shifted(by: -begin) }
  }
}

extension ResourceSample {
  /// The same so much later, after a program that had used so much.
  package func shifted(by milliseconds: Int, after earlier: ResourceSample? = nil) -> ResourceSample {
    var later = self
    later.milliseconds += milliseconds
    if let used = earlier?.cpuMilliseconds { later.cpuMilliseconds = cpuMilliseconds.map { $0 + used } }
    if let used = earlier?.writtenBytes { later.writtenBytes = writtenBytes.map { $0 + used } }
    return later
  }
}
