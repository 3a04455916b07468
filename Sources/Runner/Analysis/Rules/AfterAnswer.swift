/// What goes wrong after the program has answered once, while it settles.
enum AfterAnswer {
  static let rules = [
    Rule(consequence: "stops-answering", "The program answers at first, and not a moment later.") {
      evidence, causes in
      guard let settling = evidence.settling, let answer = settling.answer, !answer.succeeded,
        evidence.phase(.start)?.status == .passed, !causes.explain(.start),
        let first = evidence.probes.last(where: {
          $0.succeeded && ($0.command == nil) == (answer.command == nil)
        })
      else { return [] }
      return [stopped(first, answer, settling, evidence)]
    },
    Rule(consequence: "worker-restarts", "Workers of the program end and are started again.") {
      evidence, causes in
      guard let settling = evidence.settling, !settling.restarted.isEmpty,
        evidence.phase(.start)?.status == .passed, !causes.explain(.start)
      else { return [] }
      return [restarts(settling, evidence)]
    },
    Rule(
      consequence: "error-after-answer", "An error is printed with its stack after the program has answered."
    ) {
      evidence, causes in
      guard let settling = evidence.settling, let phase = evidence.phase(.start), phase.status == .passed
      else {
        return []
      }
      let known = Set(causes.flatMap(\.evidence).filter { $0.phase == .start }.compactMap(\.line))
      let traces = phase.traces
      let chains = Set(traces.filter { known.contains($0.line.number) }.map(\.chain))
      let trace = traces.first { trace in
        !trace.isWrapper && !chains.contains(trace.chain)
          && (trace.line.milliseconds >= settling.answeredAt || isUncaught(trace, phase))
      }
      return trace.map { [error($0, phase, settling, evidence)] } ?? []
    },
  ]

  /// Whether the runtime itself says that nothing caught the error: the thread or task that had it is gone.
  private static func isUncaught(_ trace: ErrorTrace, _ phase: PhaseEvidence) -> Bool {
    phase.log.contains { line in
      line.number < trace.line.number && line.number + 60 > trace.line.number
        && (line.text.hasPrefix("Exception in thread ")
          || line.text.hasPrefix("Task exception was never retrieved"))
    }
  }

  private static func stopped(
    _ first: ProbeAttempt, _ answer: ProbeAttempt, _ settling: Settling, _ evidence: Evidence
  ) -> Finding {
    let result =
      answer.status.map { "answers \($0)" } ?? answer.exitCode.map { "fails with status \($0)" }
      ?? "gives no answer (\(answer.failure ?? "nothing came"))"
    let what = answer.command == nil ? "GET \(answer.path)" : "The health check"
    let trace = evidence.phase(.start).flatMap { phase in
      phase.traces.last { $0.line.milliseconds >= settling.answeredAt && !$0.isWrapper }
    }
    var proofs = [Health.proof(first), Health.proof(answer)]
    if let phase = evidence.phase(.start), let trace { proofs.insert(phase.proof(trace.line), at: 0) }
    return Finding(
      rule: "stops-answering", category: .health, subject: "\(answer.path)",
      title: "\(what) \(result) \(seconds(settling.milliseconds)) s after the first good answer",
      message:
        "The program was well when it was asked first, and was not when it was asked again: a platform's next health "
        + "check would take it out of service.",
      fix: Finding.Fix("Look at what the program does after its first request; its log may name it."),
      evidence: proofs, location: trace?.location(in: evidence.settings.workingDirectory))
  }

  private static func restarts(_ settling: Settling, _ evidence: Evidence) -> Finding {
    let names = Set(settling.restarted).sorted().joined(separator: ", ")
    let count = settling.restarted.count
    return Finding(
      rule: "worker-restarts", category: .runtimeCrash, severity: .warning, subject: names,
      title:
        "\(count == 1 ? "A worker" : "\(count) workers") (\(names)) ended and came back after the first answer",
      message:
        "Within \(seconds(settling.milliseconds)) s processes of the program ended and were replaced by its supervisor: "
        + "requests that such a worker serves are lost.",
      fix: Finding.Fix("Find out why the workers end: the log, a memory limit, a timeout of the supervisor."),
      evidence: [
        Finding.Proof(
          kind: .counter, phase: .start,
          text: "\(count) of the processes seen at the first answer were gone and replaced after "
            + "\(seconds(settling.milliseconds)) s")
      ], location: evidence.settings.startPlace)
  }

  private static func error(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ settling: Settling, _ evidence: Evidence
  ) -> Finding {
    let isLater = trace.line.milliseconds >= settling.answeredAt
    return Finding(
      rule: "error-after-answer", category: .runtimeCrash, severity: .warning,
      subject: trace.type + " " + trace.message.filter { !$0.isNumber },
      title: "An error \(isLater ? "after the first answer" : "that nothing caught"): "
        + String(trace.headline.prefix(140)),
      message:
        "The program goes on answering, but a part of it failed\(isLater ? " while it settled" : ""): what that part "
        + "does is not done.",
      fix: Finding.Fix("Correct the error at the place the stack names, or handle it there."),
      evidence: [phase.proof(trace.line)],
      location: trace.location(in: evidence.settings.workingDirectory))
  }

  private static func seconds(_ milliseconds: Int) -> Double { Double(milliseconds / 100) / 10 }
}
