import Analysis
package import Formats

/// Makes plans: the one entrance to detection.
package enum Planner {
  /// The port handed to the program when nothing else is said.
  package static let defaultPort = 8080
  /// The memory a program may use when nothing else is said: what small instances of platforms have.
  package static let defaultMemoryLimitInBytes: Int64 = 512 << 20
  /// The processes and threads a program may have when nothing else is said.
  package static let defaultProcessLimit = 512

  /// Plans the check of a walked folder, which is a project of one of some ecosystems.
  ///
  /// - Throws: `Failure` when an option is wrong, or the type or start command is not determined.
  package static func plan(
    for snapshot: ProjectSnapshot, options: PlanningOptions, among ecosystems: [any Ecosystem]
  ) throws(Failure) -> Plan {
    try options.validate()
    let procfile = snapshot.text(of: "Procfile").map(Procfile.parse)
    let docker =
      options.start == nil
      ? DockerDeployment.find(
        in: snapshot, procfile: procfile, bases: ecosystems.map(\.toolchain.image.bases)) : nil
    let descriptors = Descriptors.find(in: snapshot)
    let port = options.effectivePort(of: docker, descriptors: descriptors)
    let described = StartDecision.described(
      options: options, procfile: procfile, docker: docker, descriptors: descriptors)
    let request = PlanRequest(options: options, port: port.value, docker: docker)
    var candidates = ecosystems.compactMap { $0.detect(snapshot, request) }
    let hints = EcosystemHint(ecosystems)
    if let hint = described.flatMap({ hints.ecosystem(of: $0.line) }) {
      for index in candidates.indices where candidates[index].candidate.ecosystem == hint {
        candidates[index].candidate.score += 50
        candidates[index].candidate.evidence.append("the start command")
      }
    }
    // The order of the list decides between equals.
    let ranked = candidates.enumerated().sorted { left, right in
      let scores = (left.element.candidate.score, right.element.candidate.score)
      return scores.0 == scores.1 ? left.offset < right.offset : scores.0 > scores.1
    }.map(\.element)
    let chosen = ranked.first
    let folders = ProgramFolders.find(in: snapshot)
    if described == nil, !folders.isEmpty, ProgramFolders.holdAll(of: chosen, folders) {
      throw ProgramFolders.error(folders, snapshot: snapshot)
    }
    if let obstacle = chosen?.installObstacle, options.start == nil || options.install == nil {
      throw obstacle
    }
    let start = try StartDecision.decide(
      described: described, chosen: chosen, procfile: procfile, snapshot: snapshot, options: options,
      hints: hints)
    return assemble(
      snapshot, options, port: port, procfile: procfile, docker: docker, chosen: chosen,
      others: Array(ranked.dropFirst()), start: start, descriptors: descriptors)
  }

  private static func assemble(
    _ snapshot: ProjectSnapshot, _ options: PlanningOptions, port: Sourced<Int>, procfile: Procfile?,
    docker: DockerDeployment?, chosen: EcosystemPlan?, others: [EcosystemPlan], start: StartDecision,
    descriptors: Descriptors
  ) -> Plan {
    let health =
      options.healthPath.map { Sourced($0, options.origin("health")) }
      ?? descriptors.health ?? docker?.health ?? Sourced("/", .byDefault)
    let limits = limits(options, descriptors)
    let environment = environment(
      options, port: port, docker: docker, chosen: chosen, descriptors: descriptors)
    let installed = chosen.map { ($0.install, $0.cache) } ?? bareInstall(options, snapshot)
    let process = DeployedProcess(
      docker: docker, descriptors: descriptors,
      isOfDescriptor: options.start == nil && !start.usesProcfile)
    var plan = Plan(
      projectName: snapshot.name, ecosystem: chosen?.candidate.ecosystem, framework: chosen?.framework,
      packageManager: chosen?.packageManager, requestedRuntimeVersion: chosen?.runtime,
      requiredTools: chosen?.requiredTools ?? start.command.bareTools,
      pathPrefixes: chosen?.pathPrefixes ?? [],
      manifest: chosen?.manifest, declaredDependencies: chosen?.declaredDependencies ?? [],
      install: installed.0,
      installOrigin: options.install == nil
        ? chosen?.manifest.map { .inference($0) } ?? .byDefault : options.origin("install"),
      build: chosen?.build ?? [], start: start.command,
      others: start.others(in: procfile, descriptors: descriptors, docker: docker, options: options),
      listening: start.listening, port: port,
      healthPath: health, environment: environment, limits: limits,
      detectedFrom: (start.usesProcfile ? ["Procfile \(start.processType)"] : [])
        + (chosen?.candidate.evidence ?? []),
      otherCandidates: others.map(\.candidate), dependencyCache: installed.1,
      leftOut: snapshot.leftOut.prefix(20).map { "\($0.path): \($0.why)" },
      notes: notes(snapshot, procfile, chosen, start, descriptors) + (docker?.notes ?? []) + process.notes,
      user: process.user, stopSignal: process.stopSignal)
    if let command = process.healthCommand {
      if health.origin == .byDefault {
        plan.healthCommand = command
      } else {
        plan.notes.append(
          "the health check of \(command.origin.displayed) is not run: \(health.origin.displayed) names a path, which is asked"
        )
      }
    }
    plan.notes +=
      descriptors.startNotes(taken: start.command.origin, start.command.displayed, in: docker)
      + descriptors.releaseNotes(of: plan, in: docker) + descriptors.notes(of: plan, and: docker?.compared)
    return plan
  }

  private static func bareInstall(
    _ options: PlanningOptions, _ snapshot: ProjectSnapshot
  ) -> ([[String]], Plan.DependencyCache) {
    guard let install = options.install, !install.trimmingSpace().isEmpty else {
      return ([], .cacheable(commands: [], reading: [], in: snapshot))
    }
    return (
      [["/bin/sh", "-c", install]], .notCacheable(reason: "the command of --install may read any file")
    )
  }

  /// What the ecosystem's programs are given, what the Dockerfile sets, PORT, and above all what the options say.
  private static func environment(
    _ options: PlanningOptions, port: Sourced<Int>, docker: DockerDeployment?, chosen: EcosystemPlan?,
    descriptors: Descriptors
  ) -> [Plan.EnvironmentVariable] {
    var variables: [String: Plan.EnvironmentVariable] = [:]
    for variable in chosen?.environment ?? [] { variables[variable.name] = variable }
    // What only compose says holds on the developer's own machine, and is the least of all.
    for variable in descriptors.environment(ofPlatform: false) { variables[variable.name] = variable }
    for variable in docker?.environment ?? [] { variables[variable.name] = variable }
    for variable in descriptors.environment(ofPlatform: true) { variables[variable.name] = variable }
    variables["PORT"] = Plan.EnvironmentVariable(name: "PORT", value: "\(port.value)", origin: port.origin)
    for (name, value) in options.environment {
      variables[name] = Plan.EnvironmentVariable(
        name: name, value: value, origin: options.variableOrigins[name] ?? .flag("--env"))
    }
    return variables.values.sorted { $0.name < $1.name }
  }

  private static func limits(_ options: PlanningOptions, _ descriptors: Descriptors) -> Plan.Limits {
    Plan.Limits(
      memoryInBytes: options.memoryLimitInBytes.map { Sourced($0, options.origin("memory")) }
        ?? descriptors.memoryInBytes ?? Sourced(defaultMemoryLimitInBytes, .byDefault),
      processes: options.processLimit.map { Sourced($0, options.origin("pids")) }
        ?? Sourced(defaultProcessLimit, .byDefault),
      cpus: options.cpuLimit.map { Sourced($0, options.origin("cpus")) },
      diskInBytes: options.diskLimitInBytes.map { Sourced($0, options.origin("disk")) })
  }

  private static func notes(
    _ snapshot: ProjectSnapshot, _ procfile: Procfile?, _ chosen: EcosystemPlan?, _ start: StartDecision,
    _ descriptors: Descriptors
  ) -> [String] {
    var notes = (procfile?.problems ?? []) + (chosen?.notes ?? []) + start.notes
    let isRead = descriptors.all.contains { $0.variables.contains { $0.file == ".env" } }
    if snapshot.contains(".env"), !isRead {
      notes.append(
        ".env is not loaded: a deployment does not bring it; give variables with --env or --env-file")
    }
    notes += snapshot.workspaceNotes
    if let pointers = snapshot.largeFilePointers, let first = pointers.first {
      notes.append(
        "\(pointers.count) files are pointers of git-lfs, and not the files themselves; the first is \(first)"
      )
    }
    if snapshot.truncated {
      notes.append("the project has more files than were looked at (\(snapshot.entries.count))")
    }
    if let first = snapshot.unreadable.first {
      notes.append("\(snapshot.unreadable.count) paths cannot be read, the first is \(first)")
    }
    return notes
  }
}
