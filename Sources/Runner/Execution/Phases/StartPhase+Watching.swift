import Analysis
import Formats
import Isolate
import Planning
import Reports
import Sandbox

extension StartPhase {
  /// Watches the program for the settling time after its first answer, and asks it again.
  ///
  /// Many programs answer and then fail: a database that is connected to in the background, a worker that is started
  /// again and again. Meanwhile the rules are made ready, which takes ten milliseconds.
  func settle(
    _ session: SandboxSession, _ seen: inout Sighting, _ answer: ProbeAttempt
  ) throws(Failure) {
    let began = session.elapsedMilliseconds
    seen.settling = Settling(answeredAt: began, milliseconds: 0)
    guard options.settlingMilliseconds > 0 else { return }
    let preparation = try? JoinedThread { RuleBook.prepare() }
    defer { preparation?.join() }
    let earlier = ProcessTree(of: session.container).names
    while session.exit == nil {
      let left = began + options.settlingMilliseconds - session.elapsedMilliseconds
      guard left > 0 else { break }
      driver.progress.step = "watching it"
      driver.progress.share = 1 - Double(left) / Double(options.settlingMilliseconds)
      try session.step(milliseconds: min(left, 100))
    }
    seen.settling?.milliseconds = session.elapsedMilliseconds - began
    guard session.exit == nil else { return }
    seen.settling?.restarted = Self.restarted(
      from: earlier, to: ProcessTree(of: session.container).names)
    if let healthCheck = healthCheck ?? (answer.command == nil ? nil : healthCommand) {
      seen.settling?.answer = try session.check(healthCheck, environment: environment, port: plan.port.value)
    } else {
      seen.settling?.answer = try session.get(answer.path, port: plan.port.value)
    }
  }

  /// The names of workers that ended and were replaced: processes named as the first one, which forked them.
  static func restarted(from earlier: [Int32: String], to later: [Int32: String]) -> [String] {
    let ended = earlier.filter { later[$0.key] == nil }
    let fresh = later.filter { earlier[$0.key] == nil }
    let names = Set(earlier.filter { later[$0.key] != nil }.values)
    return ended.values.filter { name in names.contains(name) && fresh.values.contains(name) }.sorted()
  }

  /// Finds out what a program does that cannot be reached on its port.
  func explain(_ session: SandboxSession, _ seen: inout Sighting) throws(Failure) {
    let port = plan.port.value
    let own = seen.listening.filter { $0.port == port }
    if let last = seen.probes.last, last.isConnection != true, last.status == nil,
      own.contains(where: { $0.address.contains(":") && !$0.isLoopback })
    {
      let attempt = try session.get(ProbeAttempt.connectionOnly, port: port, at: .loopback6)
      if attempt?.succeeded == true { seen.observations.append(.answersIPv6Only(port: port)) }
    }
    guard seen.listening.isEmpty, session.exit == nil else { return }
    let named = seen.unixSockets.first { plan.start.displayed.contains($0) } ?? seen.unixSockets.first
    if let path = named {
      let attempt = try session.get("/", port: 0, at: .unix(path))
      let answer = attempt?.status.map { "\($0)" }
      seen.observations.append(.listensOnUnixSocket(path: path, answer: answer))
    }
    guard session.exit == nil else { return }
    let tree = ProcessTree(of: session.container)
    if let doing = Idleness.describe(tree, elapsedMilliseconds: session.elapsedMilliseconds) {
      seen.observations.append(.idles(doing: doing))
    }
  }
}
