import Analysis
import Ecosystems
import Egress
import Formats
import Glibc
import Isolate
import Planning
import Reports
import Sandbox

/// Installs a project's dependencies, or takes an environment installed earlier from the same inputs.
final class InstallPhase {
  private let plan: Plan
  private let options: CheckOptions
  private let tools: [String: LocatedTool]
  private let state: StateDirectory
  private let host: HostNetwork
  private let driver: PhaseDriver
  /// Where a sandbox without mounts keeps what it installs; nil where it cannot, and for all others.
  private let kept: KeptFolder?
  private var lock: FileLock?
  private var downloads: DownloadStore?
  /// What the install reached for when it really ran, if that was earlier.
  private(set) var cachedEgress: [EgressAttempt] = []

  init(
    plan: Plan, options: CheckOptions, tools: [String: LocatedTool], state: StateDirectory, host: HostNetwork,
    driver: PhaseDriver
  ) {
    self.plan = plan
    self.options = options
    self.tools = tools
    self.state = state
    self.host = host
    self.driver = driver
    kept = driver.sandbox.keptFolder(in: state)
  }

  /// The evidence of the install and build phases; stops at the first that fails.
  func run() throws(Failure) -> [PhaseEvidence] {
    var phases: [PhaseEvidence] = []
    let commands = plan.installCommands(with: tools)
    if !commands.isEmpty { phases.append(try install(commands)) }
    guard phases.allSatisfy({ $0.status != .failed }), !plan.build.isEmpty else { return phases }
    // The project's own code runs now: nothing that others will use is shown to it for writing.
    try Failure.guarding { () throws(SystemError) in try use(nil) }
    phases.append(
      try execute(.build, plan.build, detail: plan.build.map(ShellWords.join).joined(separator: " && ")))
    return phases
  }

  private func install(_ commands: [[String]]) throws(Failure) -> PhaseEvidence {
    let detail = commands.last.map(ShellWords.join) ?? ""
    var key: String?
    if case .cacheable(let planned, _) = plan.dependencyCache { key = keyWithSurroundings(planned) }
    defer { downloads = nil }
    guard let key, Catalog.ecosystem(plan.ecosystem)?.toolchain.keepsEnvironment == true,
      kept != nil || !driver.sandbox.isInPlace
    else {
      driver.sandbox.environmentPath = try fresh(kept == nil && driver.sandbox.isInPlace ? nil : key)
      return try execute(.install, commands, detail: detail)
    }
    let store = EnvironmentStore(state: state, key: key, kept: kept)
    try take(store)
    defer { lock = nil }
    if options.usesCache, let record = store.load() {
      driver.observer.phaseBegan("install", detail: detail)
      driver.observer.phaseEnded(
        "install", outcome: "unchanged, taken from the cache", succeeded: true, milliseconds: 0)
      driver.sandbox.environmentPath = store.files(of: record)
      driver.sandbox.environmentIsKept = true
      cachedEgress = record.egress
      var phase = record.phase
      phase.status = .cached
      phase.durationMilliseconds = 0
      phase.startedAt = Clock.seconds()
      driver.record(phase)
      return phase
    }
    var place = try kept.map { folder throws(Failure) in try folder.make(for: driver.sandbox.run) }
    let directory = try fresh(at: place?.files, key)
    driver.sandbox.environmentPath = directory
    let before = driver.egress.count
    let phase = try execute(.install, commands, detail: detail)
    guard phase.status == .passed else { return phase }
    let record = EnvironmentStore.Record(phase: phase, egress: Array(driver.egress.dropFirst(before)))
    if place == nil {
      try store.keep(directory, record: record)
      driver.sandbox.environmentPath = store.files
      driver.sandbox.environmentIsKept = true
    } else if place?.close(isOtherUsers: driver.sandbox.hasOwnUser) == true, let place {
      try store.keep(place, record: record, for: driver.sandbox.run)
      driver.sandbox.environmentIsKept = true
    }
    return phase
  }

  /// The interpreters and the way to the packages belong to the key: an environment points to its interpreter.
  private func keyWithSurroundings(_ key: String) -> String {
    let programs = tools.sorted { $0.key < $1.key }.flatMap { name, tool in
      [name, tool.path, tool.version ?? "", tool.hostPrefix ?? ""]
    }
    let indexes = host.indexes.environment.merging(host.indexes.files) { $1 }
      .sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let folders = host.indexes.folders.paths
    let parts = [key, plan.image?.digest ?? "", kept?.path ?? ""] + programs + indexes + folders
    return SHA256.hexadecimal(of: parts.map { "\($0.utf8.count):\($0)" }.joined().utf8)
  }

  /// Takes the environment's lock for the length of the install: one of several checks installs.
  private func take(_ store: EnvironmentStore) throws(Failure) {
    lock = store.lock(waits: false)
    if lock != nil { return }
    driver.observer.note("waiting for another check that installs the same dependencies")
    while true {
      try interruptibleWait()
      lock = store.lock(waits: false)
      if lock != nil { return }
    }
  }

  private func interruptibleWait() throws(Failure) {
    var watched = pollfd(fd: driver.interruption.descriptor, events: Int16(POLLIN), revents: 0)
    _ = unsafe poll(&watched, 1, 100)
    try driver.interruption.check()
  }

  /// An empty directory, of this run unless it is somewhere else, and the downloads of a key.
  private func fresh(at place: String? = nil, _ key: String?) throws(Failure) -> String {
    let sandbox = driver.sandbox
    let path = try Failure.guarding { () throws(SystemError) -> String in
      let path =
        if let place { place } else { try sandbox.ownFolder(SandboxPath.environment, "environment") }
      try Directories.make(path, mode: 0o755)
      try use(key)
      return path
    }
    if sandbox.ownRoot == nil { sandbox.disk?.add(path) }
    return path
  }

  private func use(_ key: String?) throws(SystemError) {
    let sandbox = driver.sandbox
    let own = try sandbox.ownFolder(Sandbox.downloads, "downloads")
    let store = try DownloadStore(key, state: state, run: sandbox.run, own: own, kept: kept)
    sandbox.downloadsPath = store.path
    if sandbox.ownRoot == nil { sandbox.disk?.add(store.path, keeping: true) }
    downloads = consume store
  }

  /// Runs commands one after the other as one phase.
  private func execute(
    _ name: PhaseEvidence.Name, _ commands: [[String]], detail: String
  ) throws(Failure) -> PhaseEvidence {
    driver.observer.phaseBegan(name.rawValue, detail: detail)
    driver.progress = PhaseProgress()
    let ecosystem = Catalog.ecosystem(plan.ecosystem)
    driver.readProgress = { ecosystem?.readProgress($0, into: &$1) }
    defer { driver.readProgress = nil }
    let started = Clock.milliseconds()
    let unreachableBefore = driver.unreachable.count
    var whole = PhaseEvidence(name: name, status: .passed, startedAt: Clock.seconds())
    var memory = CheckRunner.installMemoryInBytes
    if let limit = plan.limits.memoryInBytes?.value { memory = max(memory, limit) }
    let allowance = PhaseDriver.Allowance(
      memoryInBytes: memory, processes: 1024, cpus: nil, policy: policy)
    for command in commands {
      var phase = Sandbox.Phase(
        arguments: command,
        environment: PhaseEnvironment.install(
          plan, tools: tools, host: host, stored: driver.sandbox.stored))
      phase.installs = true
      phase.runsInit = true
      let part = try driver.run(name, phase, allowance) { session throws(Failure) in
        while session.exit == nil { try session.step(milliseconds: 200) }
      }
      Self.append(part, to: &whole)
      if part.status == .failed { break }
    }
    whole.durationMilliseconds = Clock.milliseconds() - started
    if whole.status == .failed { observe(&whole, unreachableBefore: unreachableBefore) }
    let outcome = whole.status == .passed ? "done" : "failed (exit status \(whole.exitCode ?? -1))"
    driver.observer.phaseEnded(
      name.rawValue, outcome: outcome, succeeded: whole.status == .passed,
      milliseconds: whole.durationMilliseconds)
    return whole
  }

  /// Adds what we saw ourselves and tools pass over in silence: hosts out of reach, a full disk.
  private func observe(_ phase: inout PhaseEvidence, unreachableBefore: Int) {
    phase.observations += driver.unreachable.dropFirst(unreachableBefore).map { record in
      .unreachable(
        host: record.host, port: record.port, reason: record.failure?.summary ?? "no connection")
    }
    let path = driver.sandbox.run.path
    guard let free = DiskUse.freeBytes(of: path), free < 1 << 20 else { return }
    phase.observations.append(.diskFull(path: path, freeBytes: UInt64(free)))
  }

  /// What an installation may reach.
  var policy: EgressPolicy {
    options.policy.includesRegistries ? options.policy.adding(host.entries) : options.policy
  }

  private static func append(_ part: PhaseEvidence, to whole: inout PhaseEvidence) {
    whole.command = part.command
    whole.status = part.status
    whole.exitCode = part.exitCode
    whole.signal = part.signal
    whole.endedBy = part.endedBy
    let offset = whole.log.last?.number ?? 0
    let base = Int((part.startedAt - whole.startedAt) * 1000)
    let before = [LogLine.Stream.stdout, .stderr].reduce(into: [:]) { counts, stream in
      counts[stream] = whole.log.last { $0.stream == stream }?.numberInStream
    }
    whole.log += part.log.map { line in
      LogLine(
        number: offset + line.number,
        numberInStream: line.numberInStream.map { $0 + (before[line.stream] ?? 0) },
        milliseconds: base + line.milliseconds, stream: line.stream, text: line.text)
    }
    whole.observations += part.observations
    let samples = whole.samples ?? []
    whole.samples =
      SampleSeries(
        samples + (part.samples ?? []).map { $0.shifted(by: base, after: samples.last) }
      ).samples
    let earlier = whole.resources
    whole.resources = part.resources
    whole.resources.cpuMilliseconds =
      earlier.cpuMilliseconds.map { $0 + (part.resources.cpuMilliseconds ?? 0) }
      ?? part.resources.cpuMilliseconds
    whole.resources.memoryPeakBytes = [earlier.memoryPeakBytes, part.resources.memoryPeakBytes].compactMap {
      $0
    }.max()
    whole.resources.processesPeak = [earlier.processesPeak, part.resources.processesPeak].compactMap { $0 }
      .max()
  }
}
