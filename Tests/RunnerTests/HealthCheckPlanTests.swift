import Analysis
import Images
import Testing

@testable import Execution

@Suite("The plan of an image's health check")
struct HealthCheckPlanTests {
  private let sockets = [ListeningSocket(address: "0.0.0.0", port: 8080, protocol: "tcp")]

  private func plan(_ change: (inout ImageConfiguration.HealthCheck) -> Void = { _ in }) throws
    -> HealthCheckPlan
  {
    var settings = ImageConfiguration.Settings()
    var check = ImageConfiguration.HealthCheck()
    check.test = ["CMD", "x"]
    change(&check)
    settings.healthCheck = check
    let read = try #require(try ImageRunSettings(settings).healthCheck)
    return HealthCheckPlan(read, port: 8080, startDeadlineMilliseconds: 60_000)
  }

  private func attempts(_ statuses: Int...) -> [ProbeAttempt] {
    statuses.map { ProbeAttempt(path: "HEALTHCHECK", port: 8080, command: "x", exitCode: $0) }
  }

  @Test("runs it when the program listens, and one success is enough")
  func success() throws {
    var plan = try plan()
    #expect(plan.decide(listening: [], probes: [], elapsed: 0) == .wait)
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 100) == .run)
    #expect(plan.decide(listening: sockets, probes: attempts(0), elapsed: 200) == .finished)
  }

  @Test("runs it again at its interval, and gives up after its retries")
  func failures() throws {
    var plan = try plan { ($0.interval, $0.retries) = (1_000_000_000, 2) }
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 0) == .run)
    #expect(plan.decide(listening: sockets, probes: attempts(1), elapsed: 500) == .wait)
    #expect(plan.decide(listening: sockets, probes: attempts(1), elapsed: 1000) == .run)
    #expect(plan.decide(listening: sockets, probes: attempts(1, 1), elapsed: 1001) == .finished)
  }

  @Test("does not count failures of its start period, and ends at the deadline whatever the image says")
  func startPeriod() throws {
    var plan = try plan { ($0.interval, $0.startPeriod, $0.retries) = (1, 30_000_000_000, 1) }
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 0) == .run)
    #expect(plan.decide(listening: sockets, probes: attempts(1, 1, 1), elapsed: 29_000) == .run)
    #expect(plan.decide(listening: sockets, probes: attempts(1, 1, 1, 1), elapsed: 31_000) == .finished)
    plan = try self.plan { ($0.startPeriod, $0.retries) = (.max, .max) }
    #expect(plan.decide(listening: sockets, probes: [], elapsed: 60_000) == .finished)
  }
}
