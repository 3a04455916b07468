/// The start command is right, but what it hands to its server is not.
enum ApplicationReference {
  static let rules = [
    Rule("application-not-found", "The server does not find the application object it is told to serve.") {
      evidence in
      guard let phase = evidence.phase(.start), phase.status == .failed else { return [] }
      return missing(phase, evidence).map { [$0] } ?? []
    },
    Rule("port-not-expanded", "The start command hands over the text $PORT instead of its value.") {
      evidence in
      guard let phase = evidence.phase(.start), phase.status == .failed,
        let line = phase.firstLine(where: { text in
          text.has("'$PORT' is not a valid") || text.has("invalid literal for int() with base 10: '$PORT'")
        })
      else { return [] }
      return [notExpanded(line, phase)]
    },
  ]

  private static func missing(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    if let line = phase.firstLine(where: { $0.has("Error loading ASGI app. ") }) {
      if let module = line.text.text(between: "Could not import module \"", and: "\"") {
        return noModule(String(module), line, phase, evidence)
      }
      if let name = line.text.text(between: "Attribute \"", and: "\""),
        let module = line.text.text(between: "not found in module \"", and: "\"")
      {
        return noAttribute(String(name), String(module), line, phase, evidence)
      }
    }
    if let line = phase.firstLine(where: { $0.hasPrefix("Failed to find attribute '") }),
      let name = line.text.text(between: "attribute '", and: "'"),
      let module = line.text.text(between: " in '", and: "'")
    {
      return noAttribute(String(name), String(module), line, phase, evidence)
    }
    if let line = phase.firstLine(where: { $0.hasPrefix("Error: Could not import '") }),
      let module = line.text.text(between: "import '", and: "'")
    {
      return noModule(String(module), line, phase, evidence)
    }
    guard let line = phase.firstLine(where: { $0.has("Could not locate a Flask application") }) else {
      return nil
    }
    return finding(
      "flask", "Flask does not find the application",
      "It looks for app.py or wsgi.py with an `app` in it, or for FLASK_APP.",
      Finding.Fix("Name the module in the start command: flask --app MODULE run."), line, phase)
  }

  private static func noModule(
    _ module: String, _ line: LogLine, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let file = module.split(separator: ".").joined(separator: "/") + ".py"
    let other = evidence.project.files.first { $0.hasSuffix("/" + file) }
    let dotted = other.map { $0.dropLast(3).split(separator: "/").joined(separator: ".") }
    let exists = evidence.project.files.contains(file)
    return finding(
      module, "The server cannot import the module '\(module)'",
      exists
        ? "\(file) exists, so one of its own imports fails, or the server starts in another folder."
        : "The start command names it, and the project has no \(file)."
          + (other.map { " It has \($0)." } ?? ""),
      Finding.Fix(
        "Name the module that holds the application, seen from the project's root"
          + (dotted.map { ": \($0)" } ?? "") + "."),
      line, phase)
  }

  private static func noAttribute(
    _ name: String, _ module: String, _ line: LogLine, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    finding(
      "\(module):\(name)", "The module '\(module)' has no '\(name)' to serve",
      "The start command asks for \(module):\(name); the module was imported, but it defines no such name.",
      Finding.Fix(
        "Name the application object as the module does (MODULE:VARIABLE), or rename it to '\(name)'."), line,
      phase)
  }

  private static func finding(
    _ subject: String, _ title: String, _ message: String, _ fix: Finding.Fix, _ line: LogLine,
    _ phase: PhaseEvidence
  ) -> Finding {
    Finding(
      rule: "application-not-found", category: .configuration, subject: subject, title: title,
      message: message, fix: fix,
      evidence: [phase.proof(line), phase.exitProof()])
  }

  private static func notExpanded(_ line: LogLine, _ phase: PhaseEvidence) -> Finding {
    Finding(
      rule: "port-not-expanded", category: .configuration, subject: "$PORT",
      title: "The start command hands over the text $PORT",
      message:
        "$PORT reached the program as it is written: only a shell replaces it, and this command line runs "
        + "without one, or quotes it.",
      fix: Finding.Fix(
        "Run the command through a shell, without single quotes around $PORT.",
        commands: ["sh -c 'exec COMMAND --port \"$PORT\"'"]),
      evidence: [phase.proof(line)])
  }
}
