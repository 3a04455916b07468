import Analysis
import Foundation
import Reports
import Testing
import TestSupport

@Suite("Two checks of one project", .turns, .needs(.userNamespaces))
struct RepeatedCheckTests {
  /// What a report says, without its times: a measured number and its unit are one word each.
  private static func findings(of report: Report) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
    let text = String(decoding: try encoder.encode(report.findings), as: UTF8.self)
    let time = try Regex("[0-9]+([.][0-9]+)? (ms|s)\\b")
    let processes = (report.processes ?? []).map { "\($0.name) \($0.status)" }
    return "\(report.verdict) \(report.summary)\n\(processes)\n".replacing(time, with: "TIME")
      + text.replacing(time, with: "TIME")
  }

  private func twice(_ example: String, _ options: [String] = []) async throws -> [Report] {
    let caller = try Caller.sharingCache()
    var reports: [Report] = []
    for _ in 0..<2 { reports.append(try await caller.report([Repository.example(example)] + options).0) }
    return reports
  }

  private func compare(_ example: String) async throws {
    let reports = try await twice(example)
    #expect(try Self.findings(of: reports[0]) == Self.findings(of: reports[1]))
  }

  @Test(
    "give the same findings, byte for byte, times aside", .needs(.python),
    arguments: ["python-crash", "python-processes"])
  func python(example: String) async throws { try await compare(example) }

  @Test("give the same finding of a memory limit, the sizes that were measured aside", .needs(.python))
  func memory() async throws {
    let size = try Regex("[0-9]+([.][0-9]+)? [KM]iB")
    let reports = try await twice("python-out-of-memory", ["--memory", "128M"])
    let texts = reports.map { report in
      report.findings.map { finding in
        // When it is killed, and so its last line, depends on how fast it grows.
        [
          finding.rule, finding.fingerprint, "\(finding.severity)", finding.title, finding.message,
          "\(finding.location.debugDescription)", finding.fix.summary, "\(finding.fix.commands)",
        ].map { $0.replacing(size, with: "SIZE") }
      }
    }
    #expect(texts[0] == texts[1] && texts[0].count == 1)
  }

  @Test("give the same findings of Go", .needs(.go))
  func go() async throws { try await compare("go-ready") }

  @Test("give the same findings of Node", .needs(.node))
  func node() async throws { try await compare("node-ready") }

  @Test(
    "give the same findings where dependencies are installed, the second time from what was kept",
    .needs(.python, .network),
    arguments: [
      "flask-ready", "flask-missing-dependency", "flask-conflict", "flask-missing-env", "flask-loopback",
    ])
  func installed(example: String) async throws { try await compare(example) }
}
