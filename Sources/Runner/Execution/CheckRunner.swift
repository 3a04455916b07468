import Analysis
import Ecosystems
import Egress
package import Formats
import Glibc
import Images
import Isolate
import Planning
package import Reports
package import Sandbox

/// One check from folder to report: plans, installs, starts, probes, stops, judges.
package final class CheckRunner {
  /// What a check gives back.
  package struct Outcome {
    package var report: Report
    /// Whether nothing was learnt of the project and repeating may help (exit status 75).
    package var isTransient: Bool
    /// Every line with its time, when it was to be recorded.
    package var recording: Recording?
    /// Where the run's files are, when they were to be kept.
    package var keptAt: String?
    /// What is still being closed: whoever lets go of the outcome waits for it.
    var closes: SlowCloses
  }

  static let installMemoryInBytes: Int64 = 2 << 30

  /// With what the project's own files say, once they are there.
  package private(set) var options: CheckOptions
  let observer: any CheckObserver
  let interruption: Interruption
  private let supply: ImageSupply?

  /// Makes a runner for one check; without a `supply` images are neither fetched nor built.
  package init(
    options: CheckOptions, observer: any CheckObserver, interruption: Interruption, supply: ImageSupply? = nil
  ) {
    self.options = options
    self.supply = supply
    self.observer = observer
    self.interruption = interruption
  }

  /// Carries the check out. Whatever happens, nothing it made is left but what was asked to be kept.
  package func run() throws(Failure) -> Outcome {
    let startedAt = Clock.seconds()
    let started = Clock.milliseconds()
    return try StateDirectory.withRun(
      options.hostEnvironment, runsProjects: true, keepsRun: options.keepsRun
    ) { state, run throws(Failure) in
      try check(run, state, startedAt: startedAt, started: started)
    }
  }

  private func check(
    _ run: RunDirectory, _ state: StateDirectory, startedAt: Double, started: Int
  ) throws(Failure) -> Outcome {
    let prepared = try prepare(run, state)
    LastCheck.keep(options, in: state)
    let (snapshot, plan, tools, host) = (
      prepared.planned.snapshot, prepared.planned.plan, prepared.tools, prepared.host
    )
    let (isolation, sandbox, driver) = (prepared.isolation, prepared.sandbox, prepared.driver)
    let installer = prepared.installer
    if options.recordsOutput { driver.record(since: started) }
    let launcher = StartPhase(plan: plan, options: options, tools: tools, driver: driver, host: host)
    var evidence = Evidence(
      project: Self.facts(plan, snapshot, tools), settings: launcher.settings(isolation: isolation))
    evidence.phases = try installer.run()
    let installed = Set(writtenFiles(sandbox, run, snapshot).map(\.path))
    let isInstalled = evidence.phases.allSatisfy { $0.status == .passed || $0.status == .cached }
    let processes = OtherProcesses(
      plan: plan, options: options, tools: tools, driver: driver, host: host, isolation: isolation,
      project: evidence.project)
    evidence.egress = installer.cachedEgress + driver.egress
    var others: [OtherProcessEvidence] = []
    if isInstalled { others = try processes.runReleases() }
    let isReleased = others.allSatisfy { $0.isWell || $0.run == nil }
    if isInstalled, isReleased {
      let before = driver.egress.count
      try launcher.run(into: &evidence)
      evidence.egress += driver.egress.dropFirst(before)
    } else {
      evidence.phases += [.start, .probe, .stop].map { PhaseEvidence(name: $0, status: .skipped) }
    }
    others += try processes.runServices(
      unless: !isInstalled ? "the installation failed" : isReleased ? nil : "the release command failed")
    evidence.filesWritten = WrittenFiles.described(
      writtenFiles(sandbox, run, snapshot), except: installed, upper: "\(run.shownPath)/upper",
      prefix: sandbox.projectRoot, in: snapshot)
    let judgement = Judgement(of: evidence, and: others).suppressing(
      commentsIn: evidence.project.texts, baseline: options.baseline, phases: evidence.phases)
    let report = ReportAssembly(
      plan: plan, options: options, tools: tools, isolation: isolation, sandbox: sandbox,
      indexes: host.indexes
    )
    .report(evidence, others, judgement, startedAt: startedAt, milliseconds: Clock.milliseconds() - started)
    return Outcome(
      report: report, isTransient: judgement.isTransient, recording: driver.recording,
      keptAt: options.keepsRun ? run.path : nil, closes: sandbox.closes)
  }

  /// All that is there before the first phase begins.
  struct Preparation {
    let planned: PlannedCheck
    let host: HostNetwork
    let isolation: IsolationSurvey
    let tools: [String: LocatedTool]
    let sandbox: Sandbox
    let driver: PhaseDriver
    let installer: InstallPhase
  }

  /// Fetches the source, plans, and makes the sandbox; nothing of the project has run then.
  func prepare(
    _ run: RunDirectory, _ state: StateDirectory, limitsTime: Bool = true
  ) throws(Failure) -> Preparation {
    let folder = try SourceFolder(
      run: run, environment: options.hostEnvironment, interruption: interruption
    ).prepare(options.sourceName)
    options = try options.reading(projectAt: folder)
    if limitsTime { interruption.limit(milliseconds: options.timeoutMilliseconds) }
    var isolation = IsolationSurvey(options: options)
    // Where nothing can be mounted an image is a copy at best: nobody gets that unasked.
    if !isolation.confinement.hasNamespaces, options.imageRequest == .byDefault {
      options.imageRequest = .host
    }
    let planned = try PlannedCheck(options, folder: folder, state: state, supply: supply)
    try interruption.check()
    let plan = planned.plan
    plan.notes.forEach { observer.note($0) }
    if planned.image == nil, options.imageRequest == .automatic {
      observer.note("runs on the host's own files: \(plan.image?.reason ?? "")")
    }
    EnvironmentStore.removeOld(in: state)
    DownloadStore.removeOld(in: state)
    LastCheck.removeOld(in: state)
    let host = try HostNetwork(options.hostEnvironment, keepsLogins: options.keepsIndexLogins)
    try isolation.requireLevel(options.minimumLevel)
    if let image = planned.image?.image { try isolation.use(image: image.reference.familiar, options) }
    if let less = isolation.weakness { observer.note(less) }
    if !isolation.confinement.hasNamespaces {
      try isolation.requirePort(plan.port.value)
    }
    if isolation.confinement == .otherUser { try run.becomeReachable(in: state) }
    let hostTools = planned.image == nil ? try locateTools(plan) : [:]
    let sandbox = try sandbox(for: planned, run, host, isolation.confinement)
    if let less = sandbox.ownRootDegradations.first { observer.note(less.what) }
    sandbox.tools = Array(hostTools.values)
    if let bytes = options.scratchBytes { sandbox.scratchBytes = bytes }
    sandbox.askedStopSignal = plan.stopSignal.flatMap { SignalName.number($0.value) }
    let driver = PhaseDriver(
      sandbox: sandbox, interruption: interruption, observer: observer, upstream: host.upstream,
      cgroupParent: isolation.cgroupParent)
    let tools = sandbox.stored == nil ? hostTools : try ImageTools(driver: driver, plan: plan).locate()
    let installer = InstallPhase(
      plan: plan, options: options, tools: tools, state: state, host: host, driver: driver)
    return Preparation(
      planned: planned, host: host, isolation: isolation, tools: tools, sandbox: sandbox, driver: driver,
      installer: installer)
  }

  private func writtenFiles(
    _ sandbox: Sandbox, _ run: RunDirectory, _ snapshot: ProjectSnapshot
  ) -> [WrittenFile] {
    guard sandbox.layer == .overlay else { return [] }
    return WrittenFiles.list(
      upper: "\(run.path)/upper", lower: snapshot.root, prefix: sandbox.projectRoot)
  }

  private func sandbox(
    for planned: PlannedCheck, _ run: RunDirectory, _ host: HostNetwork, _ confinement: Confinement
  ) throws(Failure) -> Sandbox {
    let stored = try planned.image.map { image throws(Failure) in
      observer.note("runs on \(image.image.reference.familiar): \(planned.plan.image?.reason ?? "")")
      return try StoredRootfs(image.image, of: image.store, in: run, hostname: Sandbox.hostname)
    }
    let limits = planned.plan.limits
    return try Sandbox(
      run: run, project: planned.snapshot.root,
      hidden: planned.snapshot.leftOut.filter(\.isHidden).map(\.path), certificates: host.certificates,
      indexes: host.indexes,
      stored: stored,
      limits: .init(
        memoryInBytes: limits.memoryInBytes?.value,
        disk: DiskUse(limit: limits.diskInBytes?.value, at: run.shownPath), confinement: confinement),
      user: (planned.plan.user?.value ?? .usual).inSandbox, settingsFolders: Catalog.settingsFolders,
      added: planned.snapshot.added)
  }

  /// Finds the interpreters the plan needs.
  private func locateTools(_ plan: Plan) throws(Failure) -> [String: LocatedTool] {
    let searchPath = options.hostEnvironment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"
    let locator = ToolLocator(searchPath: searchPath, environment: options.hostEnvironment)
    let range = plan.requestedRuntimeVersion.map { RuntimeRange($0.version) }
    var tools: [String: LocatedTool] = [:]
    for name in plan.requiredTools {
      let ecosystem = Catalog.ecosystem(ofRuntime: name)
      guard
        let tool = locator.locate(
          name, range: ecosystem == nil ? nil : range,
          series: Catalog.ecosystem(plan.ecosystem)?.seriesLength ?? 1)
      else {
        // A start command's own program may come with the dependencies: its absence is then found by running it.
        let owner = ecosystem ?? Catalog.all.first { $0.toolchain.companions.contains(name) }
        guard let owner else { continue }
        throw Failure(
          .unavailable,
          "\(name) is not installed on this machine, and the image `host` takes it from there",
          remedy: "install it (Debian: apt-get install \(owner.toolchain.debianPackages))")
      }
      tools[name] = tool
    }
    return tools
  }

  static func facts(
    _ plan: Plan, _ snapshot: ProjectSnapshot, _ tools: [String: LocatedTool]
  ) -> ProjectFacts {
    let known = Catalog.ecosystem(plan.ecosystem)
    var facts = ProjectFacts(
      name: plan.projectName, ecosystem: plan.ecosystem?.rawValue,
      runtimeVersion: known.flatMap { tools[$0.toolchain.runtime]?.version }, files: snapshot.files,
      manifest: plan.manifest, declaredDependencies: plan.declaredDependencies)
    facts.texts = ProjectTexts.read(snapshot)
    facts.applications = ProjectTexts.applications(in: facts.texts)
    facts.startSource = plan.start.origin.displayed
    facts.startLine = plan.start.displayed
    facts.leftOut = snapshot.leftOut.map { item in
      var place = Finding.Location(file: item.path)
      if case .ignored(let file, let line, _) = item.reason {
        place = Finding.Location(file: file, line: line)
      }
      return LeftOutFile(
        path: item.path, files: item.isFolder ? item.files : [item.path], why: item.why, place: place,
        variables: item.isFolder ? [] : snapshot.variables(in: item))
    }
    if let known, let request = plan.requestedRuntimeVersion,
      let version = facts.runtimeVersion
    {
      let match = RuntimeRange(request.version).match(version, series: known.seriesLength)
      facts.runtimeRequest = RuntimeRequest(
        version: request.version, source: request.source, file: request.file,
        isMet: match != .unsatisfied)
    }
    return facts
  }
}
