import Analysis
import Formats
import Planning
import Sandbox

/// Runs the processes of a project besides the one of the start command, one after the other.
struct OtherProcesses {
  let plan: Plan
  let options: CheckOptions
  let tools: [String: LocatedTool]
  let driver: PhaseDriver
  let host: HostNetwork
  let isolation: IsolationSurvey
  let project: ProjectFacts

  /// Runs `release`: what it prepares is there when the program starts.
  func runReleases() throws(Failure) -> [OtherProcessEvidence] {
    try run(plan.others.filter(\.isRelease))
  }

  /// Runs the others after the program; with a reason none is run.
  func runServices(unless reason: String?) throws(Failure) -> [OtherProcessEvidence] {
    try run(plan.others.filter { !$0.isRelease }, unless: reason)
  }

  private func run(
    _ processes: [Plan.OtherProcess], unless reason: String? = nil
  ) throws(Failure) -> [OtherProcessEvidence] {
    var results: [OtherProcessEvidence] = []
    for process in processes {
      let isNeeded = process.isRelease || process.isService
      if let why = process.notRun ?? reason {
        results.append(OtherProcessEvidence(name: process.name, run: nil, notRun: why, isNeeded: isNeeded))
        continue
      }
      let phase = StartPhase(
        plan: plan.alone(process), options: options, tools: tools, driver: driver, host: host,
        process: process.name, mustEnd: process.isRelease)
      var evidence = Evidence(project: project, settings: phase.settings(isolation: isolation))
      // What is said of the project as a whole is said once.
      evidence.project.runtimeRequest = nil
      let start = plan.alone(process).start
      evidence.project.startSource = start.origin.displayed
      evidence.project.startLine = start.displayed
      let before = driver.egress.count
      try phase.run(into: &evidence)
      evidence.egress = Array(driver.egress.dropFirst(before))
      results.append(OtherProcessEvidence(name: process.name, run: evidence, isNeeded: isNeeded))
    }
    return results
  }
}
