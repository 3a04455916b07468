import Analysis
import Sandbox

/// Decides, from what was seen so far, what to do next while a program comes up: a pure state machine.
struct ProbePlan {
  enum Decision: Equatable {
    /// Nothing yet: look again.
    case wait
    /// It listens where it should: ask for this path.
    case get(String)
    /// Enough is known.
    case finished
  }

  /// How long a socket on the wrong address or port may stay alone before it counts.
  static let settleMilliseconds = 2000
  /// How long a program that is no server is watched at least, and at most when it keeps writing.
  static let workerMilliseconds = 5000
  static let talkativeWorkerMilliseconds = 30_000
  /// Between two requests while the program answers badly.
  static let retryMilliseconds = 250
  /// How long bad answers are retried after the first.
  static let patienceMilliseconds = 10_000

  let port: Int?
  let healthPath: String
  let startDeadlineMilliseconds: Int
  /// How long whoever is no server is watched at least, beyond what is usual.
  let settlingMilliseconds: Int
  private var firstWrongSocketAt: Int?
  private var firstProbeAt: Int?
  private var lastProbeAt: Int?
  private var isFinished = false

  init(port: Int?, healthPath: String, startDeadlineMilliseconds: Int, settlingMilliseconds: Int = 0) {
    self.port = port
    self.healthPath = healthPath
    self.startDeadlineMilliseconds = startDeadlineMilliseconds
    self.settlingMilliseconds = settlingMilliseconds
  }

  /// Says what to do `elapsed` milliseconds after the start.
  ///
  /// `quiet` is how long the program has written nothing; `isElsewhere` whether it listens on the UNIX socket that
  /// its start command names.
  mutating func decide(
    listening: [ListeningSocket], probes: [ProbeAttempt], elapsed: Int, quiet: Int = .max,
    isElsewhere: Bool = false
  ) -> Decision {
    if isFinished { return .finished }
    guard let port else {
      // Not known to be a server: it has come up when it has nothing more to say, or has said enough.
      if !listening.isEmpty { return .finished }
      guard elapsed >= max(Self.workerMilliseconds, settlingMilliseconds) else { return .wait }
      return quiet >= Self.settleMilliseconds || elapsed >= Self.talkativeWorkerMilliseconds
        ? .finished : .wait
    }
    if elapsed >= startDeadlineMilliseconds, probes.isEmpty { return .finished }
    guard listening.contains(where: { $0.port == port && !$0.isLoopback }) else {
      guard !listening.isEmpty || isElsewhere else { return .wait }
      let since = firstWrongSocketAt ?? elapsed
      firstWrongSocketAt = since
      guard elapsed - since >= Self.settleMilliseconds else { return .wait }
      isFinished = true
      // Proof from outside that the address it chose cannot be reached.
      let isOnPort = listening.contains { $0.port == port }
      return isOnPort && probes.isEmpty ? .get(healthPath) : .finished
    }
    return next(after: probes, elapsed: elapsed)
  }

  private mutating func next(after probes: [ProbeAttempt], elapsed: Int) -> Decision {
    let first = firstProbeAt ?? elapsed
    firstProbeAt = first
    guard let last = probes.last else {
      lastProbeAt = elapsed
      return .get(healthPath)
    }
    if last.succeeded { return .finished }
    if last.path == healthPath, healthPath != "/", last.status != nil {
      lastProbeAt = elapsed
      return .get("/")
    }
    // A client error does not go away by asking again; a server error may, while it warms up.
    if let status = last.status, status < 500 { return .finished }
    // Who answers by another protocol goes on doing so.
    if last.failure == HTTPProbe.notHTTP { return .finished }
    guard elapsed - first < Self.patienceMilliseconds else { return .finished }
    guard elapsed - (lastProbeAt ?? 0) >= Self.retryMilliseconds else { return .wait }
    lastProbeAt = elapsed
    return .get(healthPath)
  }
}

extension ListeningSocket {
  /// Whether only the sandbox itself can reach it.
  var isLoopback: Bool { address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.") }
}
