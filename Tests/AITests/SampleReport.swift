import Analysis
import Ecosystems
import Reports

/// The report of a run whose program wrote some lines and crashed.
enum SampleReport {
  static func of(_ lines: [String], name: String = "shop") -> Report {
    let log = lines.enumerated().map {
      LogLine(number: $0 + 1, milliseconds: $0, stream: .stderr, text: $1)
    }
    let evidence = Evidence(
      project: ProjectFacts(name: name, ecosystem: "python", runtimeVersion: "3.11.7", files: ["main.py"]),
      settings: RunSettings(port: 8080),
      phases: [
        PhaseEvidence(
          name: .install, command: ["pip", "install", "-r", "requirements.txt"], status: .passed),
        PhaseEvidence(
          name: .start, command: ["python", "main.py"], status: .failed, exitCode: 1, endedBy: .itself,
          durationMilliseconds: 310, log: log),
        PhaseEvidence(name: .probe, status: .skipped), PhaseEvidence(name: .stop, status: .skipped),
      ])
    return Report(
      tool: .init(version: "0"), startedAt: 0, durationMilliseconds: 1, evidence: evidence,
      judgement: Judgement(of: evidence), project: .init(name: name, source: "."),
      plan: .init(start: "python main.py", port: 8080, network: "registries"),
      isolation: .init(
        level: "L4", userNamespace: true, cgroup: "none", seccomp: true, landlock: false, network: "own"))
  }

  /// One that lacks a module.
  static let crashed = of([
    "Traceback (most recent call last):", "  File \"/app/main.py\", line 1, in <module>", "    import yaml",
    "ModuleNotFoundError: No module named 'yaml'",
  ])
}
