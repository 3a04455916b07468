import Formats

/// What the program answered when it was asked from outside.
enum Health {
  static let rules = [
    Rule(consequence: "health-server-error", "The program answers with a server error.") { evidence, causes in
      guard let probe = decisive(evidence), let status = probe.status, status >= 500, !causes.explain(.start)
      else { return [] }
      return [serverError(probe, status, evidence)]
    },
    Rule(consequence: "health-no-answer", "The program listens but does not answer HTTP.") {
      evidence, causes in
      guard let probe = decisive(evidence), probe.status == nil, isReachable(evidence),
        !causes.explain(.start),
        evidence.phase(.start)?.status != .failed
      else { return [] }
      return [noAnswer(probe, evidence)]
    },
    Rule(consequence: "health-path-failed", "The health path answers with a client error.") {
      evidence, causes in
      guard let probe = decisive(evidence), let status = probe.status, (400..<500).contains(status),
        !causes.contains(where: { $0.rule == "django-allowed-hosts" })
      else {
        return []
      }
      return [clientError(probe, status, evidence)]
    },
    Rule("health-check-not-run", "A health check needs a program that is not in the sandbox.") { evidence in
      guard let probe = evidence.probes.last, let tool = probe.missingTool else { return [] }
      return [notRun(probe, tool, evidence)]
    },
    Rule(consequence: "health-check-failed", "The health check of the image or of a descriptor fails.") {
      evidence, causes in
      guard let last = evidence.probes.last(where: { $0.command != nil }), !last.succeeded,
        last.missingTool == nil,
        evidence.phase(.start)?.status != .failed, !causes.explain(.start)
      else { return [] }
      return [failedCheck(last, evidence)]
    },
  ]

  /// Returns one attempt as evidence.
  static func proof(_ probe: ProbeAttempt) -> Finding.Proof {
    if let command = probe.command {
      let end = probe.exitCode.map { "status \($0)" } ?? probe.failure ?? "no end"
      return Finding.Proof(
        kind: .probe, phase: .probe,
        text: "HEALTHCHECK \(command): \(end) after \(probe.durationMilliseconds) ms")
    }
    let result = probe.status.map { "HTTP \($0)" } ?? probe.failure ?? "no answer"
    return Finding.Proof(
      kind: .probe, phase: .probe,
      text: "GET \(probe.path) on port \(probe.port): \(result) after \(probe.durationMilliseconds) ms")
  }

  /// The last attempt, unless one succeeded.
  private static func decisive(_ evidence: Evidence) -> ProbeAttempt? {
    let path = evidence.settings.healthPath
    let attempts = evidence.probes.filter { $0.command == nil && (path == nil || $0.path == path) }
    if attempts.contains(where: { $0.succeeded && ($0.status ?? 200) >= 200 }) { return nil }
    return attempts.last { $0.status != nil } ?? attempts.last
  }

  private static func isReachable(_ evidence: Evidence) -> Bool {
    evidence.listening.contains {
      $0.port == evidence.settings.port && !ListeningAddress.isLoopback($0.address)
    }
  }

  private static func failedCheck(_ probe: ProbeAttempt, _ evidence: Evidence) -> Finding {
    var proofs = [proof(probe)]
    if let output = probe.bodyExcerpt?.trimmed, !output.isEmpty {
      proofs.append(
        Finding.Proof(
          kind: .probe, phase: .probe,
          text: "it wrote: " + String(TerminalText.plain(String(output)).prefix(200))))
    }
    let count = evidence.probes.filter { $0.command != nil }.count
    return Finding(
      rule: "health-check-failed", category: .health, subject: probe.command ?? "",
      title: "\(named(evidence)) fails"
        + (probe.exitCode.map { " with status \($0)" } ?? probe.failure.map { " (\($0))" } ?? ""),
      message:
        "The command of \(evidence.settings.healthCheckSource ?? "the image's HEALTHCHECK") was run in the sandbox "
        + "beside the program, \(count) times; a platform that asks it would not let the program go live.",
      fix: Finding.Fix(
        "Make the program answer what the check asks, or name a path to ask instead.",
        commands: [evidence.check("--health", "/PATH")]),
      evidence: proofs, location: place(evidence))
  }

  private static func notRun(_ probe: ProbeAttempt, _ tool: String, _ evidence: Evidence) -> Finding {
    Finding(
      rule: "health-check-not-run", category: .health, severity: .note, subject: tool,
      title: "\(named(evidence)) was not run: \(tool) is not here",
      message:
        "What the image installs beside the project's dependencies is not in the sandbox, so the check says nothing of "
        + "the program.",
      fix: Finding.Fix("See that the image has \(tool): without it the check fails there at each attempt."),
      evidence: [proof(probe)], location: place(evidence))
  }

  private static func named(_ evidence: Evidence) -> String {
    evidence.settings.healthCheckSource.map { "The health check of \($0)" } ?? "The image's health check"
  }

  /// The place of "Dockerfile:4".
  private static func place(_ evidence: Evidence) -> Finding.Location? {
    let parts = (evidence.settings.healthCheckSource ?? "").split(separator: ":")
    guard parts.count == 2, let line = Int(parts[1]) else { return nil }
    return Finding.Location(file: String(parts[0]), line: line)
  }

  private static func serverError(_ probe: ProbeAttempt, _ status: Int, _ evidence: Evidence) -> Finding {
    let trace = evidence.phase(.start).flatMap { $0.traces.last { !$0.isWrapper } }
    var proofs = [proof(probe)]
    if let phase = evidence.phase(.start), let trace { proofs.insert(phase.proof(trace.line), at: 0) }
    if let body = probe.bodyExcerpt?.trimmed, !body.isEmpty, trace == nil {
      proofs.append(
        Finding.Proof(
          kind: .probe, phase: .probe, text: "body: " + String(TerminalText.plain(String(body)).prefix(200))))
    }
    return Finding(
      rule: "health-server-error", category: .health, subject: "\(status) \(probe.path)",
      title: "GET \(probe.path) answers \(status)" + (trace.map { ": \($0.headline)" } ?? ""),
      message:
        "The program starts and listens, but fails to serve the first request; a platform's health check "
        + "would not let it go live.",
      fix: Finding.Fix(
        trace == nil
          ? "Look at the program's log for this request; make the health path answer 200."
          : "Correct the error in the log."),
      evidence: proofs, location: trace?.location(in: evidence.settings.workingDirectory))
  }

  private static func noAnswer(_ probe: ProbeAttempt, _ evidence: Evidence) -> Finding {
    let isOther =
      probe.failure?.lowercased().has("not http") == true
      || (probe.isConnection == true && !evidence.settings.expectsHTTP)
    let isError = !isOther || evidence.settings.healthPath != nil
    return Finding(
      rule: "health-no-answer", category: .health, severity: isError ? .error : .note, subject: probe.path,
      title: isOther
        ? "Port \(probe.port) does not speak HTTP"
        : "GET \(probe.path) gets no answer (\(probe.failure ?? "nothing came"))",
      message: isOther
        ? "The program answers on its port, but not in HTTP; that is right for another protocol only."
        : "The program accepts connections and does not answer: it may be blocked by a slow start, a full "
          + "worker or a service it waits for.",
      fix: Finding.Fix(
        isOther
          ? "If it is a web service, listen for plain HTTP on PORT: the platform ends TLS."
          : "Make the health path independent of slow or external services."),
      evidence: [proof(probe)])
  }

  private static func clientError(_ probe: ProbeAttempt, _ status: Int, _ evidence: Evidence) -> Finding {
    let isExplicit = evidence.settings.healthPath != nil
    let phase = evidence.phase(.start)
    let host = phase?.firstLine { $0.has("Invalid HTTP_HOST header") || $0.has("DisallowedHost") }
    // Django's own page for a host it does not serve; its log says so only where it is configured to.
    let isHost =
      status == 400 && (host != nil || probe.bodyExcerpt?.has("<h1>Bad Request (400)</h1>") == true)
    return Finding(
      rule: "health-path-failed", category: .health,
      severity: isExplicit ? .error : isHost ? .warning : .note,
      subject: "\(status) \(probe.path)",
      title: "\(isExplicit ? "The health path" : "GET") \(probe.path) answers \(status)",
      message: isHost
        ? "Django refuses the Host header of the request; a platform's health check asks by address or by "
          + "an internal name."
        : isExplicit
          ? "A platform's health check expects 2xx or 3xx there and would not let the program go live."
          : "The program answers HTTP; nothing is known about a better path to ask.",
      fix: Finding.Fix(
        isHost
          ? "Add the platform's host names to ALLOWED_HOSTS."
          : isExplicit ? "Serve the path, or name another one." : "Name a path that answers 200.",
        commands: isHost ? [] : [evidence.check("--health", "/PATH")]),
      evidence: [proof(probe)]
        + (isHost ? [phase.flatMap { phase in host.map { phase.proof($0) } }].compactMap { $0 } : []))
  }
}
