import CBench
import Formats
import Glibc
import Isolate

extension BenchRunner {
  /// How many milliseconds a run may take on average if its subject takes part in every round.
  private static let budgetInMilliseconds = 90.0

  /// In how many of `runs` rounds a subject takes part: all, unless it is so slow that the others would wait for it.
  static func share(ofRuns runs: Int, medianInMilliseconds median: Double) -> Int {
    min(runs, max(min(runs, 10), Int(budgetInMilliseconds * Double(runs) / max(median, 0.1))))
  }

  /// Whether one with `count` of `runs` rounds takes part in this one: spread evenly.
  static func takesPart(inRound round: Int, count: Int, of runs: Int) -> Bool {
    round * count / runs != (round + 1) * count / runs
  }

  func measureStarts() throws(Failure) -> (start: [BenchReport.Latency], first: [BenchReport.Latency]) {
    var whole: [String: [Double]] = [:]
    var first: [String: [Double]] = [:]
    let runs = options.runs
    for round in 0..<runs {
      progress("start, round \(round + 1) of \(runs)", 0.02 + 0.26 * Double(round) / Double(runs))
      for subject in working.shuffled() {
        let count = Self.share(ofRuns: runs, medianInMilliseconds: warmUpMedians[subject.name] ?? 0)
        guard Self.takesPart(inRound: round, count: count, of: runs) else { continue }
        let run = try run(subject, commands.start(subject, .first, id: nextID()))
        guard Self.problem(run) == nil, let time = Self.firstInstruction(of: run) else {
          try fail(subject, run.reason)
          continue
        }
        whole[subject.name, default: []].append(run.milliseconds)
        first[subject.name, default: []].append(Double(time - run.started) / 1e6)
      }
    }
    return (latencies(whole), latencies(first))
  }

  /// Distributions in the subjects' order.
  private func latencies(_ samples: [String: [Double]]) -> [BenchReport.Latency] {
    let base = Distribution(samples["isolate"] ?? [])?.p50 ?? .nan
    return subjects.compactMap { subject in
      guard subject.failure == nil, let times = Distribution(samples[subject.name] ?? []) else { return nil }
      return BenchReport.Latency(
        name: subject.name, milliseconds: times, timesIsolate: base > 0 ? times.p50 / base : 0)
    }
  }

  /// Starts one container of each that waits, and measures what its runtime keeps in memory meanwhile.
  func startWaitingContainers() throws(Failure) -> [String: (kib: Int, processes: Int)] {
    var held: [String: (kib: Int, processes: Int)] = [:]
    for subject in working where subject.kind != .bare {
      progress("waiting container of \(subject.name)", 0.29)
      let before = Set(ProcessMemory.descendants())
      let id = nextID()
      let process = try launcher.start(
        commands.start(subject, .wait, id: id), commands.environment(subject))
      waiting.append((subject, id, process))
      let payload = try awaitPayload(besides: before)
      guard let payload else { continue }
      // What a runtime still does after the start is not what it keeps.
      _ = poll(nil, 0, 50)
      let own = ProcessMemory.descendants().filter { !before.contains($0) && $0 != payload }
      held[subject.name] = (own.map(ProcessMemory.kib).reduce(0, +), own.count)
    }
    return held
  }

  /// The process that runs the waiting payload, or nil when there is none within five seconds.
  private func awaitPayload(besides known: Set<pid_t>) throws(Failure) -> pid_t? {
    let deadline = ben_now() + 5_000_000_000
    let file = ProcessMemory.identity(of: workplace.hostPath(.wait))
    while ben_now() < deadline {
      try launcher.check()
      let found = ProcessMemory.descendants().first {
        !known.contains($0) && ProcessMemory.identity(of: "/proc/\($0)/exe") == file
      }
      if let found { return found }
      _ = poll(nil, 0, 5)
    }
    return nil
  }

  func endWaitingContainers() throws(Failure) {
    while let (subject, id, process) = waiting.popLast() {
      var process = process
      remove(subject, id)
      unsafe ben_kill(&process)
    }
  }

  func measureExec() throws(Failure) -> [BenchReport.Latency] {
    var samples: [String: [Double]] = [:]
    var broken: Set<String> = []
    let runs = options.runs
    var medians: [String: Double] = [:]
    for round in -Self.warmUpRuns..<runs {
      progress(
        "exec, round \(max(1, round + 1)) of \(runs)", 0.3 + 0.15 * Double(max(0, round)) / Double(runs))
      for (subject, id, _) in waiting.shuffled() where !broken.contains(subject.name) {
        guard let command = commands.exec(subject, .first, id: id) else { continue }
        if round >= 0 {
          let count = Self.share(ofRuns: runs, medianInMilliseconds: medians[subject.name] ?? 0)
          guard Self.takesPart(inRound: round, count: count, of: runs) else { continue }
        }
        let run = try run(subject, command)
        if Self.problem(run) != nil {
          broken.insert(subject.name)
          samples[subject.name] = nil
          note(subject, "exec failed: \(run.reason)")
          continue
        }
        if round < 0 { medians[subject.name] = run.milliseconds }
        if round >= 0 { samples[subject.name, default: []].append(run.milliseconds) }
      }
    }
    return latencies(samples)
  }
}
