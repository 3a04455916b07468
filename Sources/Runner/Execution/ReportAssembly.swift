import Analysis
import Egress
import Formats
import Isolate
import Planning
import Reports
import Sandbox

/// Puts the report together from the plan, the surroundings and the judged evidence.
struct ReportAssembly {
  let plan: Plan
  let options: CheckOptions
  let tools: [String: LocatedTool]
  let isolation: IsolationSurvey
  let sandbox: Sandbox
  let indexes: IndexSettings

  func report(
    _ evidence: Evidence, _ others: [OtherProcessEvidence], _ judgement: Judgement, startedAt: Double,
    milliseconds: Int
  ) -> Report {
    var extra: [Report.Isolation.Degradation] = []
    if case .copy(let why) = sandbox.layer, !sandbox.isInPlace {
      extra.append(
        .init(
          what: "the project was copied instead of overlaid", why: why,
          remedy: "set XDG_CACHE_HOME to a directory that is not on an overlay filesystem"))
    }
    if sandbox.run.isInMemory {
      extra.append(
        .init(
          what: "all is in memory, and nothing is kept for the next check",
          why: "there is no folder here that can be written and whose files can be executed",
          remedy: "set XDG_CACHE_HOME to such a folder, as of a volume (docker: --tmpfs /tmp:exec)"))
    }
    if let why = sandbox.exposure {
      extra.append(
        .init(
          what: "the sandbox's mount table names the folder that preflight keeps its files in", why: why,
          remedy: "set XDG_CACHE_HOME to a directory that is not on an overlay filesystem"))
    }
    if let why = sandbox.hidingRefusal {
      extra.append(
        .init(
          what: "files that would not be deployed are shown", why: why,
          remedy: "use a kernel of 5.8 or newer, or check a clean clone"))
    }
    for less in sandbox.ownRootDegradations {
      extra.append(.init(what: less.what, why: less.why, remedy: less.remedy))
    }
    if let less = sandbox.stored?.degradation {
      extra.append(.init(what: less.what, why: less.why, remedy: less.remedy))
    }
    for less in indexes.degradations {
      extra.append(.init(what: less.what, why: less.why, remedy: less.remedy))
    }
    if let why = sandbox.outsideWatchRefusal {
      extra.append(
        .init(
          what: "attempts to reach addresses are refused but not recorded", why: why,
          remedy: "run where packet sockets are (CONFIG_PACKET), outside of a filter that refuses them"))
    }
    if !sandbox.silentPorts.isEmpty {
      let ports = sandbox.silentPorts.sorted().map(String.init).joined(separator: ", ")
      extra.append(
        .init(
          what: "nobody's datagrams reach the program's UDP port \(ports)",
          why: "without a network of its own whatever it sent from there could not be held",
          remedy: "allow namespaces, as for L3"))
    }
    return Report(
      tool: .init(version: ReleaseVersion.current), startedAt: startedAt, durationMilliseconds: milliseconds,
      evidence: evidence,
      judgement: judgement, others: others, project: project(evidence), plan: planSection,
      isolation: isolation.section(extra: extra, ran: sandbox.confinement, landlock: sandbox.hasLandlock))
  }

  private func project(_ evidence: Evidence) -> Report.Project {
    Report.Project(
      name: plan.projectName, source: options.source, ecosystem: plan.ecosystem?.rawValue,
      framework: plan.framework,
      packageManager: plan.packageManager, runtimeVersion: evidence.project.runtimeVersion,
      detectedFrom: plan.detectedFrom)
  }

  private var planSection: Report.Plan {
    let install = plan.installCommands(with: tools)
    var variables = [Report.Plan.Variable(name: "PORT", set: true, source: "platform")]
    variables += plan.environment.filter { $0.name != "PORT" }.map {
      .init(name: $0.name, set: $0.value != nil, source: $0.origin.displayed)
    }
    var section = Report.Plan(
      image: .init(
        reference: plan.image?.reference ?? HostImage.reference, digest: plan.image?.digest,
        reason: plan.image?.reason),
      install: install.map(ShellWords.join),
      build: plan.build.map(ShellWords.join), start: plan.start.displayed, port: plan.port.value,
      healthPath: plan.healthPath.value, environment: variables,
      limits: .init(
        memoryBytes: plan.limits.memoryInBytes?.value, cpus: plan.limits.cpus?.value,
        pids: plan.limits.processes?.value, timeoutMilliseconds: options.timeoutMilliseconds,
        diskBytes: sandbox.disk?.limit),
      network: options.policy.commandLineValue, notes: plan.notes)
    section.sources = sources
    return section
  }

  private var sources: [Report.Plan.Source] {
    let limits = plan.limits
    let known: [(String, Origin?)] = [
      ("install", plan.installOrigin), ("start", plan.start.origin), ("port", plan.port.origin),
      ("health path", plan.healthPath.origin), ("memory", limits.memoryInBytes?.origin),
      ("processors", limits.cpus?.origin), ("processes", limits.processes?.origin),
      ("disk", limits.diskInBytes?.origin),
    ]
    return known.compactMap { value, origin in
      origin.flatMap { $0.displayed.isEmpty ? nil : .init(value, $0.displayed) }
    }
  }
}
