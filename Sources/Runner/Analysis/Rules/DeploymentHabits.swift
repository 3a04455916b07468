/// What works in the check and is wrong in a deployment.
enum DeploymentHabits {
  static let rules = [
    Rule("debug-mode", "The program serves its debugger.") { evidence in
      guard let phase = evidence.phase(.start),
        let line = phase.firstLine(where: { $0.has("Debug mode: on") || $0.has("Debugger is active!") })
      else { return [] }
      return [debugMode(line, phase, evidence)]
    },
    Rule("data-in-project", "The program keeps data beside its code.") { evidence in
      data(evidence).map { [$0] } ?? []
    },
  ]

  private static func debugMode(_ line: LogLine, _ phase: PhaseEvidence, _ evidence: Evidence) -> Finding {
    let place =
      evidence.project.place(in: evidence.project.sourcePaths) {
        $0.has("debug=True") || $0.has("DEBUG = True")
      }
      ?? evidence.project.startPlace
    return Finding(
      rule: "debug-mode", category: .security, severity: .warning, subject: "debug",
      title: "Runs in debug mode: the debugger is served to everyone",
      message:
        "Flask's debugger lets whoever causes an error run code, and the reloader doubles the process. Neither belongs "
        + "into a deployment.",
      fix: Finding.Fix(
        "Remove debug=True (or take it from a variable), and start a production server such as gunicorn."),
      evidence: [phase.proof(line)], location: place)
  }

  private static let endings = [".db", ".sqlite", ".sqlite3", ".db3"]

  private static let folders = ["uploads/", "media/", "data/", "storage/"]

  private static func data(_ evidence: Evidence) -> Finding? {
    let root = evidence.settings.workingDirectory + "/"
    guard evidence.phase(.start)?.status == .passed,
      let file = evidence.filesWritten.first(where: { file in
        file.path.hasPrefix(root) && file.kind != "deleted"
          && (endings.contains { file.path.hasSuffix($0) }
            || folders.contains { file.path.dropFirst(root.count).hasPrefix($0) })
      })
    else { return nil }
    let path = String(file.path.dropFirst(root.count))
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let place =
      evidence.project.place(in: evidence.project.sourcePaths) { $0.has(name) }
      ?? evidence.project.place(in: evidence.project.sourcePaths) { $0.has("sqlite") }
    return Finding(
      rule: "data-in-project", category: .filesystem, severity: .warning, confidence: .medium, subject: path,
      title: "Keeps its data in \(path), which the next deployment does not have",
      message:
        "The program wrote \(file.path). The folder is made anew at each deployment and restart, and each instance has its "
        + "own: what is in the file is lost.",
      fix: Finding.Fix("Use a database server, or a volume whose place comes from a variable."),
      evidence: [
        Finding.Proof(
          kind: .file, text: "\(file.path) (\(ByteCount.describe(file.bytes))) was \(file.kind)", file: path)
      ],
      location: place)
  }
}
