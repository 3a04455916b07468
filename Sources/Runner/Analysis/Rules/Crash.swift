/// The program ended by an error, an exit status or a signal that nothing more specific explains.
enum Crash {
  static let rules = [
    Rule(consequence: "crash", "The program ended by an uncaught error, an exit status or a signal.") {
      evidence, causes in
      guard let phase = evidence.phase(.start), phase.status == .failed,
        phase.endedBy == .itself || phase.endedBy == nil,
        (phase.exitCode ?? 0) != 0 || phase.signal != nil
      else { return [] }
      let trace = fatalTrace(phase)
      if causes.explain(.start), isExplained(trace, phase, causes) { return [] }
      return [finding(phase, trace, evidence)]
    }
  ]

  /// The error the program died of: the last one that is not merely a report on another process.
  private static func fatalTrace(_ phase: PhaseEvidence) -> ErrorTrace? {
    let traces = phase.traces
    guard let last = traces.last(where: { !$0.isWrapper }) else { return traces.last }
    // The same error of several workers is one error: show it where it came first.
    return traces.first { $0.headline == last.headline } ?? last
  }

  /// Whether an error that is already reported is what ended the program, or came in the same chain or later.
  private static func isExplained(_ trace: ErrorTrace?, _ phase: PhaseEvidence, _ causes: [Finding]) -> Bool {
    guard let trace, trace.isChained else { return true }
    let lines = causes.filter { $0.severity == .error }.flatMap(\.evidence).filter {
      $0.phase == .start && $0.kind == .log
    }
    if lines.isEmpty { return true }
    let chain = phase.traces.filter { $0.isChained && $0.chain == trace.chain }
    return lines.contains { proof in
      chain.contains { $0.line.number == proof.line } || (proof.line ?? 0) >= trace.line.number
    }
  }

  private static func finding(_ phase: PhaseEvidence, _ trace: ErrorTrace?, _ evidence: Evidence) -> Finding {
    let status = ProcessEnd.describe(exitCode: phase.exitCode, signal: phase.signal)
    let hasListened = !evidence.listening.isEmpty
    let moment =
      evidence.settling != nil
      ? "after it had answered" : hasListened ? "after it had begun to listen" : "while starting"
    let words =
      trace.map { phase.proof($0.line) }
      ?? (InstallFailure.firstError(phase) ?? phase.lastWords).map { phase.proof($0) }
    let seconds = Double(phase.durationMilliseconds / 100) / 10
    return Finding(
      rule: "crash", category: .runtimeCrash, blame: phase.signal == 31 ? .sandbox : .project,
      confidence: trace == nil ? .medium : .high,
      subject: subject(trace, status),
      title: "Crashes \(moment): " + (trace.map { String($0.headline.prefix(140)) } ?? title(phase, status)),
      message: "The program ended with \(status) after \(seconds) s. " + explanation(phase, trace),
      fix: Finding.Fix(
        trace == nil
          ? "Run it in the same sandbox and look at what it does before it ends."
          : "Correct the error at the place the stack names; the program must start with nothing but its "
            + "declared environment.",
        commands: phase.command.isEmpty
          ? [] : [evidence.settings.invocation.run(phase.command)]),
      evidence: (words.map { [$0] } ?? []) + [phase.exitProof()],
      location: trace?.location(in: evidence.settings.workingDirectory)
        ?? (evidence.settling == nil ? nil : evidence.project.startFile(evidence.startCommand)))
  }

  /// Leaves numbers out, so that addresses and process numbers do not change the identity.
  private static func subject(_ trace: ErrorTrace?, _ status: String) -> String {
    guard let trace else { return status }
    return trace.type + " " + trace.message.filter { !$0.isNumber }
  }

  private static func title(_ phase: PhaseEvidence, _ status: String) -> String {
    if let signal = ProcessEnd.signal(exitCode: phase.exitCode, signal: phase.signal) {
      return ProcessEnd.name(of: signal)
    }
    return (InstallFailure.firstError(phase) ?? phase.lastWords).map { String($0.text.trimmed.prefix(140)) }
      ?? status
  }

  private static func explanation(_ phase: PhaseEvidence, _ trace: ErrorTrace?) -> String {
    switch ProcessEnd.signal(exitCode: phase.exitCode, signal: phase.signal) {
    case 9:
      return
        "It was killed with SIGKILL, and not by this check: no memory counter, time limit or stop request "
        + "of ours did it."
    case 4:
      return "Illegal instruction: a trap (a failed check in compiled code), or code for a newer processor."
    case 6: return "It aborted itself: an assertion, or the runtime's own fatal error."
    case 7, 11:
      return
        "Invalid memory access in native code: usually an extension module built for another version of "
        + "its libraries."
    case 31: return "A system call it made is refused by the sandbox's filter."
    case 15: return "SIGTERM did not come from this check."
    default: break
    }
    if phase.log.contains(where: {
      $0.text.has("Reason: Worker failed to boot.") || $0.text.has("Reason: App failed to load.")
    }) {
      return
        "gunicorn gave up because its worker could not load the application; the error above is the worker's."
    }
    if phase.log.contains(where: {
      $0.text.hasAny(of: ["EADDRINUSE", "Address already in use", "address already in use"])
    }) {
      return "Nothing else listens inside the sandbox: two processes of the program want the same port."
    }
    return trace == nil ? "It printed no stack trace." : "Nothing caught the error."
  }
}
