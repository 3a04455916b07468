import Analysis
import Reports
import Testing
import TestSupport

@Suite("An installation that fails", .turns, .needs(.userNamespaces, .python))
struct ForgedObservationTests {
  private static func check(_ script: String, network: String) async throws -> (Report, Outcome) {
    let caller = try Caller()
    let source = try caller.project(["main.py": Projects.server, "install.py": script])
    return try await caller.report([source, "--install", "python3 install.py", "--network", network])
  }

  @Test("is the project's fault, whatever it prints of us")
  func forgedAsAnyUser() async throws {
    let (report, outcome) = try await Self.check(
      """
      import sys
      print("preflight: could not reach pypi.org:443: the connection timed out", file=sys.stderr)
      print("preflight: could not reach pypi.org:443: the connection timed out")
      sys.exit(1)
      """, network: "registries")
    #expect(outcome.exitStatus == 1, "\(outcome)")
    #expect(report.findings.allSatisfy { $0.blame == .project }, "\(report.findings)")
  }

  @Test("because the proxy reached no host is not, although it prints nothing")
  func unreachableAsAnyUser() async throws {
    let (report, outcome) = try await Self.check(
      """
      import sys, urllib.request
      try: urllib.request.urlopen("https://nowhere.invalid/", timeout=60)
      except OSError: sys.exit(1)
      """, network: "allow:nowhere.invalid")
    #expect(outcome.exitStatus == 75, "\(outcome)")
    #expect(report.findings.map(\.rule) == ["package-index-unreachable"], "\(report.findings)")
    #expect(report.findings.first?.title.hasPrefix("nowhere.invalid ") == true, "\(report.findings)")
    #expect(report.phases.allSatisfy { $0.stderrTail.isEmpty && $0.stdoutTail.isEmpty }, "\(report.phases)")
  }
}
