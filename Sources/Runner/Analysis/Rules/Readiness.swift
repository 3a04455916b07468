/// The program never became ready, without an error of its own.
enum Readiness {
  static let rules = [
    Rule(consequence: "exits-before-listening", "A web service ends without error before it listens.") {
      evidence, causes in
      guard let phase = evidence.phase(.start), phase.status == .failed,
        phase.endedBy == .itself || phase.endedBy == nil,
        phase.exitCode == 0, phase.signal == nil, let port = evidence.settings.port, !causes.explain(.start)
      else { return [] }
      return [exits(phase, port, evidence)]
    },
    Rule(consequence: "never-listens", "A web service does not listen before the deadline.") {
      evidence, causes in
      guard let phase = evidence.phase(.start), phase.status == .failed, phase.endedBy == .timeLimit,
        !causes.explain(.start)
      else {
        return []
      }
      return [neverListens(phase, evidence)]
    },
  ]

  private static func exits(_ phase: PhaseEvidence, _ port: Int, _ evidence: Evidence) -> Finding {
    let seconds = Double(phase.durationMilliseconds / 100) / 10
    let heard = evidence.listening.isEmpty ? "without ever listening on a port" : "after it had listened"
    return Finding(
      rule: "exits-before-listening", category: .configuration, subject: "exit 0",
      title: "Ends by itself after \(seconds) s, \(heard)",
      message:
        "The start command finished with exit code 0, so nothing is left to answer on port \(port). Either "
        + "it is not the command that "
        + "serves (it only prepares, or starts a daemon in the background), or the project is a worker and "
        + "not a web service.",
      fix: Finding.Fix(
        "For a web service, name the command that serves and keep it in the foreground; for a worker or a "
          + "job, declare it as such (`worker: COMMAND` in the Procfile).",
        commands: ["preflight check --start 'COMMAND'"]),
      evidence: phase.lastLines(1).map { phase.proof($0) } + [phase.exitProof()])
  }

  private static func neverListens(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding {
    let seconds = evidence.settings.startDeadlineMilliseconds / 1000
    let port = evidence.settings.port.map { "port \($0)" } ?? "any port"
    let denied = evidence.deniedEgress(in: .start)
    let hint =
      denied.isEmpty
      ? ""
      : " Meanwhile it tried to reach \(EgressText.hosts(denied)), which the policy of this check refuses."
    let last = phase.lastLines(1).first
    return Finding(
      rule: "never-listens", category: .network, blame: denied.isEmpty ? .project : .sandbox,
      confidence: denied.isEmpty ? .high : .medium,
      subject: "deadline", title: "Does not listen on \(port) within \(seconds) s",
      message: "The program kept running, but opened no port before the deadline"
        + (last == nil ? " and printed nothing." : "; its last line says where it stood.") + hint,
      fix: Finding.Fix(
        denied.isEmpty
          ? "Listen first and prepare later, or allow more time if the platform does; a worker that serves "
            + "nothing is declared as one (`worker: COMMAND` in the Procfile)."
          : "Allow the host for the check.",
        commands: denied.isEmpty
          ? [] : [EgressText.allow(EgressText.list(denied))]),
      evidence: (last.map { [phase.proof($0)] } ?? [])
        + [Finding.Proof(kind: .listening, phase: .start, text: "no listening socket after \(seconds) s")])
  }
}
