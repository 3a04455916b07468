/// Installing or building failed because another host could not be reached.
enum InstallNetwork {
  static let rules = [
    Rule("install-egress-denied", "Installing needed a host the network policy does not allow.") { evidence in
      installPhases(evidence).compactMap { denied($0, evidence) }
    },
    Rule("package-index-unreachable", "The package index or another upstream host did not answer.") {
      evidence in
      installPhases(evidence).compactMap { unreachable($0, evidence) }
    },
  ]

  private static func installPhases(_ evidence: Evidence) -> [PhaseEvidence] {
    evidence.phases.filter { $0.name == .install || $0.name == .build }
  }

  private static func denied(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    let attempts = evidence.deniedEgress(in: phase.name)
    // What the phase printed is no evidence that our policy refused anything.
    guard !attempts.isEmpty else { return nil }
    let cause =
      cause(of: phase) ?? terminalLine(in: phase).map { Cause(line: $0, in: phase) }
      ?? lineNaming(attempts, in: phase).map { Cause(line: $0, in: phase) }
    if phase.status == .failed, let cause {
      return deniedFinding(phase, attempts, cause, evidence)
    }
    guard phase.status != .failed else { return nil }
    return Finding(
      rule: "install-egress-denied", category: .network, blame: .sandbox, severity: .note,
      subject: EgressText.hosts(attempts),
      title: "The \(phase.name.rawValue) phase tried to reach \(EgressText.hosts(attempts)) and was refused",
      message: "It succeeded without.",
      fix: Finding.Fix(
        "Allow the host if it is needed.",
        commands: [evidence.check("--network", "registries,allow:\(EgressText.list(attempts))")]),
      evidence: EgressText.proofs(attempts))
  }

  private static func deniedFinding(
    _ phase: PhaseEvidence, _ attempts: [EgressAttempt], _ cause: Cause, _ evidence: Evidence
  ) -> Finding {
    let hosts = attempts.isEmpty ? cause.host ?? "the package index" : EgressText.hosts(attempts)
    let list = attempts.isEmpty ? cause.host : EgressText.list(attempts)
    return Finding(
      rule: "install-egress-denied", category: .network, blame: .sandbox, subject: hosts,
      title: "The sandbox did not let the \(phase.name.rawValue) phase reach \(hosts)",
      message:
        "The network policy of this check refused the connection, and the phase failed for it. This is not "
        + "a fault of the project.",
      fix: Finding.Fix(
        "Allow the host for the check.",
        commands: [evidence.check("--network", list.map { "registries,allow:\($0)" } ?? "registries")]),
      evidence: [cause.proof] + EgressText.proofs(attempts),
      location: evidence.project.place(in: evidence.project.dependencyFiles) { line in
        attempts.contains { line.has($0.host) }
      })
  }

  private static func unreachable(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    guard phase.status == .failed, evidence.deniedEgress(in: phase.name).isEmpty,
      evidence.settings.networkPolicy != "none", let cause = cause(of: phase)
    else { return nil }
    let connection = connectionLine(in: phase)
    let first = connection?.number ?? cause.line?.number ?? .max
    let named = phase.log.lazy.filter { $0.number >= first }.prefix(8).compactMap {
      InstallNetwork.host(in: $0.text)
    }.first
    let host = named ?? cause.host
    let proofs = connection == cause.line ? [] : connection.map { [phase.proof($0)] } ?? []
    return Finding(
      rule: "package-index-unreachable", category: .network, blame: .upstream, subject: host ?? "index",
      title: "\(host ?? "The package index") could not be reached during \(phase.name.rawValue)",
      message:
        "The connection failed after retries. Nothing was learnt of the project: repeat the check when the "
        + "network or the host is back.",
      fix: Finding.Fix(
        "Repeat the check; if it stays, look at the network, the proxy and the index URL.",
        commands: [evidence.settings.invocation.check()]),
      evidence: proofs + [cause.proof], isTransient: true)
  }

  // MARK: Reading

  /// Whether a failed phase ended because a host could not be reached: what preflight saw itself.
  static func explains(_ phase: PhaseEvidence) -> Bool { cause(of: phase) != nil }

  /// Whether a fetch of a source failed in a phase in which our policy refused a host: no fault of a build.
  static func isRefused(_ phase: PhaseEvidence, _ evidence: Evidence) -> Bool {
    !evidence.deniedEgress(in: phase.name).isEmpty
      && phase.log.contains { $0.text.has("fatal: unable to access ") }
  }

  /// Whether a failed phase says that a host could not be reached: what it printed, which moves no blame.
  static func isClaimed(by phase: PhaseEvidence) -> Bool {
    phase.status == .failed && terminalLine(in: phase) != nil
  }

  /// What shows that a host could not be reached.
  private struct Cause {
    var proof: Finding.Proof
    var host: String?
    /// Nil when the proxy saw it.
    var line: LogLine?

    init(line: LogLine, in phase: PhaseEvidence) {
      self.line = line
      proof = phase.proof(line)
      host = InstallNetwork.host(in: line.text)
    }

    init(host: String, seen: Observation, in phase: PhaseEvidence) {
      proof = seen.proof(in: phase.name)
      self.host = host.contains(".") ? host : nil
    }
  }

  private static func cause(of phase: PhaseEvidence) -> Cause? {
    guard phase.status == .failed else { return nil }
    // Seen by the egress proxy itself, whatever the tool made of it. A printed line alone is never believed.
    guard let (host, seen) = phase.unreachable else { return nil }
    return Cause(host: host, seen: seen, in: phase)
  }

  /// The line that ends a phase for want of the network; retries that were survived do not count.
  private static func terminalLine(in phase: PhaseEvidence) -> LogLine? {
    let retried = connectionLine(in: phase)
    return phase.log.first { line in
      let text = line.text
      if text.has("(from versions: none)"), let retried { return retried.number < line.number }
      if text.hasPrefix("npm error code ") || text.hasPrefix("npm ERR! code ") {
        return text.hasAny(of: networkCodes)
      }
      return (text.hasPrefix("ERROR: ") || text.hasPrefix("error: ") || text.hasPrefix("fatal: "))
        && text.hasAny(of: [
          "Max retries exceeded", "Read timed out", "Could not resolve host",
          "Failed to fetch: "
            + "`http", "Failed to fetch: http",
          "HTTP error 5",
          "Connection timed out", "Connection reset by peer", "Temporary failure in name resolution",
        ])
    }
  }

  private static let networkCodes = [
    "ENOTFOUND", "EAI_AGAIN", "ECONNRESET", "ETIMEDOUT", "ECONNREFUSED", "ENETUNREACH", "EHOSTUNREACH",
  ]

  private static func connectionLine(in phase: PhaseEvidence) -> LogLine? {
    phase.firstLine {
      $0.has("after connection broken by") || ($0.has("Retrying (Retry(") && $0.has("Errno"))
    }
  }

  private static func lineNaming(_ attempts: [EgressAttempt], in phase: PhaseEvidence) -> LogLine? {
    phase.firstLine { text in attempts.contains { text.has($0.host) } && EgressText.soundsLikeNetwork(text) }
      ?? phase.firstLine { EgressText.soundsLikeNetwork($0) }
  }

  private static func host(in text: String) -> String? {
    let name =
      text.text(between: "host='", and: "'")
      ?? text.text(after: "getaddrinfo ")?.split(separator: " ").dropFirst().first
      ?? text.text(after: "https://").map { $0.prefix { $0 != "/" && $0 != ":" && $0 != "`" } }
      ?? text.text(after: "Could not resolve host: ")
    guard let name, name.contains(".") else { return nil }
    return String(name)
  }
}

/// Words for refused connections.
enum EgressText {
  /// Names the hosts for a sentence: at most three, then a count.
  static func hosts(_ attempts: [EgressAttempt]) -> String {
    let names = unique(attempts)
    let head = names.prefix(3).joined(separator: ", ")
    return names.count > 3 ? "\(head) and \(names.count - 3) more" : head
  }

  /// Names every host for `--network allow:`.
  static func list(_ attempts: [EgressAttempt]) -> String { unique(attempts).joined(separator: ",") }

  /// The command that allows such a list.
  static func allow(_ list: String) -> FixCommand? {
    FixCommand("preflight", "check", "--network", "registries,allow:\(list)")
  }

  /// Returns the attempts as evidence.
  static func proofs(_ attempts: [EgressAttempt]) -> [Finding.Proof] {
    attempts.prefix(5).map { attempt in
      Finding.Proof(
        kind: .egress, phase: attempt.phase,
        text:
          "\(attempt.host)\(attempt.port.map { ":\($0)" } ?? "") refused by the network policy, "
          + "\(attempt.count) \(attempt.count == 1 ? "attempt" : "attempts")"
      )
    }
  }

  /// Whether a line tells of a connection or a name look-up that failed.
  static func soundsLikeNetwork(_ text: String) -> Bool { text.hasAny(of: phrases) }

  /// Whether a line is of the kind only a sandbox without resolver or route causes.
  static func soundsLikeNoNetwork(_ text: String) -> Bool {
    text.hasAny(of: [
      "Temporary failure in name resolution", "Network is unreachable", "EAI_AGAIN", "ENETUNREACH",
      "network is unreachable",
    ])
  }

  private static let phrases = [
    "Temporary failure in name resolution", "Network is unreachable", "network is unreachable", "ENOTFOUND",
    "EAI_AGAIN",
    "ENETUNREACH", "ECONNREFUSED", "ETIMEDOUT", "ECONNRESET", "EHOSTUNREACH", "Name or service not known",
    "Tunnel connection failed", "Connection refused", "Connection reset by peer", "timed out",
    "Max retries exceeded",
    "403 Forbidden", "unable to access", "CONNECT tunnel failed", "no such host", "Could not resolve host",
    "Operation not permitted",
  ]

  private static func unique(_ attempts: [EgressAttempt]) -> [String] {
    var seen: Set<String> = []
    return attempts.map(\.host).filter { seen.insert($0).inserted }
  }
}
