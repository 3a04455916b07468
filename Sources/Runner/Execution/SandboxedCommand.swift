import Analysis
import CShims
import Ecosystems
import Egress
package import Formats
import Glibc
import Images
import Isolate
import Planning
package import Reports
package import Sandbox

/// Runs any command in the sandbox a check would use, with the caller's standard streams.
package final class SandboxedCommand {
  private let options: CheckOptions
  private let interruption: Interruption
  /// As root RLIMIT_NPROC does not count (getrlimit(2)); where it does, the watchdog is a second look.
  private var limits = Watchdog.Limits()

  /// Makes a runner; `options.source` is the folder shown at /app.
  package init(options: CheckOptions, interruption: Interruption) {
    self.options = options
    self.interruption = interruption
  }

  /// Runs the command and gives what a shell would say of its end.
  package func run(_ arguments: [String], asInCheck: Bool = false) throws(Failure) -> Int32 {
    try StateDirectory.withRun(options.hostEnvironment, runsProjects: asInCheck) {
      state, run throws(Failure) in
      try self.run(arguments, in: run, state)
    }
  }

  private func run(
    _ arguments: [String], in run: RunDirectory, _ state: StateDirectory
  ) throws(Failure) -> Int32 {
    let confinement = Confinement.attempt()
    if !confinement.hasNamespaces {
      // Before anything runs.
      let hasOwnRoot = confinement == .otherUser && options.image != nil
      if let less = hasOwnRoot ? OwnRoot.warning : confinement.warning {
        StandardStream.standardError("preflight: \(less)\n")
      }
      if confinement == .otherUser { try run.becomeReachable(in: state) }
    }
    let host = try HostNetwork(options.hostEnvironment)
    let project = try folder(of: run)
    var stored: StoredRootfs?
    if let image = options.image {
      stored = try StoredRootfs(image.image, of: image.store, in: run, hostname: Sandbox.hostname)
    }
    let memory = options.planning.memoryLimitInBytes
    let disk = options.planning.diskLimitInBytes.flatMap { DiskUse(limit: $0, at: run.shownPath) }
    let sandbox = try Sandbox(
      run: run, project: project, certificates: host.certificates, indexes: host.indexes,
      stored: stored,
      limits: .init(memoryInBytes: memory, disk: disk, confinement: confinement),
      user: Plan.User.usual.inSandbox, settingsFolders: Catalog.settingsFolders)
    limits = .init(memoryInBytes: memory, processes: options.planning.processLimit, disk: sandbox.disk)
    var environment = environment(of: stored)
    environment.merge(SandboxNetworkEnvironment.proxy(port: Int(SandboxNetwork.proxyPort))) { $1 }
    if !host.certificates.isEmpty {
      environment.merge(SandboxNetworkEnvironment.certificates(bundlePath: HostImage.certificates)) { $1 }
    }
    for (name, value) in options.planning.environment { environment[name] = value }
    let command = arguments.isEmpty ? stored?.settings.command ?? [] : arguments
    if command.isEmpty {
      throw Failure(
        .usage, "the image says nothing of a command", remedy: "give one after --, for example -- /bin/sh")
    }
    var phase = Sandbox.Phase(arguments: command, environment: environment)
    if let stored, project == nil { phase.workingDirectory = stored.settings.workingDirectory }
    phase.processLimit = options.planning.processLimit
    let policy = options.policy.includesRegistries ? options.policy.adding(host.entries) : options.policy
    return try attach(sandbox, phase, policy, host.upstream)
  }

  /// Runs a command as the program of a check would be run: the same dependencies, variables, folder and limits.
  ///
  /// Where the installation fails, the command runs in what it has left, and as an installation does.
  package func run(_ arguments: [String], inCheckBy observer: any CheckObserver, as process: String?)
    throws(Failure) -> Int32
  {
    try StateDirectory.withRun(options.hostEnvironment, runsProjects: true) {
      state, run throws(Failure) in
      try self.run(arguments, inCheckBy: observer, as: process, run, state)
    }
  }

  private func run(
    _ arguments: [String], inCheckBy observer: any CheckObserver, as process: String?, _ run: RunDirectory,
    _ state: StateDirectory
  ) throws(Failure) -> Int32 {
    let check = CheckRunner(options: options, observer: observer, interruption: interruption)
    // A person may stay as long as they like: the check's time limit is none of theirs.
    let prepared = try check.prepare(run, state, limitsTime: false)
    let options = check.options
    let plan = prepared.planned.plan
    if let process, !plan.processNames.contains(process) {
      throw Failure(
        .usage, "the project has no process \(process)",
        remedy: "its processes: \(plan.processNames.joined(separator: ", "))")
    }
    let failed = try prepared.installer.run().first { $0.status == .failed }
    if let failed {
      observer.note("\(failed.name.rawValue) fails, as in the check; the command runs in what it has left")
    }
    let sandbox = prepared.sandbox
    var phase = Sandbox.Phase(arguments: arguments, environment: [:])
    phase.processLimit = plan.limits.processes?.value
    let policy: EgressPolicy
    if failed != nil {
      phase.environment = PhaseEnvironment.install(
        plan, tools: prepared.tools, host: prepared.host, stored: sandbox.stored)
      phase.installs = true
      limits = .init(memoryInBytes: CheckRunner.installMemoryInBytes, disk: sandbox.disk)
      policy = prepared.installer.policy
    } else {
      let launcher = StartPhase(
        plan: plan, options: options, tools: prepared.tools, driver: prepared.driver, host: prepared.host)
      phase.environment = launcher.environment
      limits = .init(
        memoryInBytes: plan.limits.memoryInBytes?.value, processes: phase.processLimit, disk: sandbox.disk)
      policy = launcher.policy
    }
    phase.environment["TERM"] = terminalName
    return try attach(sandbox, phase, policy, prepared.host.upstream)
  }

  /// The folder shown at /app; nil with an image that has files of its own there.
  private func folder(of run: RunDirectory) throws(Failure) -> String? {
    if options.image != nil, options.source.isEmpty { return nil }
    let source =
      options.source.isEmpty
      ? "."
      : try SourceFolder(run: run, environment: options.hostEnvironment, interruption: interruption)
        .prepare(options.sourceName)
    guard let project = Files.real(source), Directories.kind(of: project) == S_IFDIR else {
      throw Failure(.usage, "\(source): no such folder", remedy: "name a folder that is there")
    }
    return project
  }

  private func environment(of stored: StoredRootfs?) -> [String: String] {
    let path = RuntimeSpec.standardFolders
    guard let stored else {
      return ["PATH": path, "HOME": HostImage.home, "USER": "app", "LANG": "C.UTF-8", "TERM": terminalName]
    }
    let home = stored.user.home ?? "/"
    return ["PATH": path, "HOME": home, "TERM": terminalName].merging(stored.settings.environment) { $1 }
  }

  private var terminalName: String { options.hostEnvironment["TERM"] ?? "dumb" }

  private func attach(
    _ sandbox: Sandbox, _ command: Sandbox.Phase, _ policy: EgressPolicy, _ upstream: UpstreamProxy
  ) throws(Failure) -> Int32 {
    var phase = command
    phase.terminal = Self.terminalSize
    phase.runsInit = true
    var settings = ContainerOptions()
    settings.runsInit = true
    settings.listeners = SandboxNetwork.listeners
    settings.opensSockets = limits.memoryInBytes != nil
    settings.loopbackAddress = SandboxNetwork.outsideAddress
    settings.lifeline = interruption.lifeline
    let started = try Sandbox.PhaseStartError.started { () throws(Sandbox.PhaseStartError) in
      try sandbox.start(phase, settings)
    }
    let container: Container
    switch started {
    case .success(let running): container = running
    case .failure(let error):
      StandardStream.standardError("preflight: \(TerminalText.lines("\(error)"))\n")
      return error.shellStatus
    }
    let said = container.confinement.hasNamespaces ? nil : container.confinement.warning
    for warning in container.warnings where warning != said {
      StandardStream.standardError("preflight: \(warning)\n")
    }
    for less in sandbox.ownRootDegradations { StandardStream.standardError("preflight: \(less.what)\n") }
    if let less = sandbox.stored?.degradation {
      StandardStream.standardError("preflight: \(less.what): \(less.why)\n\(less.remedy)\n")
    }
    var terminal = container.console.map { TerminalRelay(master: $0) }
    defer { terminal?.finish() }
    let network = try SandboxNetwork(
      container, phase: .start, policy: policy, upstream: upstream, folders: sandbox.lentFolders(phase))
    defer { network.shutdown() }
    let watchdog = try Failure.guarding { () throws(SystemError) in try Watchdog(container, limits) }
    while true {
      var watched = [
        pollfd(fd: container.processDescriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: interruption.descriptor, events: Int16(POLLIN), revents: 0),
        pollfd(fd: terminal?.input ?? -1, events: Int16(POLLIN), revents: 0),
        pollfd(fd: terminal?.master ?? -1, events: Int16(POLLIN), revents: 0),
      ]
      _ = unsafe poll(&watched, 4, 1000)
      if watched[2].revents != 0 { terminal?.takeInput() }
      if watched[3].revents != 0 { terminal?.takeOutput() }
      let signal = isl_signalfd_read(interruption.descriptor)
      if signal == SIGWINCH {
        terminal?.resize()
      } else if signal > 0 {
        // Whoever ends us asks the command to stop, as its image wants to be asked.
        container.signal(signal == SIGTERM ? sandbox.stopSignal : signal)
      }
      if interruption.isPastDeadline {
        container.signal(SIGKILL)
        throw Failure(
          .timeLimit, "the command took longer than its time limit", remedy: "raise it with --timeout")
      }
      let end = try Failure.guarding { () throws(IsolateError) in try container.exitIfEnded() }
      if let end {
        if let verdict = watchdog.end() {
          StandardStream.standardError("preflight: killed: \(limits.described(verdict))\n")
        }
        return end.shellStatus
      }
    }
  }

  /// The size of our terminal; nil unless both standard input and output are one.
  private static var terminalSize: RuntimeSpec.ConsoleSize? {
    guard isatty(0) == 1, isatty(1) == 1 else { return nil }
    var size = winsize()
    _ = unsafe ioctl(0, UInt(TIOCGWINSZ), &size)
    return .init(height: size.ws_row, width: size.ws_col)
  }
}
