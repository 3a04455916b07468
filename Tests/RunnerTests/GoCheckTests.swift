import Analysis
import Reports
import Testing
import TestSupport

@Suite("preflight check of a Go module", .turns, .needs(.userNamespaces, .go))
struct GoCheckTests {
  private func check(_ main: String, _ files: [String: String] = [:]) async throws -> (Report, Outcome) {
    let caller = try Caller.sharingCache()
    let project = try caller.project(
      ["go.mod": "module example.org/shop\n\ngo 1.19\n", "main.go": "package main\n\n\(main)\n"]
        .merging(files) { $1 })
    let (report, outcome) = try await caller.report([project, "--settle", "0"])
    await caller.expectNothingLeft()
    return (report, outcome)
  }

  @Test("names the line of a compile error, and what the compiler says of it")
  func compileError() async throws {
    let (report, outcome) = try await check("func main() {\n\tundefinedThing()\n}")
    let finding = try #require(report.findings.first, "\(outcome)")
    #expect(report.verdict == .notReady && outcome.exitStatus == 1, "\(outcome)")
    #expect(finding.rule == "go-undefined-name", "\(outcome)")
    #expect(finding.location == .init(file: "main.go", line: 4), "\(outcome)")
  }

  @Test("names the line of a panic")
  func panic() async throws {
    let (report, outcome) = try await check(
      "var prices map[string]int\n\nfunc main() {\n\tprices[\"tea\"] = 3\n}")
    let finding = try #require(report.findings.first, "\(outcome)")
    #expect(finding.location == .init(file: "main.go", line: 6), "\(outcome)")
    #expect(report.findings.map(\.rule) == ["go-nil-map"], "\(outcome)")
    #expect(finding.evidence.contains { $0.text.contains("assignment to entry in nil map") }, "\(outcome)")
  }

  @Test("names the import that no module of go.mod provides, and the embedded file that is not there")
  func notProvided() async throws {
    let (report, outcome) = try await check(
      "import \"example.org/shop/gone\"\n\nfunc main() { gone.Run() }")
    #expect(report.findings.map(\.rule) == ["go-module-required"], "\(outcome)")
    #expect(report.findings.first?.location == .init(file: "main.go", line: 3), "\(outcome)")
    let source =
      "import _ \"embed\"\n\n//go:embed page.html\nvar page string\n\nfunc main() { println(page) }"
    let (other, second) = try await check(source)
    #expect(other.findings.map(\.rule) == ["go-embed-missing"], "\(second)")
    #expect(other.findings.first?.location == .init(file: "main.go", line: 5), "\(second)")
  }

  @Test("starts a program by go run, which builds it anew without the cache of the build")
  func run() async throws {
    let (report, outcome) = try await check(
      "func main() { println(\"ran\") }", ["Procfile": "worker: go run .\n"])
    #expect(report.verdict == .ready, "\(outcome)")
    #expect(report.phases.first { $0.name == .start }?.stderrTail == ["ran"], "\(outcome)")
  }

  @Test("builds what is vendored without any network")
  func vendored() async throws {
    let (report, outcome) = try await check(
      "import \"example.org/tea\"\n\nfunc main() { println(tea.Price); select {} }",
      [
        "go.mod": "module example.org/shop\n\ngo 1.19\n\nrequire example.org/tea v1.0.0\n",
        "vendor/modules.txt": "# example.org/tea v1.0.0\n## explicit\nexample.org/tea\n",
        "vendor/example.org/tea/tea.go": "package tea\n\nconst Price = 3\n",
        "Procfile": "worker: bin/shop\n",
      ])
    #expect(report.phases.first { $0.name == .build }?.status == .passed, "\(outcome)")
    #expect(report.egress.isEmpty, "\(outcome)")
  }
}
