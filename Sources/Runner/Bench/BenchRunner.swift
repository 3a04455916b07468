import CBench
package import Formats
import Glibc
import Isolate

/// What to measure, and with what.
package struct BenchOptions: Sendable {
  /// Samples of each latency.
  package var runs = 100
  /// Peers, found or not.
  package var peers: [Subject] = []
  /// The runtime's path.
  package var isolate = ""
  package var environment: [String: String] = [:]
  /// Of the program, for the report.
  package var version = ""

  package init() {}
}

/// Is told how far a benchmark is.
package protocol BenchObserver: AnyObject {
  /// `share` goes from 0 to 1 over the whole benchmark.
  func progressed(_ stage: String, share: Double)
}

/// Carries out a benchmark: one stage after another, in each all subjects in turns.
package final class BenchRunner {
  let options: BenchOptions
  let launcher: Launcher
  let workplace: Workplace
  let commands: SubjectCommands
  private weak var observer: (any BenchObserver)?
  /// isolate, the peers, the bare process.
  var subjects: [Subject]
  private var containers = 0
  /// Containers that wait, to be deleted.
  var waiting: [(subject: Subject, id: String, process: ben_process)] = []
  /// Median of the start during the warm-up, by name, in milliseconds.
  var warmUpMedians: [String: Double] = [:]
  /// What did not work of those that start, by name.
  private var notes: [String: [String]] = [:]
  static let warmUpRuns = 3

  /// - Throws: `Failure` when there is no place to work in.
  package init(options: BenchOptions, observer: (any BenchObserver)?) throws(Failure) {
    self.options = options
    self.observer = observer
    launcher = try Launcher()
    let temporary = options.environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil }
    workplace = try Workplace(parent: temporary ?? "/var/tmp")
    try launcher.adoptOrphans()
    let session = ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"].compactMap { name in
      options.environment[name].map { "\(name)=\($0)" }
    }
    commands = SubjectCommands(
      workplace: workplace, searchPath: options.environment["PATH"] ?? "/usr/bin:/bin", session: session)
    subjects =
      [Subject(kind: .isolate, program: options.isolate, version: "")] + options.peers
      + [Subject(kind: .bare, program: "")]
  }

  /// Measures everything. Whatever happens, no process, container or file is left.
  ///
  /// - Throws: `Failure`, `.unavailable` when isolate itself starts nothing here.
  package func run() throws(Failure) -> BenchReport {
    defer { end() }
    let began = (Moment.now(), ben_now())
    let host = BenchReport.Host.current()
    try prepareBundles()
    try warmUp()
    var report = BenchReport(
      tool: "preflight bench \(options.version)", startedAt: began.0, durationInSeconds: 0, host: host,
      method: method(), entrants: [], start: [], firstInstruction: [], exec: [], throughput: [], memory: [],
      systemCalls: [], work: [], summary: [])
    (report.start, report.firstInstruction) = try measureStarts()
    report.firstInstruction += try measurePool(beside: report.firstInstruction)
    let held = try startWaitingContainers()
    report.exec = try measureExec()
    try endWaitingContainers()
    report.throughput = try measureThroughput()
    report.memory = try measureMemory(held: held)
    report.systemCalls = try countSystemCalls()
    report.work = try measureWork()
    report.entrants = subjects.map(describe)
    report.durationInSeconds = Double(ben_now() - began.1) / 1e9
    report.summary = report.sentences()
    progress("done", 1)
    return report
  }

  /// Those that work here.
  var working: [Subject] { subjects.filter { $0.failure == nil } }

  /// Notes why a subject is measured no further; for isolate itself that is the end.
  func fail(_ subject: Subject, _ reason: String) throws(Failure) {
    if subject.kind == .isolate {
      throw Failure(
        .unavailable, "isolate cannot start a container here: \(reason)",
        remedy: "preflight doctor says what this machine allows")
    }
    for index in subjects.indices where subjects[index].name == subject.name {
      subjects[index].failure = reason
    }
  }

  /// Notes that a part of what was asked of a subject did not work.
  func note(_ subject: Subject, _ text: String) { notes[subject.name, default: []].append(text) }

  func progress(_ stage: String, _ share: Double) { observer?.progressed(stage, share: share) }

  /// A name that no other container of this benchmark has.
  func nextID() -> String {
    containers += 1
    return "bench-\(getpid())-\(containers)"
  }

  /// Runs a subject's command once.
  func run(_ subject: Subject, _ command: [String]) throws(Failure) -> Launcher.Run {
    try launcher.run(command, commands.environment(subject))
  }

  private func warmUp() throws(Failure) {
    for subject in subjects {
      progress("trying \(subject.name)", 0)
      guard subject.failure == nil else { continue }
      try askVersion(subject)
      var times: [Double] = []
      var reason: String?
      variants: for variant in subject.variants {
        var candidate = subject
        candidate.options = variant
        times = []
        reason = nil
        for _ in 0..<Self.warmUpRuns {
          let run = try run(candidate, commands.start(candidate, .first, id: nextID()))
          if let problem = Self.problem(run) {
            // The plainest way of calling it failed last; what the first said is what its user would read.
            reason = reason ?? problem
            continue variants
          }
          times.append(run.milliseconds)
        }
        for index in subjects.indices where subjects[index].name == subject.name {
          subjects[index].options = variant
        }
        break
      }
      if let reason { try fail(subject, reason) }
      warmUpMedians[subject.name] = Distribution(times)?.p50
    }
  }

  private func askVersion(_ subject: Subject) throws(Failure) {
    guard subject.kind != .bare else { return }
    let answer = try run(subject, [subject.program, "--version"])
    let line = String(decoding: answer.output, as: UTF8.self).lines.first ?? ""
    for index in subjects.indices where subjects[index].name == subject.name {
      subjects[index].version = answer.status == 0 ? String(line.prefix(80)) : ""
    }
  }

  /// Why a run of the payload that reports its first instruction was none, or nil.
  static func problem(_ run: Launcher.Run) -> String? {
    if run.status != 0 { return run.reason }
    return firstInstruction(of: run) == nil ? "its payload's output is missing" : nil
  }

  /// When the payload's first instruction ran: its last 16 bytes of output, a struct timespec.
  static func firstInstruction(of run: Launcher.Run) -> Int64? {
    firstInstruction(in: run.output).flatMap { $0 >= run.started && $0 <= run.ended ? $0 : nil }
  }

  /// CLOCK_MONOTONIC in nanoseconds as the payload wrote it.
  static func firstInstruction(in output: [UInt8]) -> Int64? {
    let bytes = output.suffix(16)
    guard bytes.count == 16 else { return nil }
    func number(_ part: ArraySlice<UInt8>) -> Int64 {
      part.reversed().reduce(0) { $0 << 8 | Int64($1) }
    }
    return number(bytes.prefix(8)) &* 1_000_000_000 &+ number(bytes.suffix(8))
  }

  private func describe(_ subject: Subject) -> BenchReport.Entrant {
    let command = commands.start(subject, .first, id: "ID").joined(separator: " ")
    return BenchReport.Entrant(
      name: subject.name, program: subject.program, version: subject.version,
      command: command.replacing(workplace.path, with: "DIR"), lacks: subject.kind.lacks,
      adds: subject.kind.adds, notes: notes[subject.name] ?? [], failure: subject.failure)
  }

  /// Ends and removes everything that is left.
  private func end() {
    try? endWaitingContainers()
    for subject in subjects where subject.kind.takesBundle {
      // What was running when a signal came.
      for id in (try? Files.names(in: workplace.state(subject))) ?? [] where id.hasPrefix("bench-") {
        remove(subject, id)
      }
    }
    _ = ben_end_children(5000)
    workplace.remove()
  }

  /// Deletes a container even though a signal has come.
  func remove(_ subject: Subject, _ id: String) {
    guard let command = commands.delete(subject, id: id),
      var process = try? launcher.start(command, commands.environment(subject))
    else { return }
    var ending = ben_ending()
    if unsafe ben_await(&process, -1, 5000, &ending) != 1 { unsafe ben_kill(&process) }
  }
}
