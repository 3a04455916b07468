/// A program that ends at once, without an error, and without having done anything that can be seen.
enum DoesNothing {
  static let id = "does-nothing"
  /// A job that takes longer has worked, even if it says nothing.
  private static let longestMilliseconds = 3000

  static let rules = [
    Rule(consequence: id, "The program ends at once and has done nothing.") { evidence, causes in
      guard let phase = evidence.phase(.start), phase.status == .passed, phase.exitCode == 0,
        phase.endedBy == .itself, evidence.settings.port == nil,
        phase.durationMilliseconds < longestMilliseconds,
        phase.log.allSatisfy({ $0.text.trimmed.isEmpty }), evidence.filesWritten.isEmpty,
        evidence.listening.isEmpty, !evidence.egress.contains(where: { $0.phase == .start }),
        !causes.explain(.start)
      else { return [] }
      return [finding(phase, evidence)]
    }
  ]

  private static func finding(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding {
    let seconds = Double(phase.durationMilliseconds / 100) / 10
    return Finding(
      rule: id, category: .configuration, subject: "exit 0",
      title: "Ends with status 0 after \(seconds) s and has done nothing",
      message:
        "It printed nothing, wrote nothing, connected to nothing and listened on nothing: usually the file only defines "
        + "things, and nothing calls them (a missing `if __name__ == \"__main__\"` or app.run()).",
      fix: Finding.Fix(
        "Name the command that runs the program, or call its main function in the file.",
        commands: [evidence.check("--start", "COMMAND")]),
      evidence: [phase.exitProof()],
      location: evidence.settings.startPlace ?? evidence.project.startFile(evidence.startCommand))
  }
}
