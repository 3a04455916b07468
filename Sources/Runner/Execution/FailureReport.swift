import Analysis
import Egress
package import Formats
import Isolate
import Planning
import Reports
import Sandbox

extension Report {
  /// The report of a check that could not be carried out: inconclusive, with the reason as its summary.
  package init(_ error: Failure, options: CheckOptions) {
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
    if let subject = error.subject { findings = [Finding(error, about: subject)] }
  }
}

extension Finding {
  /// What kept a project from being planned, as a finding: where and what, what was looked for, what to do.
  fileprivate init(_ error: Failure, about subject: String) {
    let isFile = !subject.hasPrefix("/") && !subject.hasPrefix("-")
    self.init(
      rule: "project-not-determined", category: .configuration, subject: error.cause.rawValue,
      title: isFile ? error.headline : error.message,
      message: error.details.isEmpty ? "Nothing was run." : error.details.joined(separator: "\n"),
      fix: Fix(error.remedy ?? ""), evidence: [Proof(kind: .file, text: error.headline)],
      location: isFile ? Location(file: subject) : nil)
  }
}
