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
    if let line = culprit(phase, denied, evidence) {
      return internalName(phase, line, denied, evidence) ?? crash(phase, line, denied, evidence)
    }
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
    // A printed line alone is never believed: some attempt has to have been seen and refused.
    guard evidence.programFailed, evidence.settings.networkPolicy != "host", !denied.isEmpty,
      [nil, .itself, .timeLimit].contains(phase.endedBy)
    else { return nil }
    let traces = phase.traces.filter { !$0.isWrapper }
    // A connection error that was survived is not what the program died of: only the last chain counts.
    if let last = traces.last {
      let trace = traces.first { trace in
        trace.chain == last.chain
          && (isOurs(trace.message) || (!trace.isChained && trace.details.contains(where: isOurs)))
      }
      guard let trace else { return nil }
      return isOurs(trace.message)
        ? trace.line : phase.log.first { $0.number > trace.line.number && isOurs($0.text) }
    }
    return phase.lastLines(10).first { isOurs($0.text) }
  }

  /// Whether a text tells of a connection our policy prevents.
  ///
  /// A service missing on the program's own machine is none.
  private static func isOurs(_ text: String) -> Bool {
    !text.hasAny(of: ["127.0.0.1", "localhost", "::1"])
      && (EgressText.soundsLikeNoNetwork(text) || EgressText.soundsLikeNetwork(text))
  }

  private static func crash(
    _ phase: PhaseEvidence, _ line: LogLine, _ denied: [EgressAttempt], _ evidence: Evidence
  ) -> Finding {
    let trace = phase.traces.last { $0.line.number <= line.number }
    let named = denied.first { line.text.has($0.host) }.map { [$0] } ?? denied
    let hosts = EgressText.hosts(named)
    return Finding(
      rule: "run-egress-denied", category: .network, blame: .sandbox, subject: hosts,
      title: "The sandbox did not let the program reach \(hosts), and it stopped",
      message:
        "The network policy of this check refused the connection. This is not a fault of the project; where it is "
        + "deployed, the host has to be reachable when it starts.",
      fix: allow(EgressText.list(denied), evidence),
      evidence: [phase.proof(line)] + EgressText.proofs(denied),
      location: trace?.location(in: evidence.settings.workingDirectory)
        ?? evidence.project.place(in: evidence.project.sourcePaths) { line in
          denied.contains { line.has($0.host) }
        })
  }

  /// A host without a dot is a name of the developer's own network: a service of a compose file.
  private static func internalName(
    _ phase: PhaseEvidence, _ line: LogLine, _ denied: [EgressAttempt], _ evidence: Evidence
  ) -> Finding? {
    let names = denied.filter { !$0.host.contains(".") && !$0.host.contains(":") }
    guard let host = (names.first { line.text.has($0.host) } ?? names.first)?.host,
      names.count == denied.count
    else { return nil }
    let compose = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"]
    let service = evidence.project.place(in: compose) { $0.trimmed == "\(host):" }
    let trace = phase.traces.last { $0.line.number <= line.number }
    return Finding(
      rule: "host-of-compose", category: .network, confidence: service == nil ? .medium : .high,
      subject: host,
      title: "The program connects to the host '\(host)', which a deployment does not have",
      message: (service.map { "It is a service of \($0.file) and a name only beside it." }
        ?? "A name without a dot is one of the developer's own network.")
        + " On a platform the service is another machine, whose address is in a variable.",
      fix: Finding.Fix(
        "Take the address from a variable (for example DATABASE_URL) and set it on the platform."),
      evidence: [phase.proof(line)] + EgressText.proofs(names),
      location: trace?.location(in: evidence.settings.workingDirectory)
        ?? evidence.project.place(in: evidence.project.sourcePaths) {
          $0.has("'\(host)'") || $0.has("\"\(host)\"") || $0.has("@\(host)") || $0.has("//\(host)")
        })
  }

  private static func allow(_ list: String?, _ evidence: Evidence) -> Finding.Fix {
    Finding.Fix(
      "Allow \(list == nil ? "the hosts it needs" : "the host") for the check.",
      commands: [evidence.check("--network", "registries,allow:\(list ?? "HOST")")])
  }
}
