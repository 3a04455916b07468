import Egress
import Planning
import Testing
import TestSupport

@testable import Ecosystems
@testable import Execution

@Suite("The variables of a phase")
struct PhaseEnvironmentTests {
  @Test("name the cache of downloads and builds while installing, and a folder of its own at the start")
  func buildCache() throws {
    let folder = try TemporaryDirectory(prefix: "environment")
    try folder.write("module example.org/shop\n", to: "go.mod")
    try folder.write("package main\n\nfunc main() {}\n", to: "main.go")
    let plan = try Planner.plan(projectAt: folder.path, options: PlanningOptions())
    let host = try HostNetwork([:])
    let install = PhaseEnvironment.install(plan, tools: [:], host: host, stored: nil)
    #expect(install["GOCACHE"] == "/cache/go-build" && install["PIP_CACHE_DIR"] == "/cache/pip")
    let start = PhaseEnvironment.start(
      plan, tools: [:], policy: EgressPolicy(mode: .allowList, entries: []), host: host, stored: nil)
    #expect(start["GOCACHE"] == "/tmp/go-build" && start["PIP_CACHE_DIR"] == nil)
    #expect(!start.values.contains { $0.hasPrefix("/cache/") })
    #expect(start["PORT"] == "8080" && install["PORT"] == nil)
  }
}
