package import Analysis
import CShims
package import Egress
package import Formats
import Glibc
package import Images
package import Isolate

/// A running phase: its container, its output, its limits, driven by one poll loop on one thread.
package final class SandboxSession {
  package let container: Container
  package let network: SandboxNetwork
  package let startedAt: Double
  private let startedMilliseconds: Int
  private let cgroup: Cgroup?
  private let watchdog: Watchdog
  private let interruption: Interruption
  private let standardOutput: OwnedDescriptor
  private let standardError: OwnedDescriptor
  private var openStreams: Set<LogLine.Stream> = [.stdout, .stderr]
  package private(set) var log: LogCollector
  package private(set) var exit: ContainerExit?
  package private(set) var endedBy: PhaseEvidence.EndedBy?
  /// Called with each line as it comes.
  package var onLine: (LogLine) -> Void = { _ in }
  /// Called after each step, for whoever shows that time passes.
  package var onStep: () -> Void = {}
  private var sampler = ResourceSampler()
  private var probe: HTTPProbe?
  /// Opened by the first who asks what listens: an install has nothing that does.
  private lazy var socketTable = SocketTable(of: container)
  private let scratch: ScratchSpace
  private let sandbox: Sandbox
  private let settings: Sandbox.Phase

  /// What limits hold in a phase, and who enforces them.
  package struct Limits {
    package var memoryInBytes: Int64?
    package var processes: Int?
    package var cgroup: Cgroup?

    package init(memoryInBytes: Int64?, processes: Int?, cgroup: Cgroup?) {
      self.memoryInBytes = memoryInBytes
      self.processes = processes
      self.cgroup = cgroup
    }
  }

  /// Starts a phase's container.
  package init(
    _ phase: PhaseEvidence.Name, of sandbox: Sandbox, _ settings: Sandbox.Phase, limits: Limits,
    policy: EgressPolicy, upstream: UpstreamProxy, interruption: Interruption
  ) throws(Sandbox.PhaseStartError) {
    var outputs: [Int32] = [-1, -1]
    var errors: [Int32] = [-1, -1]
    guard unsafe isl_pipe(&outputs) == 0, unsafe isl_pipe(&errors) == 0 else {
      throw .runner(Failure(.internalError, "pipe: \(SystemError("pipe", code: errno).reason)"))
    }
    standardOutput = OwnedDescriptor(owning: outputs[0])
    standardError = OwnedDescriptor(owning: errors[0])
    let outputEnd = OwnedDescriptor(owning: outputs[1])
    let errorEnd = OwnedDescriptor(owning: errors[1])
    let null = OwnedDescriptor(owning: unsafe open("/dev/null", O_RDONLY | O_CLOEXEC))
    var options = ContainerOptions()
    options.standardInput = null.number
    options.standardOutput = outputEnd.number
    options.standardError = errorEnd.number
    options.runsInit = settings.runsInit
    options.listeners = SandboxNetwork.listeners
    options.opensSockets = true
    options.loopbackAddress = SandboxNetwork.outsideAddress
    options.watchesOutside = settings.watchesOutside
    options.lifeline = interruption.lifeline
    options.cgroup = limits.cgroup
    self.sandbox = sandbox
    self.settings = settings
    let container = try sandbox.start(settings, options)
    self.container = container
    scratch = ScratchSpace(of: container, bytes: sandbox.scratchBytes(in: settings))
    startedAt = Clock.seconds()
    startedMilliseconds = Clock.milliseconds()
    log = LogCollector(startedAt: startedMilliseconds, naming: sandbox.namesInOutput)
    network = try Failure.caught(
      try SandboxNetwork(
        container, phase: phase, policy: policy, upstream: upstream, folders: sandbox.lentFolders(settings))
    ) {
      Sandbox.PhaseStartError.runner($0)
    }
    cgroup = limits.cgroup
    var watched = Watchdog.Limits(disk: sandbox.disk)
    if limits.cgroup == nil {
      watched.memoryInBytes = limits.memoryInBytes
      watched.processes = limits.processes
    }
    watchdog = try SystemError.caught(try Watchdog(container, watched)) {
      Sandbox.PhaseStartError.runner(Failure($0))
    }
    self.interruption = interruption
    for descriptor in [standardOutput.number, standardError.number] {
      _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }
  }

  /// The TCP sockets that listen now, without our own.
  package var listening: [ListeningSocket] {
    ListeningSockets.read(of: container, table: socketTable.descriptor.number)
  }

  /// How long to wait between two looks at what listens, in milliseconds: shorter where a look costs microseconds.
  package var listeningInterval: Int { socketTable.descriptor.number < 0 ? 20 : 5 }

  /// Milliseconds since the start.
  package var elapsedMilliseconds: Int { Clock.milliseconds() - startedMilliseconds }

  /// What was used over time, so far.
  package var samples: [ResourceSample] { sampler.samples }

  /// Waits for something to happen, at most `milliseconds`, and takes it in.
  ///
  /// - Throws: `Failure` when the user interrupted; the container is killed then.
  package func step(milliseconds: Int) throws(Failure) {
    var watched = [
      pollfd(
        fd: openStreams.contains(.stdout) ? standardOutput.number : -1, events: Int16(POLLIN), revents: 0),
      pollfd(
        fd: openStreams.contains(.stderr) ? standardError.number : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: exit == nil ? container.processDescriptor : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: interruption.descriptor, events: Int16(POLLIN), revents: 0),
      pollfd(fd: network.outsideDescriptor, events: Int16(POLLIN), revents: 0),
      probe?.watched ?? pollfd(fd: -1, events: 0, revents: 0),
    ]
    let timeout = min(milliseconds, sampler.timeLeft(at: elapsedMilliseconds))
    _ = unsafe poll(&watched, nfds_t(watched.count), Int32(timeout))
    if exit == nil { sampler.look(at: elapsedMilliseconds, container, cgroup, watchdog) }
    defer { onStep() }
    if watched[0].revents != 0 { drain(.stdout) }
    if watched[1].revents != 0 { drain(.stderr) }
    if watched[4].revents & Int16(POLLIN) != 0 { network.readOutside() }
    probe?.advance(ready: watched[5].revents != 0)
    if watched[3].revents != 0, interruption.isRequested { try abort(.interrupt) }
    if interruption.isPastDeadline { try abort(.timeLimit) }
    if watched[2].revents != 0 { try reap() }
  }

  private static func end(by verdict: Watchdog.Verdict) -> PhaseEvidence.EndedBy {
    switch verdict {
    case .memory: .memoryWatchdog
    case .processes: .processWatchdog
    case .disk: .diskWatchdog
    }
  }

  private func abort(_ reason: PhaseEvidence.EndedBy) throws(Failure) {
    endedBy = reason
    container.signal(SIGKILL)
    try reap(blocking: true)
    throw reason == .interrupt ? Interruption.requested : Interruption.timeLimit
  }

  private func reap(blocking: Bool = false) throws(Failure) {
    try Failure.guarding { () throws(IsolateError) in
      exit = blocking ? try container.wait() : try container.exitIfEnded()
    }
    guard exit != nil else { return }
    if let verdict = watchdog.end() { endedBy = Self.end(by: verdict) }
    network.readOutside(all: true)
    drain(.stdout)
    drain(.stderr)
    for stream in openStreams { log.finish(stream).forEach(onLine) }
    openStreams = []
    let isOutOfMemory = (cgroup?.outOfMemoryKills ?? 0) > 0
    if endedBy == nil { endedBy = isOutOfMemory && exit?.status != 0 ? .cgroupOutOfMemory : .itself }
    // Asked to stop, and killed, but not by us.
    if endedBy == .stopRequest, isOutOfMemory, exit?.signal == SIGKILL { endedBy = .cgroupOutOfMemory }
  }

  private func drain(_ stream: LogLine.Stream) {
    guard openStreams.contains(stream) else { return }
    let descriptor = stream == .stdout ? standardOutput.number : standardError.number
    var chunk = [UInt8](repeating: 0, count: 65536)
    // Bounded, so that a program that never stops writing cannot keep us from everything else.
    for _ in 0..<16 {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        log.append(chunk[..<count], to: stream).forEach(onLine)
        continue
      }
      if count == 0 || (errno != EAGAIN && errno != EINTR) {
        log.finish(stream).forEach(onLine)
        openStreams.remove(stream)
      }
      return
    }
  }

  /// One HTTP GET, or a mere connection, while everything else goes on; nil when the program ended meanwhile.
  package func get(
    _ path: String, port: Int, at target: HTTPProbe.Target = .outside
  ) throws(Failure) -> ProbeAttempt? {
    let (reached, folder) = sandbox.reached(target)
    let begun = try unlessEnded { () throws(Failure) in
      try HTTPProbe(
        container, path: path, port: port, target: reached,
        isConnectionEnough: path == ProbeAttempt.connectionOnly, socketFolder: folder,
        at: sandbox.address(of: container, port: port, for: target))
    }
    guard let probe = begun else { return nil }
    self.probe = probe
    defer { self.probe = nil }
    while probe.result == nil {
      if exit != nil { return nil }
      try step(milliseconds: 50)
    }
    return probe.result
  }

  /// Runs a health check beside the program, while everything else goes on; nil when the program ended meanwhile.
  package func check(
    _ check: ImageRunSettings.HealthCheck, environment: [String: String], port: Int
  ) throws(Failure) -> ProbeAttempt? {
    let begun = try unlessEnded { () throws(Failure) in
      var settings = settings
      settings.arguments = check.arguments
      settings.environment = environment
      let spec = sandbox.specification(for: settings)
      var beside: Container?
      let command = try CommandProbe(
        spec, cgroup: cgroup, port: port, timeoutMilliseconds: check.timeoutMilliseconds
      ) { process, options throws(IsolateError) in
        guard sandbox.isInPlace else { return try container.start(process, of: spec, options: options) }
        let started = try sandbox.startBeside(process, settings, options)
        beside = started
        return started
      }
      if let beside { try network.lend(to: beside) }
      return command
    }
    guard let command = begun else { return nil }
    while true {
      if let result = try command.result() { return result }
      if exit != nil { return nil }
      try step(milliseconds: 20)
    }
  }

  /// Begins to ask the program; nil when it has ended since the last look, and with it whoever could be asked.
  private func unlessEnded<Value>(_ begin: () throws(Failure) -> Value) throws(Failure) -> Value? {
    do throws(Failure) { return try begin() } catch {
      try step(milliseconds: 0)
      if exit != nil { return nil }
      throw error
    }
  }

  /// Asks the program to stop, waits for the grace period, then kills it.
  package func stop(signal: Int32 = SIGTERM, gracePeriodMilliseconds: Int) throws(Failure) {
    guard exit == nil else { return }
    container.signal(signal)
    endedBy = .stopRequest
    let deadline = Clock.milliseconds() + gracePeriodMilliseconds
    while exit == nil, Clock.milliseconds() < deadline {
      try step(milliseconds: min(100, max(1, deadline - Clock.milliseconds())))
    }
    guard exit == nil else { return }
    endedBy = .gracePeriodKill
    container.signal(SIGKILL)
    while exit == nil { try step(milliseconds: 100) }
  }

  /// Ends what is left and closes the network; safe to call at any moment.
  package func finish() {
    if exit == nil {
      container.signal(SIGKILL)
      exit = try? container.wait()
    }
    watchdog.end()
    network.readOutside(all: true)
    network.endOutside(sandbox.closes)
    sandbox.silentPorts.formUnion(network.silentPorts)
    network.shutdown()
  }

  /// What we saw of its surroundings; also after its end.
  package var observations: [Observation] {
    [scratch.full, endedBy?.isOutOfMemory == true ? scratch.held : nil].compactMap { $0 }
  }

  /// The counters of the phase so far.
  package var resources: ResourceUse {
    var use = ResourceUse(cpuMilliseconds: exit.map { Int($0.cpuMicroseconds / 1000) })
    if let cgroup {
      use.cpuMilliseconds = cgroup.cpuMicroseconds.map { Int($0 / 1000) }
      use.memoryPeakBytes = cgroup.memoryPeakInBytes
      use.processesPeak = cgroup.processesPeak
      use.oomKills = cgroup.outOfMemoryKills
    } else {
      let largest = (exit?.peakResidentKiB ?? 0) * 1024
      use.memoryPeakBytes = max(watchdog.memoryPeak, largest)
      use.processesPeak = watchdog.processesPeak == 0 ? nil : watchdog.processesPeak
      use.memoryOvershootBytes = watchdog.memoryOvershoot
      use.oomKills = endedBy == .memoryWatchdog ? 1 : 0
    }
    if let written = sandbox.disk?.written, written > 0 { use.bytesWritten = written }
    return use
  }
}
