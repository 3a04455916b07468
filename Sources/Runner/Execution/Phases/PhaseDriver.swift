import Analysis
import CShims
import Egress
import Formats
import Glibc
import Isolate
import Planning
import Reports
import Sandbox

/// Starts the phases' containers for one check and keeps what they showed.
final class PhaseDriver {
  let sandbox: Sandbox
  let interruption: Interruption
  let observer: any CheckObserver
  let upstream: UpstreamProxy
  /// Where cgroups can be made; nil where limits are left to rlimits and the watchdog.
  let cgroupParent: CgroupParent?
  private(set) var egress: [EgressAttempt] = []
  private(set) var unreachable: [EgressRecord] = []
  /// Every line with its time, once it is asked for.
  private(set) var recording: Recording?
  /// When the check began, by `Clock.milliseconds`.
  private var checkBegan = 0

  init(
    sandbox: Sandbox, interruption: Interruption, observer: any CheckObserver, upstream: UpstreamProxy,
    cgroupParent: CgroupParent?
  ) {
    self.sandbox = sandbox
    self.interruption = interruption
    self.observer = observer
    self.upstream = upstream
    self.cgroupParent = cgroupParent
  }

  /// What a phase may use.
  struct Allowance {
    var memoryInBytes: Int64?
    var processes: Int?
    var cpus: Double?
    var policy: EgressPolicy
  }

  /// Records every line from now on, with its time since `began` by `Clock.milliseconds`.
  func record(since began: Int) {
    checkBegan = began
    recording = Recording()
  }

  /// Records the lines of a phase that was carried out earlier.
  func record(_ phase: PhaseEvidence) {
    recording?.append(phase, at: Clock.milliseconds() - checkBegan)
  }

  /// How far the running phase is.
  var progress = PhaseProgress()
  /// Reads what an installer says of where it is.
  var readProgress: ((String, inout InstallProgress) -> Void)?
  private var toldAt = 0

  /// Tells the observer how far the phase is, ten times a second at most.
  private func tell(_ session: SandboxSession, before received: Int) {
    let now = Clock.milliseconds()
    guard now - toldAt >= 100 else { return }
    toldAt = now
    progress.receivedBytes = received + session.network.bytesReceived
    observer.progressed(progress)
  }

  /// Starts a phase, hands its session to `body`, and collects what it showed when `body` is done.
  ///
  /// A program that cannot be executed is evidence like any other: the phase failed with status 127
  /// or 126, as a shell would say.
  func run(
    _ name: PhaseEvidence.Name, _ phase: Sandbox.Phase, _ allowance: Allowance, process: String? = nil,
    body: (SandboxSession) throws(Failure) -> Void
  ) throws(Failure) -> PhaseEvidence {
    let cgroup = try makeCgroup(name, allowance)
    defer { cgroup?.remove() }
    var settings = phase
    settings.processLimit = cgroup == nil ? allowance.processes : nil
    let started = try Sandbox.PhaseStartError.started { () throws(Sandbox.PhaseStartError) in
      try SandboxSession(
        name, of: sandbox, settings,
        limits: .init(memoryInBytes: allowance.memoryInBytes, processes: allowance.processes, cgroup: cgroup),
        policy: allowance.policy, upstream: upstream, interruption: interruption)
    }
    let session: SandboxSession
    switch started {
    case .success(let running): session = running
    case .failure(let error): return Self.notExecuted(name, phase, error)
    }
    defer { session.finish() }
    let began = Clock.milliseconds() - session.elapsedMilliseconds - checkBegan
    session.onLine = { [self] line in
      observer.line(line.text, isError: line.stream == .stderr)
      readProgress?(line.text, &progress.install)
      recording?.append(
        .init(
          phase: name, process: process, stream: line.stream, milliseconds: began + line.milliseconds,
          text: line.text))
    }
    let received = progress.receivedBytes
    session.onStep = { [self] in tell(session, before: received) }
    defer { session.onStep = {} }
    do throws(Failure) { try body(session) } catch {
      egress += session.network.attempts
      throw Self.ended(error, process ?? name.rawValue, phase, session)
    }
    session.finish()
    egress += session.network.attempts
    unreachable += session.network.unreachable
    for seen in session.observations { observer.observed(seen.proof(in: name)) }
    return evidence(name, phase, session)
  }

  /// Says what was stopped by whoever did not want to wait.
  private static func ended(
    _ error: Failure, _ name: String, _ phase: Sandbox.Phase, _ session: SandboxSession
  ) -> Failure {
    guard session.endedBy == .interrupt || session.endedBy == .timeLimit else { return error }
    let tenths = session.elapsedMilliseconds / 100
    let command = ShellWords.join(phase.arguments)
    var told = error
    told.details.append("stopped after \(tenths / 10).\(tenths % 10) s of \(name): \(command.prefix(200))")
    return told
  }

  private func makeCgroup(_ name: PhaseEvidence.Name, _ allowance: Allowance) throws(Failure) -> Cgroup? {
    guard let cgroupParent else { return nil }
    var resources = RuntimeSpec.Resources(
      memoryLimitInBytes: allowance.memoryInBytes, memorySwapLimitInBytes: allowance.memoryInBytes,
      pidsLimit: allowance.processes.map(Int64.init))
    if let cpus = allowance.cpus {
      resources.cpuPeriodMicroseconds = 100_000
      resources.cpuQuotaMicroseconds = Int64(cpus * 100_000)
    }
    let cgroupName = "preflight-\(sandbox.run.name)-\(name.rawValue)"
    sandbox.run.note(cgroup: "\(cgroupParent.path)/\(cgroupName)")
    return try Failure.guarding { () throws(SystemError) in
      try Cgroup(name: cgroupName, in: cgroupParent, resources: resources)
    }
  }

  private func evidence(
    _ name: PhaseEvidence.Name, _ phase: Sandbox.Phase, _ session: SandboxSession
  ) -> PhaseEvidence {
    let status = session.exit?.status
    var evidence = PhaseEvidence(
      name: name, command: phase.arguments, status: status == 0 ? .passed : .failed,
      exitCode: status.map { Int($0) },
      signal: session.exit?.signal.map { Int($0) }, endedBy: session.endedBy, startedAt: session.startedAt,
      durationMilliseconds: session.elapsedMilliseconds, log: session.log.lines, resources: session.resources,
      observations: session.observations)
    evidence.samples = session.samples
    return evidence
  }

  private static func notExecuted(
    _ name: PhaseEvidence.Name, _ phase: Sandbox.Phase, _ error: LaunchError
  ) -> PhaseEvidence {
    let code = Int(error.shellStatus)
    let reason = code == 127 ? "command not found" : SystemError("exec", code: error.code).reason
    return PhaseEvidence(
      name: name, command: phase.arguments, status: .failed, exitCode: code, endedBy: .itself,
      startedAt: Clock.seconds(),
      observations: [.notExecuted(program: phase.arguments.first ?? "", reason: reason)])
  }
}
