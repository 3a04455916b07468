import TestSupport
import Testing

@testable import Analysis

@Suite("The findings of recorded output")
struct GoldenTests {
  @Test("are those of Tests/Golden/findings", arguments: try Self.tools())
  func findings(of tool: String) throws {
    let names = try Fixture.names().filter { $0.prefix { $0 != "-" } == tool }
    let text = try names.map { name in
      let evidence = try Self.run(name, of: tool)
      return "== \(name): \(evidence.verdict.rawValue)\n" + evidence.findings.map(Self.describe).joined()
    }.joined(separator: "\n")
    try Golden.expect(text, is: "findings/\(tool).txt")
  }

  /// The first words of the fixtures' names.
  private static func tools() throws -> [String] {
    Set(try Fixture.names().map { String($0.prefix { $0 != "-" }) }).sorted()
  }

  /// The run that ended with the output of a fixture.
  private static func run(_ name: String, of tool: String) throws -> Evidence {
    let project = ["node", "npm"].contains(tool) ? Scenario.node : Scenario.python
    let installers = ["pip", "npm", "uv"]
    if installers.contains(tool), name != "npm-missing-script" {
      return try Scenario.installFailed(name, project: project)
    }
    let status = name.hasSuffix("not-found") ? 127 : name.hasSuffix("denied") ? 126 : 1
    return try Scenario.crashed(name, exitCode: status, project: project)
  }

  private static func describe(_ finding: Finding) -> String {
    let place = finding.location.map { " at \($0.file)" + ($0.line.map { ":\($0)" } ?? "") } ?? ""
    let blame = finding.blame == .project ? "" : ", \(finding.blame.rawValue)"
    let lines =
      [
        "\(finding.severity.rawValue) \(finding.rule) [\(finding.category.rawValue)\(blame)]\(place)",
        "  \(finding.title)", "  \(finding.message)", "  fix: \(finding.fix.summary)",
      ] + finding.fix.commands.map { "  $ \($0)" }
    return lines.joined(separator: "\n") + "\n"
  }
}
