package import Analysis
import Formats
import Isolate

/// The result of a check; every output format is a rendering of this value.
///
/// Its JSON form is the contract of docs/report.schema.json, schema version 2.
package struct Report: Sendable, Codable, Equatable {
  /// The version of docs/report.schema.json that this program writes and reads.
  package static let currentSchemaVersion = "2"

  package var schemaVersion: String
  package var tool: Tool
  /// ISO 8601, in UTC.
  package var startedAt: String
  package var durationMilliseconds: Int
  package var verdict: Verdict
  /// One sentence.
  package var summary: String
  package var project: Project
  package var plan: Plan
  package var isolation: Isolation
  package var phases: [Phase]
  /// The project's other processes; nil when it has none.
  package var processes: [Process]?
  package var findings: [Finding]
  package var egress: [EgressAttempt]
  package var listening: [ListeningSocket]
  /// How long the program was watched after its first answer; nil when it gave none.
  package var settlingMilliseconds: Int?
  package var filesystem: Filesystem
  /// The command that repeats the check on the same, to be pasted into a shell.
  package var again: String
  /// Only present when it was asked for.
  package var ai: AI?

  /// Puts a report together.
  ///
  /// `startedAt` is in seconds since 1970; `logFiles` says where each phase's full log was kept, if it was.
  package init(
    tool: Tool, startedAt: Double, durationMilliseconds: Int, evidence: Evidence, judgement: Judgement,
    others: [OtherProcessEvidence] = [], project: Project, plan: Plan, isolation: Isolation,
    logFiles: [PhaseEvidence.Name: String] = [:],
    ai: AI? = nil
  ) {
    schemaVersion = Report.currentSchemaVersion
    self.tool = tool
    self.startedAt = Moment.text(secondsSince1970: startedAt)
    self.durationMilliseconds = durationMilliseconds
    verdict = judgement.verdict
    summary = Summary.sentence(judgement, evidence: evidence)
    self.project = project
    self.plan = plan
    self.isolation = isolation
    phases = evidence.phases.map { Phase($0, logFile: logFiles[$0.name]) }
    processes = others.isEmpty ? nil : others.map(Process.init)
    findings = judgement.findings
    egress = evidence.egress + others.flatMap { $0.run?.egress ?? [] }
    listening = evidence.listening
    settlingMilliseconds = evidence.settling?.milliseconds
    filesystem = Filesystem(written: evidence.filesWritten)
    var invocation = evidence.settings.invocation
    invocation.source = project.source
    again = Report.again(invocation, on: plan.image)
    self.ai = ai
  }

  private static func again(_ invocation: Invocation, on image: Plan.Image?) -> String {
    let isNamed = invocation.options.contains { $0.name == "--image" && $0.value != "auto" }
    let changes = image.flatMap { isNamed ? nil : [Invocation.Option("--image", $0.reference)] } ?? []
    return ShellWords.join(invocation.words(changes))
  }
}

extension Report {
  /// The program that made the report.
  package struct Tool: Sendable, Codable, Equatable {
    package var name: String
    package var version: String

    /// Makes a tool's name and version.
    package init(name: String = "preflight", version: String) {
      self.name = name
      self.version = version
    }
  }

  /// What was checked and how it was recognised.
  package struct Project: Sendable, Codable, Equatable {
    package var name: String
    /// The folder, URL or archive the user named.
    package var source: String
    package var ecosystem: String?
    package var framework: String?
    package var packageManager: String?
    package var runtimeVersion: String?
    /// The files that settled it.
    package var detectedFrom: [String]

    /// Makes a project's description.
    package init(
      name: String, source: String, ecosystem: String? = nil, framework: String? = nil,
      packageManager: String? = nil, runtimeVersion: String? = nil, detectedFrom: [String] = []
    ) {
      self.name = name
      self.source = source
      self.ecosystem = ecosystem
      self.framework = framework
      self.packageManager = packageManager
      self.runtimeVersion = runtimeVersion
      self.detectedFrom = detectedFrom
    }
  }

  /// Files the program left behind.
  package struct Filesystem: Sendable, Codable, Equatable {
    package var written: [WrittenFile]

    /// Makes a list of written files.
    package init(written: [WrittenFile] = []) {
      self.written = written
    }
  }
}
