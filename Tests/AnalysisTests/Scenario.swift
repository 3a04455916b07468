import Ecosystems
import FoundationEssentials
import SignatureFiles
import TestSupport

@testable import Analysis

/// Recorded output of real tools, from Tests/Fixtures/analysis.
enum Fixture {
  struct Missing: Error { var path: String }

  static func text(_ name: String) throws -> String {
    let path = Repository.root + "/Tests/Fixtures/analysis/\(name).txt"
    guard let data = FileManager.default.contents(atPath: path) else { throw Missing(path: path) }
    return String(decoding: data, as: UTF8.self)
  }

  /// The names of all fixtures.
  static func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Repository.root + "/Tests/Fixtures/analysis")
      .filter { $0.hasSuffix(".txt") }.map { String($0.dropLast(4)) }.sorted()
  }

  static func lines(_ name: String, stream: LogLine.Stream = .stderr) throws -> [LogLine] {
    log(try text(name), stream: stream)
  }

  /// Makes log lines of a text, ten milliseconds apart.
  static func log(_ text: String, stream: LogLine.Stream = .stderr) -> [LogLine] {
    var parts = text.split(separator: "\n", omittingEmptySubsequences: false)
    if parts.last == "" { parts.removeLast() }
    return parts.enumerated().map { index, part in
      LogLine(number: index + 1, milliseconds: index * 10, stream: stream, text: String(part))
    }
  }

  /// The names in a folder of the repository, sorted.
  static func folder(_ path: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: Repository.root + "/" + path).sorted()
  }

  static func file(_ path: String) throws -> String {
    guard let data = FileManager.default.contents(atPath: Repository.root + "/" + path) else {
      throw Missing(path: path)
    }
    return String(decoding: data, as: UTF8.self)
  }
}

/// The signature files as they are inside the program.
enum SignatureFilesText {
  static let all = SignatureFiles.all.map { String(decoding: $0.bytes, as: UTF8.self) }
}

/// Runs of a small project, described by how they ended.
enum Scenario {
  static let python = ProjectFacts(
    name: "shop", ecosystem: "python", runtimeVersion: "3.11.7", files: ["main.py", "requirements.txt"],
    manifest: "requirements.txt", declaredDependencies: ["flask"])
  static let node = ProjectFacts(
    name: "shop", ecosystem: "node", runtimeVersion: "20.20.2", files: ["index.js", "package.json"],
    manifest: "package.json", declaredDependencies: [])

  /// A run in which everything went well.
  static func healthy(_ project: ProjectFacts = python, command: [String] = ["python", "main.py"]) -> Evidence
  {
    Evidence(
      project: project, settings: RunSettings(port: 8080, memoryLimitInBytes: 512 << 20, processLimit: 128),
      phases: [
        PhaseEvidence(
          name: .install, command: ["pip", "install", "-r", "requirements.txt"], status: .passed, exitCode: 0,
          endedBy: .itself, durationMilliseconds: 3200),
        PhaseEvidence(name: .start, command: command, status: .passed, durationMilliseconds: 420),
        PhaseEvidence(name: .probe, status: .passed, durationMilliseconds: 30),
        PhaseEvidence(
          name: .stop, status: .passed, exitCode: 0, endedBy: .stopRequest, durationMilliseconds: 210),
      ],
      listening: [ListeningSocket(address: "0.0.0.0", port: 8080, process: "python")],
      probes: [ProbeAttempt(path: "/", port: 8080, status: 200, durationMilliseconds: 12)])
  }

  /// The program ended by itself while starting.
  static func crashed(
    _ log: [LogLine], exitCode: Int? = 1, signal: Int? = nil, project: ProjectFacts = python,
    command: [String] = ["python", "main.py"], endedBy: PhaseEvidence.EndedBy = .itself
  ) -> Evidence {
    var evidence = healthy(project, command: command)
    evidence.phases[1] = PhaseEvidence(
      name: .start, command: command, status: .failed, exitCode: exitCode, signal: signal, endedBy: endedBy,
      durationMilliseconds: 310, log: log)
    evidence.phases[2] = PhaseEvidence(name: .probe, status: .skipped)
    evidence.phases[3] = PhaseEvidence(name: .stop, status: .skipped)
    evidence.listening = []
    evidence.probes = []
    return evidence
  }

  static func crashed(
    _ fixture: String, exitCode: Int = 1, project: ProjectFacts = python,
    command: [String] = ["python", "main.py"]
  ) throws -> Evidence {
    crashed(try Fixture.lines(fixture), exitCode: exitCode, project: project, command: command)
  }

  /// The install phase failed; nothing else ran.
  static func installFailed(_ fixture: String, project: ProjectFacts = python) throws -> Evidence {
    installFailed(try Fixture.lines(fixture), project: project)
  }

  static func installFailed(_ log: [LogLine], project: ProjectFacts = python) -> Evidence {
    var evidence = crashed(log, project: project)
    evidence.phases = [
      PhaseEvidence(
        name: .install, command: ["pip", "install", "-r", "requirements.txt"], status: .failed, exitCode: 1,
        endedBy: .itself,
        durationMilliseconds: 2100, log: log),
      PhaseEvidence(name: .start, status: .skipped), PhaseEvidence(name: .probe, status: .skipped),
      PhaseEvidence(name: .stop, status: .skipped),
    ]
    return evidence
  }
}

extension Evidence {
  /// What the standard rules say of it.
  var findings: [Finding] { RuleBook.standard.findings(in: self) }
  var errors: [Finding] { findings.filter { $0.severity == .error } }
  var verdict: Verdict { Judgement(of: self).verdict }

  func finding(_ rule: String) -> Finding? { findings.first { $0.rule == rule } }
}

extension ProjectFacts {
  func with(
    files: [String]? = nil, version: String? = nil, manifest: String? = nil, dependencies: [String]? = nil
  ) -> ProjectFacts {
    var copy = self
    if let files { copy.files = files }
    if let version { copy.runtimeVersion = version }
    if let manifest { copy.manifest = manifest }
    if let dependencies { copy.declaredDependencies = dependencies }
    return copy
  }
}
