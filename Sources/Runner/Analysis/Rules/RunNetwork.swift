/// The running program tried to reach hosts the network policy refuses.
enum RunNetwork {
  static let rules = [
    Rule("run-egress-denied", "The running program needed a host the network policy does not allow.") {
      evidence in
      judge(evidence).map { [$0] } ?? []
    }
  ]

  private static func judge(_ evidence: Evidence) -> Finding? {
    guard let phase = evidence.phase(.start) else { return nil }
    let denied = evidence.deniedEgress(in: .start, .probe, .stop)
    if let line = culprit(phase, denied, evidence) { return crash(phase, line, denied, evidence) }
    guard !denied.isEmpty else { return nil }
    return Finding(
      rule: "run-egress-denied", category: .network, blame: .sandbox, severity: .warning,
      subject: EgressText.hosts(denied),
      title: "The program tried to reach \(EgressText.hosts(denied)) and was refused",
      message: "The network policy of this check refused it. What depends on it was not tested.",
      fix: allow(EgressText.list(denied), evidence), evidence: EgressText.proofs(denied))
  }

  /// The line that shows a failed program to have failed for the refused connection.
  private static func culprit(_ phase: PhaseEvidence, _ denied: [EgressAttempt], _ evidence: Evidence)
    -> LogLine?
  {
    guard evidence.programFailed, evidence.settings.networkPolicy != "host",
      [nil, .itself, .timeLimit].contains(phase.endedBy)
    else { return nil }
    let isOurs: (String) -> Bool = { RunNetwork.isOurs($0, denied, evidence) }
    let traces = ErrorTrace.all(in: phase.log).filter { !$0.isWrapper }
    // A connection error that was survived is not what the program died of: only the last chain counts.
    if let last = traces.last {
      let trace = traces.first { trace in
        trace.chain == last.chain
          && (isOurs(trace.message) || (trace.language == .node && trace.details.contains(where: isOurs)))
      }
      guard let trace else { return nil }
      return isOurs(trace.message)
        ? trace.line : phase.log.first { $0.number > trace.line.number && isOurs($0.text) }
    }
    return phase.lastLines(10).first { isOurs($0.text) }
  }

  /// Whether a text tells of a connection our policy prevents.
  ///
  /// A service missing on the program's own machine is none; without a recorded attempt only what nothing but
  /// a missing resolver or route causes counts.
  private static func isOurs(_ text: String, _ denied: [EgressAttempt], _ evidence: Evidence) -> Bool {
    if text.hasAny(of: ["127.0.0.1", "localhost", "::1"]) { return false }
    if EgressText.soundsLikeNoNetwork(text) { return true }
    if denied.isEmpty { return evidence.settings.networkPolicy == "none" && text.has("ENOTFOUND") }
    return EgressText.soundsLikeNetwork(text)
  }

  private static func crash(
    _ phase: PhaseEvidence, _ line: LogLine, _ denied: [EgressAttempt], _ evidence: Evidence
  ) -> Finding {
    let trace = ErrorTrace.all(in: phase.log).last { $0.line.number <= line.number }
    let named = denied.first { line.text.has($0.host) }.map { [$0] } ?? denied
    let fromLog = line.text.text(after: "getaddrinfo ").flatMap { $0.split(separator: " ").dropFirst().first }
    let hosts = named.isEmpty ? fromLog.map(String.init) : EgressText.hosts(named)
    let list = denied.isEmpty ? fromLog.map(String.init) : EgressText.list(denied)
    return Finding(
      rule: "run-egress-denied", category: .network, blame: .sandbox,
      confidence: denied.isEmpty ? .medium : .high,
      subject: hosts ?? "network",
      title: "The sandbox did not let the program reach \(hosts ?? "the network"), and it stopped",
      message: (denied.isEmpty
        ? "Under the network policy of this check there is no resolver or route to it. "
        : "The network policy of this check refused the connection. ")
        + "This is not a fault of the project; where it is deployed, the host has to be reachable when it "
        + "starts.",
      fix: allow(list, evidence), evidence: [phase.proof(line)] + EgressText.proofs(denied),
      location: trace?.location(in: evidence.settings.workingDirectory))
  }

  private static func allow(_ list: String?, _ evidence: Evidence) -> Finding.Fix {
    Finding.Fix(
      "Allow \(list == nil ? "the hosts it needs" : "the host") for the check.",
      commands: [evidence.check("--network", "registries,allow:\(list ?? "HOST")")])
  }
}
