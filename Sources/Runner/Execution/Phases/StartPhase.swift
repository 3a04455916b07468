import Analysis
import Egress
import Formats
import Images
import Isolate
import Planning
import Reports
import Sandbox

/// Runs the program as production would: starts it, waits until it listens, asks it, watches it, stops it.
final class StartPhase {
  let plan: Plan
  let options: CheckOptions
  let driver: PhaseDriver
  let environment: [String: String]
  let policy: EgressPolicy
  private let process: String?
  private let mustEnd: Bool

  /// Runs the plan's start command; `process` is its name, where it is not the program itself. One that `mustEnd` is
  /// waited for.
  init(
    plan: Plan, options: CheckOptions, tools: [String: LocatedTool], driver: PhaseDriver, host: HostNetwork,
    process: String? = nil, mustEnd: Bool = false
  ) {
    self.process = process
    self.mustEnd = mustEnd
    self.plan = plan
    self.options = options
    self.driver = driver
    // Registries are for installing: while it runs, a program reaches only what was allowed by name.
    policy = EgressPolicy(mode: .allowList, entries: options.policy.entries.filter(\.isExplicit))
    environment = PhaseEnvironment.start(
      plan, tools: tools, policy: policy, host: host, stored: driver.sandbox.stored)
  }

  /// What the rules compare behaviour with.
  func settings(isolation: IsolationSurvey) -> RunSettings {
    var settings = RunSettings(
      port: plan.listening.isExpected ? plan.port.value : nil, healthPath: namedPath,
      memoryLimitInBytes: plan.limits.memoryInBytes?.value, processLimit: plan.limits.processes?.value,
      gracePeriodMilliseconds: options.gracePeriodMilliseconds,
      startDeadlineMilliseconds: options.startDeadlineMilliseconds,
      environmentNames: environment.keys.sorted(),
      limitEnforcement: isolation.cgroupParent == nil ? "watchdog" : "cgroup",
      workingDirectory: driver.sandbox.projectRoot,
      networkPolicy: options.policy.commandLineValue)
    settings.diskLimitInBytes = driver.sandbox.disk?.limit
    settings.invocation = options.invocation ?? Invocation(source: options.source)
    settings.stopSignal = SignalName.name(driver.sandbox.stopSignal)
    settings.startPlace = plan.start.place.map { Finding.Location(file: $0.file, line: $0.line) }
    settings.healthCheckSource = plan.healthCommand?.origin.displayed
    settings.expectsHTTP = plan.listening.speaksHTTP || namedPath?.hasPrefix("/") == true
    return settings
  }

  /// The health path, when somebody named it; "/" is asked where nobody did, and what it answers is no promise.
  var namedPath: String? { plan.healthPath.origin == .byDefault ? nil : plan.healthPath.value }

  /// The image's own, unless a path was named to be asked instead.
  var healthCheck: ImageRunSettings.HealthCheck? {
    namedPath == nil ? driver.sandbox.stored?.settings.healthCheck : nil
  }

  /// A descriptor's, which is run as well as the program is asked.
  var healthCommand: ImageRunSettings.HealthCheck? {
    plan.healthCommand.map { command in
      .init(
        arguments: command.value.arguments, intervalMilliseconds: command.value.intervalMilliseconds,
        timeoutMilliseconds: command.value.timeoutMilliseconds,
        startPeriodMilliseconds: command.value.startPeriodMilliseconds, retries: command.value.retries)
    }
  }

  /// What progress calls it.
  private var name: String { process ?? PhaseEvidence.Name.start.rawValue }

  /// Adds the start, probe and stop phases and all they showed.
  func run(into evidence: inout Evidence) throws(Failure) {
    let phase = Sandbox.Phase(arguments: plan.start.arguments, environment: environment)
    let allowance = PhaseDriver.Allowance(
      memoryInBytes: plan.limits.memoryInBytes?.value, processes: plan.limits.processes?.value,
      cpus: plan.limits.cpus?.value, policy: policy)
    driver.observer.phaseBegan(name, detail: plan.start.displayed)
    driver.progress = PhaseProgress()
    var seen = Sighting(isWeb: plan.listening.isExpected)
    let whole = try driver.run(.start, phase, allowance, process: process) { session throws(Failure) in
      try self.bringUp(session, &seen)
      guard session.exit == nil else { return }
      driver.observer.phaseBegan("stop", detail: SignalName.name(driver.sandbox.stopSignal))
      driver.progress.step = nil
      driver.progress.share = nil
      seen.stopBegan = session.elapsedMilliseconds
      try session.stop(
        signal: driver.sandbox.stopSignal, gracePeriodMilliseconds: options.gracePeriodMilliseconds)
      report(session, stopped: seen.stopBegan)
    }
    if seen.isWeb { evidence.settings.port = plan.port.value }
    evidence.listening = seen.listening
    evidence.probes = seen.probes
    evidence.settling = seen.settling
    evidence.phases += split(whole, seen)
  }

  /// What was seen of the program while it ran.
  struct Sighting {
    /// Whether it is to be judged as a web process: it was expected to listen, or turned out to.
    var isWeb: Bool
    var listening: [ListeningSocket] = []
    var unixSockets: [String] = []
    var probes: [ProbeAttempt] = []
    var settling: Settling?
    var observations: [Observation] = []
    var probeBegan: Int?
    var stopBegan: Int?
  }

  private func bringUp(_ session: SandboxSession, _ seen: inout Sighting) throws(Failure) {
    if mustEnd {
      try waitForEnd(session)
    } else if let healthCheck {
      try bringUp(session, &seen, healthCheck)
    } else {
      try probe(session, &seen)
      try runHealthCommand(session, &seen)
    }
    if session.exit == nil, let last = seen.probes.last, isAnswer(last) {
      let request = seen.probes.last { $0.command == nil } ?? last
      if request.missingTool == nil { try settle(session, &seen, request) }
    }
    if session.exit == nil, seen.isWeb, seen.settling == nil { try explain(session, &seen) }
    guard session.exit != nil else { return announce(session, seen) }
    let status = session.exit?.status.map { "exit status \($0)" } ?? "signal \(session.exit?.signal ?? 0)"
    driver.observer.phaseEnded(
      seen.probeBegan == nil ? name : "probe", outcome: "the program ended (\(status))",
      succeeded: session.exit?.status == 0, milliseconds: session.elapsedMilliseconds)
  }

  private func waitForEnd(_ session: SandboxSession) throws(Failure) {
    while session.exit == nil, session.elapsedMilliseconds < options.startDeadlineMilliseconds {
      try session.step(milliseconds: 100)
    }
  }

  /// Whether an attempt shows that the program is up: without a named path any answer but a server's error does.
  func isAnswer(_ attempt: ProbeAttempt) -> Bool {
    // A check that could not be run says nothing of the program.
    if attempt.succeeded || attempt.missingTool != nil { return true }
    guard namedPath == nil, attempt.command == nil else { return false }
    return attempt.isClientError
      || (attempt.status == nil && attempt.isConnection == true && !plan.listening.speaksHTTP)
  }

  /// Runs a health check beside the program, as often as it says.
  private func bringUp(
    _ session: SandboxSession, _ seen: inout Sighting, _ check: ImageRunSettings.HealthCheck
  ) throws(Failure) {
    var decisions = HealthCheckPlan(
      check, port: plan.listening.isExpected ? plan.port.value : nil,
      startDeadlineMilliseconds: options.startDeadlineMilliseconds)
    while session.exit == nil {
      look(session, &seen)
      let elapsed = session.elapsedMilliseconds
      let own = seen.probes.filter { $0.command != nil }
      switch decisions.decide(listening: seen.listening, probes: own, elapsed: elapsed) {
      case .finished: return
      case .wait: try session.step(milliseconds: session.listeningInterval)
      case .run:
        beginProbe(&seen, elapsed, ShellWords.join(check.arguments))
        if var attempt = try session.check(check, environment: environment, port: plan.port.value) {
          // An image's own check that lacks its program fails wherever the image runs.
          if healthCheck == nil { attempt.missingTool = attempt.programNotFound }
          seen.probes.append(attempt)
        }
      }
    }
  }

  /// Runs a descriptor's health check beside a program that is well as far as it was asked.
  private func runHealthCommand(_ session: SandboxSession, _ seen: inout Sighting) throws(Failure) {
    guard session.exit == nil, let healthCommand, seen.probes.last.map(isAnswer) ?? !seen.isWeb else {
      return
    }
    try bringUp(session, &seen, healthCommand)
  }

  private func beginProbe(_ seen: inout Sighting, _ elapsed: Int, _ detail: String) {
    guard seen.probeBegan == nil else { return }
    seen.probeBegan = elapsed
    let isListening = seen.listening.contains { $0.port == plan.port.value }
    driver.observer.phaseEnded(
      "start", outcome: isListening ? "listening" : "running", succeeded: true, milliseconds: elapsed)
    driver.observer.phaseBegan("probe", detail: detail)
  }

  private func probe(_ session: SandboxSession, _ seen: inout Sighting) throws(Failure) {
    func fresh(isWeb: Bool) -> ProbePlan {
      ProbePlan(
        port: isWeb ? plan.port.value : nil, healthPath: plan.healthPath.value,
        startDeadlineMilliseconds: options.startDeadlineMilliseconds,
        settlingMilliseconds: options.settlingMilliseconds)
    }
    var decisions = fresh(isWeb: seen.isWeb)
    while session.exit == nil {
      look(session, &seen)
      if !seen.isWeb, turnsOutToServe(seen.listening) {
        seen.isWeb = true
        decisions = fresh(isWeb: true)
      }
      let elapsed = session.elapsedMilliseconds
      switch decisions.decide(
        listening: seen.listening, probes: seen.probes, elapsed: elapsed,
        quiet: elapsed - (session.log.lastLineMilliseconds ?? 0),
        isElsewhere: seen.unixSockets.contains { plan.start.displayed.contains($0) })
      {
      case .finished: return
      case .wait: try session.step(milliseconds: session.listeningInterval)
      case .get(let path):
        beginProbe(&seen, elapsed, path == ProbeAttempt.connectionOnly ? "a connection" : "GET \(path)")
        if let attempt = try session.get(path, port: plan.port.value) { seen.probes.append(attempt) }
      }
    }
  }

  /// Whether a program of which nothing was known serves others: it listens on the port it was told. Of a language
  /// whose source is not read any port will do; a bot in Python may well serve its counters on one of its own.
  private func turnsOutToServe(_ listening: [ListeningSocket]) -> Bool {
    plan.listening.role == .unknown
      && listening.contains { $0.port == plan.port.value || (plan.ecosystem == nil && !$0.isLoopback) }
  }

  /// Sockets once seen stay in the evidence: a program may close one while it restarts itself.
  private func look(_ session: SandboxSession, _ seen: inout Sighting) {
    let fresh = session.listening
    seen.listening += fresh.filter { socket in
      !seen.listening.contains { $0.address == socket.address && $0.port == socket.port }
    }
    if seen.listening.isEmpty { seen.unixSockets = driver.sandbox.unixSockets(of: session.container) }
  }

  private func announce(_ session: SandboxSession, _ seen: Sighting) {
    let elapsed = session.elapsedMilliseconds
    guard let began = seen.probeBegan else {
      let isFine = !seen.isWeb && !mustEnd
      driver.observer.phaseEnded(
        name, outcome: isFine ? "running" : "not listening on port \(plan.port.value)", succeeded: isFine,
        milliseconds: elapsed)
      return
    }
    let last = seen.settling?.answer ?? seen.probes.last
    let connected = last?.path == ProbeAttempt.connectionOnly && last?.succeeded == true
    let outcome =
      last?.exitCode.map { "the health check ended with status \($0)" }
      ?? last?.status.map { "\(last?.path ?? "/") answered \($0)" } ?? last?.failure
      ?? (connected ? "connected" : "no answer")
    driver.observer.phaseEnded(
      "probe", outcome: outcome, succeeded: last.map(isAnswer) ?? false, milliseconds: elapsed - began)
  }

  private func report(_ session: SandboxSession, stopped: Int?) {
    let isClean = session.endedBy == .stopRequest
    driver.observer.phaseEnded(
      "stop", outcome: isClean ? "stopped" : "had to be killed", succeeded: isClean,
      milliseconds: session.elapsedMilliseconds - (stopped ?? 0))
  }

  /// One process, three phases: what it did before the first probe, while it was asked, and after SIGTERM.
  private func split(_ whole: PhaseEvidence, _ seen: Sighting) -> [PhaseEvidence] {
    var whole = whole
    whole.observations += seen.observations
    guard let stopBegan = seen.stopBegan else {
      // It ended by itself, or never ran: there was nothing to stop.
      var start = whole
      let isJob = whole.exitCode == 0 && whole.endedBy == .itself && !seen.isWeb
      start.status = isJob ? .passed : .failed
      return [
        start, PhaseEvidence(name: .probe, status: .skipped), PhaseEvidence(name: .stop, status: .skipped),
      ]
    }
    var start = whole
    start.log = whole.log.filter { $0.milliseconds < stopBegan }
    start.durationMilliseconds = seen.probeBegan ?? stopBegan
    start.samples = whole.samples?.part(from: 0, to: seen.probeBegan ?? stopBegan)
    start.exitCode = nil
    start.signal = nil
    start.endedBy = nil
    let isListening = seen.listening.contains { $0.port == plan.port.value }
    start.status = !seen.isWeb || isListening ? .passed : .failed
    if mustEnd {
      start.status = .failed
      start.endedBy = .timeLimit
    }
    var probe = PhaseEvidence(name: .probe, status: .skipped)
    if let began = seen.probeBegan {
      probe.status = (seen.settling?.answer ?? seen.probes.last).map(isAnswer) ?? false ? .passed : .failed
      probe.startedAt = whole.startedAt + Double(began) / 1000
      probe.durationMilliseconds = stopBegan - began
      probe.samples = whole.samples?.part(from: began, to: stopBegan)
    }
    var stop = whole
    stop.name = .stop
    stop.command = []
    stop.log = whole.log.filter { $0.milliseconds >= stopBegan }
    stop.startedAt = whole.startedAt + Double(stopBegan) / 1000
    stop.durationMilliseconds = whole.durationMilliseconds - stopBegan
    stop.status = whole.endedBy == .stopRequest ? .passed : .failed
    stop.resources = ResourceUse()
    stop.samples = whole.samples?.part(from: stopBegan)
    if whole.endedBy?.isOutOfMemory == true {
      // It went on taking memory until it was killed, after it had been asked to stop.
      stop.resources = whole.resources
      start.resources.oomKills = nil
    }
    stop.observations = []
    return [start, probe, stop]
  }
}
