/// A program that fails and says why where nobody looks on a platform.
enum SilentFailure {
  static let rules = [
    Rule("error-only-in-log-file", "The program failed and said why in a file only.") { evidence in
      guard let phase = evidence.phase(.start), phase.status == .failed,
        phase.log.allSatisfy({ $0.text.trimmed.isEmpty })
      else { return [] }
      for file in evidence.filesWritten {
        guard let found = lastError(in: file) else { continue }
        return [silent(file, found.line, found.trace, phase, evidence)]
      }
      return []
    }
  ]

  /// The error that a log's last lines end with.
  private static func lastError(in file: WrittenFile) -> (line: String, trace: ErrorTrace?)? {
    let lines = file.tailLines
    if let trace = file.tailTraces.last(where: { !$0.isWrapper }) { return (trace.headline, trace) }
    let words = ["error", "exception", "fatal", "critical", "panic", "failed"]
    return lines.last { line in words.contains { line.text.lowercased().has($0) } }.map {
      (String($0.text.trimmed), nil)
    }
  }

  private static func name(_ file: WrittenFile, _ evidence: Evidence) -> String {
    let root = evidence.settings.workingDirectory + "/"
    return file.path.hasPrefix(root) ? String(file.path.dropFirst(root.count)) : file.path
  }

  private static func silent(
    _ file: WrittenFile, _ line: String, _ trace: ErrorTrace?, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let name = name(file, evidence)
    let status = ProcessEnd.describe(exitCode: phase.exitCode, signal: phase.signal)
    return Finding(
      rule: "error-only-in-log-file", category: .runtimeCrash,
      subject: trace.map { $0.type + $0.message.filter { !$0.isNumber } } ?? name,
      title: "Ends with \(status) and prints nothing; \(name) says: " + String(line.prefix(140)),
      message:
        "What went wrong stands only in \(name), which the program wrote during the run. On a platform nobody sees that "
        + "file: its log is what a program prints.",
      fix: Finding.Fix("Correct the error, and log to standard output or standard error."),
      evidence: [
        Finding.Proof(kind: .file, phase: .start, text: String(line.prefix(600)), file: name),
        phase.exitProof(),
      ],
      location: trace?.location(in: evidence.settings.workingDirectory) ?? file.namedIn)
  }
}
