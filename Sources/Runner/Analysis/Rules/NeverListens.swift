/// A web process that is up and cannot be reached on its port: it never opened it, or it opened something else.
enum NeverListens {
  static let rules = [
    Rule(consequence: "listens-on-unix-socket", "A web service listens on a UNIX socket instead of a port.") {
      evidence, causes in
      guard let phase = given(up: evidence, causes), let socket = phase.unixSocket else { return [] }
      return [unixSocket(socket.path, socket.answer, socket.seen, phase, evidence)]
    },
    Rule(consequence: "listens-on-new-protocol-only", "A web service serves IPv6 and refuses IPv4.") {
      evidence, causes in
      // An image's own health check has the word where there is one.
      guard let phase = evidence.phase(.start), let seen = phase.ipv6Only, !causes.explain(.start),
        evidence.probes.last?.command == nil
      else { return [] }
      return [ipv6Only(seen, phase, evidence)]
    },
    Rule(consequence: "never-listens", "A web service does not listen before the deadline.") {
      evidence, causes in
      guard let phase = given(up: evidence, causes), phase.unixSocket == nil else { return [] }
      return [neverListens(phase, evidence)]
    },
  ]

  /// The start phase of a program that was still running when it was given up, without an error that explains it.
  private static func given(up evidence: Evidence, _ causes: [Finding]) -> PhaseEvidence? {
    guard let phase = evidence.phase(.start), phase.status == .failed, evidence.settings.port != nil,
      phase.endedBy == .timeLimit || (phase.exitCode == nil && phase.signal == nil && phase.endedBy == nil),
      phase.notExecuted == nil, evidence.listening.isEmpty, !causes.explain(.start)
    else { return nil }
    return phase
  }

  private static func unixSocket(
    _ path: String, _ answer: String?, _ seen: Observation, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let port = evidence.settings.port ?? 0
    return Finding(
      rule: "listens-on-unix-socket", category: .network, subject: path,
      title: "Listens on the UNIX socket \(path), and on no port",
      message: "The program serves a socket file" + (answer.map { ", which answers \($0)" } ?? "")
        + "; a platform's router connects to the TCP port in PORT (\(port)) and finds nothing there.",
      fix: ServerAdvice.bind(evidence), evidence: [seen.proof(in: phase.name)],
      location: evidence.settings.startPlace)
  }

  private static func ipv6Only(_ seen: Observation, _ phase: PhaseEvidence, _ evidence: Evidence) -> Finding {
    Finding(
      rule: "listens-on-new-protocol-only", category: .network, subject: "IPv6",
      title: "Serves IPv6 only: IPv4 connections to port \(evidence.settings.port ?? 0) are refused",
      message:
        "The program listens on :: with the option that leaves IPv4 out (IPV6_V6ONLY); most platforms' routers and "
        + "health checks come by IPv4.",
      fix: Finding.Fix("Listen on 0.0.0.0, or on :: without IPV6_V6ONLY."),
      evidence: [seen.proof(in: phase.name)]
        + evidence.probes.filter { $0.status == nil }.suffix(1).map(Health.proof),
      location: evidence.project.startFile(evidence.startCommand) ?? evidence.settings.startPlace)
  }

  private static func neverListens(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding {
    let seconds = evidence.settings.startDeadlineMilliseconds / 1000
    let port = evidence.settings.port.map { "port \($0)" } ?? "any port"
    let denied = evidence.deniedEgress(in: .start)
    let hint =
      denied.isEmpty
      ? ""
      : " Meanwhile it tried to reach \(EgressText.hosts(denied)), which the policy of this check refuses."
    let instead = phase.idling.map { " When it was given up, it \($0.doing)." } ?? ""
    let last = phase.lastLines(1).first
    return Finding(
      rule: "never-listens", category: .network, blame: denied.isEmpty ? .project : .sandbox,
      confidence: denied.isEmpty ? .high : .medium,
      subject: "deadline", title: "Does not listen on \(port) within \(seconds) s",
      message: "The program kept running, but opened no port before the deadline"
        + (last == nil ? " and printed nothing." : "; its last line says where it stood.") + instead + hint,
      fix: Finding.Fix(
        denied.isEmpty
          ? "Listen first and prepare later, or allow more time if the platform does; a worker that serves "
            + "nothing is declared as one (`worker: COMMAND` in the Procfile)."
          : "Allow the host for the check.",
        commands: denied.isEmpty
          ? [] : [evidence.check("--network", "registries,allow:\(EgressText.list(denied))")]),
      evidence: (last.map { [phase.proof($0)] } ?? [])
        + [Finding.Proof(kind: .listening, phase: .start, text: "no listening socket after \(seconds) s")]
        + (phase.idling.map { [$0.seen.proof(in: phase.name)] } ?? []),
      location: evidence.settings.startPlace)
  }
}

extension ProjectFacts {
  /// The file of the project that a start command names, as far as it names one.
  func startFile(_ command: String) -> Finding.Location? {
    let words = command.split { " \t'\";&|()".contains($0) }
    let named = words.lazy.compactMap { word -> String? in
      let plain = word.hasPrefix("./") ? String(word.dropFirst(2)) : String(word)
      return files.first { $0 == plain }
    }
    return named.first.map { Finding.Location(file: $0) }
  }
}
