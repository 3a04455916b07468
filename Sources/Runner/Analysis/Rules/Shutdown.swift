/// The program does not stop when it is asked to.
enum Shutdown {
  static let rules = [
    Rule("ignores-stop-request", "The program does not stop on SIGTERM.") { evidence in
      guard let phase = evidence.phase(.stop), phase.endedBy == .gracePeriodKill else { return [] }
      return [finding(phase, evidence)]
    }
  ]

  private static func finding(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding {
    let seconds = evidence.settings.gracePeriodMilliseconds / 1000
    let signal = evidence.settings.stopSignal
    let command = evidence.phase(.start)?.command ?? []
    let isShell =
      command.count >= 3 && (command[0].hasSuffix("sh")) && command[1].hasPrefix("-")
      && command[1].hasSuffix("c")
    let isCompound = isShell && command[2].hasAny(of: ["&&", ";", "|"]) && !command[2].has("exec ")
    let script = script(evidence)
    let advice =
      script.map {
        "Put `exec` before the last command of \($0), so that the signal reaches the program and not the shell."
      }
      ?? (isCompound
        ? "Put `exec` before the last command of the start line, so that the signal reaches the program and "
          + "not the shell."
        : (evidence.project.advice?.stop ?? "Handle {signal}: finish what is being served, then exit.")
          .replacing("{signal}", with: signal))
    return Finding(
      rule: "ignores-stop-request", category: .shutdown, severity: .warning, subject: signal,
      title: "Does not stop on \(signal)",
      message:
        "It was still running \(seconds) s after \(signal) and had to be killed: every deployment and "
        + "restart waits that long and cuts off requests. "
        + "The first process of a container ignores signals it does not handle.",
      fix: Finding.Fix(advice),
      evidence: [
        Finding.Proof(
          kind: .exitStatus, phase: .stop,
          text: "\(signal) sent, SIGKILL after the grace period of \(seconds) s")
      ] + phase.lastLines(1).map { phase.proof($0) },
      location: script.map { Finding.Location(file: $0) }
        ?? (isCompound
          ? evidence.project.startPlace
          : evidence.settings.port == nil
            ? evidence.project.startFile(evidence.startCommand) ?? evidence.project.startPlace
            : evidence.project.serverPlace()))
  }

  /// The shell script that is started and that stays between the platform and the program.
  private static func script(_ evidence: Evidence) -> String? {
    guard let line = evidence.project.startLine else { return nil }
    let words = line.split(separator: " ").map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : String($0) }
    guard
      let file = words.first(where: {
        $0.hasSuffix(".sh") || evidence.project.texts[$0]?.hasPrefix("#!") ?? false
      }),
      let text = evidence.project.texts[file],
      file.hasSuffix(".sh") || text.hasPrefix("#!/bin/sh") || text.hasPrefix("#!/bin/bash"),
      let last = text.split(separator: "\n").last(where: { !$0.trimmed.hasPrefix("#") && !$0.trimmed.isEmpty }
      ),
      !last.trimmed.hasPrefix("exec ")
    else { return nil }
    return file
  }
}
