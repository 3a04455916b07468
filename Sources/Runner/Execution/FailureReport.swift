import Analysis
import Egress
import Isolate
package import Planning
import Reports
package import Sandbox

extension Report {
  /// The report of a check that could not be carried out: inconclusive, with the reason as its summary.
  package init(_ error: RunnerError, options: CheckOptions) {
    let name = options.source.split(separator: "/").last.map(String.init) ?? options.source
    var evidence = Evidence(project: ProjectFacts(name: name), settings: RunSettings())
    evidence.settings.invocation = options.invocation ?? Invocation(source: options.source)
    let lines = error.description.split(whereSeparator: \.isNewline)
    self.init(
      tool: .init(version: ReleaseVersion.current), startedAt: Clock.seconds(), durationMilliseconds: 0,
      evidence: evidence,
      judgement: Judgement(findings: [], phases: []), project: .init(name: name, source: options.source),
      plan: .init(network: options.policy.commandLineValue),
      isolation: IsolationSurvey(options: options).section(extra: []))
    verdict = .inconclusive
    summary = lines.joined(separator: " ")
    if let planning = error.origin as? PlanningError { findings = [Finding(planning)] }
  }
}

extension RunnerError {
  /// An error of the planning stage, with its own exit status.
  package init(_ error: PlanningError) {
    self.init(error.exitCategory == .usage ? .usage : .undetermined, error.description)
    origin = error
  }
}

extension Finding {
  /// What kept a project from being planned, as a finding: where and what, what was looked for, what to do.
  fileprivate init(_ error: PlanningError) {
    let isFile = !error.subject.hasPrefix("/") && !error.subject.hasPrefix("-")
    self.init(
      rule: "project-not-determined", category: .configuration, subject: error.kind.rawValue,
      title: isFile ? "\(error.subject): \(error.what)" : error.what,
      message: error.details.isEmpty ? "Nothing was run." : error.details.joined(separator: "\n"),
      fix: Fix(error.remedy), evidence: [Proof(kind: .file, text: "\(error.subject): \(error.what)")],
      location: isFile ? Location(file: error.subject) : nil)
  }
}
