import Analysis
import Egress
import Images
import Isolate
import Planning

/// Runs the program as production would: starts it, waits until it listens, asks it, stops it.
final class StartPhase {
  private let plan: Plan
  private let options: CheckOptions
  private let tools: [String: LocatedTool]
  private let driver: PhaseDriver
  private let host: HostNetwork
  private let environment: [String: String]
  private let policy: EgressPolicy

  init(
    plan: Plan, options: CheckOptions, tools: [String: LocatedTool], driver: PhaseDriver, host: HostNetwork
  ) {
    self.plan = plan
    self.options = options
    self.tools = tools
    self.driver = driver
    self.host = host
    // Registries are for installing: while it runs, a program reaches only what was allowed by name.
    policy = EgressPolicy(mode: .allowList, entries: options.policy.entries.filter(\.isExplicit))
    environment = PhaseEnvironment.start(
      plan, tools: tools, policy: policy, host: host, stored: driver.sandbox.stored)
  }

  /// What the rules compare behaviour with.
  func settings(isolation: IsolationSurvey) -> RunSettings {
    var settings = RunSettings(
      port: plan.listening.isExpected ? plan.port.value : nil, healthPath: plan.healthPath.value,
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
    return settings
  }

  /// The image's own, unless a path was named to be asked instead.
  private var healthCheck: ImageRunSettings.HealthCheck? {
    plan.healthPath.origin == .byDefault ? driver.sandbox.stored?.settings.healthCheck : nil
  }

  /// Adds the start, probe and stop phases and all they showed.
  func run(into evidence: inout Evidence) throws(RunnerError) {
    let phase = Sandbox.Phase(arguments: plan.start.arguments, environment: environment)
    let allowance = PhaseDriver.Allowance(
      memoryInBytes: plan.limits.memoryInBytes?.value, processes: plan.limits.processes?.value,
      cpus: plan.limits.cpus?.value, policy: policy)
    driver.observer.phaseBegan("start", detail: plan.start.displayed)
    var seen = Observations()
    let whole = try driver.run(.start, phase, allowance) { session throws(RunnerError) in
      try self.bringUp(session, &seen)
      guard session.exit == nil else { return }
      driver.observer.phaseBegan("stop", detail: SignalName.name(driver.sandbox.stopSignal))
      seen.stopBegan = session.elapsedMilliseconds
      try session.stop(
        signal: driver.sandbox.stopSignal, gracePeriodMilliseconds: options.gracePeriodMilliseconds)
      report(session, stopped: seen.stopBegan)
    }
    evidence.listening = seen.listening
    evidence.probes = seen.probes
    evidence.phases += split(whole, seen)
  }

  private struct Observations {
    var listening: [ListeningSocket] = []
    var probes: [ProbeAttempt] = []
    var probeBegan: Int?
    var stopBegan: Int?
  }

  private func bringUp(_ session: SandboxSession, _ seen: inout Observations) throws(RunnerError) {
    if let healthCheck { try bringUp(session, &seen, healthCheck) } else { try probe(session, &seen) }
    guard session.exit != nil else { return announce(session, seen) }
    let status = session.exit?.status.map { "exit status \($0)" } ?? "signal \(session.exit?.signal ?? 0)"
    driver.observer.phaseEnded(
      seen.probeBegan == nil ? "start" : "probe", outcome: "the program ended (\(status))",
      succeeded: session.exit?.status == 0, milliseconds: session.elapsedMilliseconds)
  }

  /// Runs the image's HEALTHCHECK beside the program.
  private func bringUp(
    _ session: SandboxSession, _ seen: inout Observations, _ check: ImageRunSettings.HealthCheck
  ) throws(RunnerError) {
    var decisions = HealthCheckPlan(
      check, port: plan.listening.isExpected ? plan.port.value : nil,
      startDeadlineMilliseconds: options.startDeadlineMilliseconds)
    while session.exit == nil {
      seen.listening = Self.merged(seen.listening, ListeningSockets.read(of: session.container))
      let elapsed = session.elapsedMilliseconds
      switch decisions.decide(listening: seen.listening, probes: seen.probes, elapsed: elapsed) {
      case .finished: return
      case .wait: try session.step(milliseconds: 20)
      case .run:
        beginProbe(&seen, elapsed, ShellWords.join(check.arguments))
        if let attempt = try session.check(check, environment: environment, port: plan.port.value) {
          seen.probes.append(attempt)
        }
      }
    }
  }

  private func beginProbe(_ seen: inout Observations, _ elapsed: Int, _ detail: String) {
    guard seen.probeBegan == nil else { return }
    seen.probeBegan = elapsed
    let isListening = seen.listening.contains { $0.port == plan.port.value }
    driver.observer.phaseEnded(
      "start", outcome: isListening ? "listening" : "running", succeeded: true, milliseconds: elapsed)
    driver.observer.phaseBegan("probe", detail: detail)
  }

  private func probe(_ session: SandboxSession, _ seen: inout Observations) throws(RunnerError) {
    var decisions = ProbePlan(
      port: plan.listening.isExpected ? plan.port.value : nil, healthPath: plan.healthPath.value,
      startDeadlineMilliseconds: options.startDeadlineMilliseconds)
    while session.exit == nil {
      seen.listening = Self.merged(seen.listening, ListeningSockets.read(of: session.container))
      let elapsed = session.elapsedMilliseconds
      switch decisions.decide(
        listening: seen.listening, probes: seen.probes, elapsed: elapsed,
        quiet: elapsed - (session.log.lastLineMilliseconds ?? 0))
      {
      case .finished: return
      case .wait: try session.step(milliseconds: 20)
      case .get(let path):
        beginProbe(&seen, elapsed, "GET \(path)")
        if let attempt = try session.get(path, port: plan.port.value) { seen.probes.append(attempt) }
      }
    }
  }

  private func announce(_ session: SandboxSession, _ seen: Observations) {
    let elapsed = session.elapsedMilliseconds
    guard let began = seen.probeBegan else {
      let isFine = !plan.listening.isExpected
      driver.observer.phaseEnded(
        "start", outcome: isFine ? "running" : "not listening on port \(plan.port.value)", succeeded: isFine,
        milliseconds: elapsed)
      return
    }
    let last = seen.probes.last
    let outcome =
      last?.exitCode.map { "the health check ended with status \($0)" }
      ?? last?.status.map { "\(last?.path ?? "/") answered \($0)" } ?? last?.failure ?? "no answer"
    driver.observer.phaseEnded(
      "probe", outcome: outcome, succeeded: last?.succeeded ?? false, milliseconds: elapsed - began)
  }

  private func report(_ session: SandboxSession, stopped: Int?) {
    let isClean = session.endedBy == .stopRequest
    driver.observer.phaseEnded(
      "stop", outcome: isClean ? "stopped" : "had to be killed", succeeded: isClean,
      milliseconds: session.elapsedMilliseconds - (stopped ?? 0))
  }

  /// Sockets once seen stay in the evidence: a program may close one while it restarts itself.
  private static func merged(_ known: [ListeningSocket], _ fresh: [ListeningSocket]) -> [ListeningSocket] {
    known
      + fresh.filter { socket in !known.contains { $0.address == socket.address && $0.port == socket.port } }
  }

  /// One process, three phases: what it did before the first probe, while it was asked, and after SIGTERM.
  private func split(_ whole: PhaseEvidence, _ seen: Observations) -> [PhaseEvidence] {
    guard let stopBegan = seen.stopBegan else {
      // It ended by itself, or never ran: there was nothing to stop.
      var start = whole
      let isJob = whole.exitCode == 0 && whole.endedBy == .itself && !plan.listening.isExpected
      start.status = isJob ? .passed : .failed
      return [
        start, PhaseEvidence(name: .probe, status: .skipped), PhaseEvidence(name: .stop, status: .skipped),
      ]
    }
    var start = whole
    start.log = whole.log.filter { $0.milliseconds < stopBegan }
    start.durationMilliseconds = seen.probeBegan ?? stopBegan
    start.exitCode = nil
    start.signal = nil
    start.endedBy = nil
    let isListening = seen.listening.contains { $0.port == plan.port.value }
    start.status = !plan.listening.isExpected || isListening ? .passed : .failed
    var probe = PhaseEvidence(name: .probe, status: .skipped)
    if let began = seen.probeBegan {
      probe.status = seen.probes.last?.succeeded ?? false ? .passed : .failed
      probe.startedAt = whole.startedAt + Double(began) / 1000
      probe.durationMilliseconds = stopBegan - began
    }
    var stop = whole
    stop.name = .stop
    stop.command = []
    stop.log = whole.log.filter { $0.milliseconds >= stopBegan }
    stop.startedAt = whole.startedAt + Double(stopBegan) / 1000
    stop.durationMilliseconds = whole.durationMilliseconds - stopBegan
    stop.status = whole.endedBy == .stopRequest ? .passed : .failed
    stop.resources = ResourceUse()
    stop.observations = []
    return [start, probe, stop]
  }
}
