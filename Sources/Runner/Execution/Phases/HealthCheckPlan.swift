import Analysis
import Images

/// Decides when a HEALTHCHECK is run, and when enough is known: a pure state machine.
struct HealthCheckPlan {
  enum Decision: Equatable { case wait, run, finished }

  /// A check does not wait as long between two attempts as a platform does that watches for months.
  static let longestIntervalMilliseconds = 5000

  let check: ImageRunSettings.HealthCheck
  /// Nil where the program need not listen.
  let port: Int?
  let startDeadlineMilliseconds: Int
  private var lastAt: Int?
  private var ignored = 0

  init(_ check: ImageRunSettings.HealthCheck, port: Int?, startDeadlineMilliseconds: Int) {
    self.check = check
    self.port = port
    self.startDeadlineMilliseconds = startDeadlineMilliseconds
  }

  /// Says what to do `elapsed` milliseconds after the start.
  mutating func decide(listening: [ListeningSocket], probes: [ProbeAttempt], elapsed: Int) -> Decision {
    if let last = probes.last, last.succeeded || last.missingTool != nil { return .finished }
    guard elapsed < startDeadlineMilliseconds else { return .finished }
    if let port, !listening.contains(where: { $0.port == port }) { return .wait }
    guard let lastAt else {
      self.lastAt = elapsed
      return .run
    }
    // Failures while the program may still be starting do not count.
    if elapsed < check.startPeriodMilliseconds { ignored = probes.count }
    if probes.count - ignored >= check.retries { return .finished }
    let interval = min(check.intervalMilliseconds, Self.longestIntervalMilliseconds)
    guard elapsed - lastAt >= interval else { return .wait }
    self.lastAt = elapsed
    return .run
  }
}
