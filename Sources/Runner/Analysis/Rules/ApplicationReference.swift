/// The start command is right, but what it hands to its server is not.
enum ApplicationReference {
  static let rules = [
    Rule("application-not-found", "The server does not find the application object it is told to serve.") {
      evidence in
      guard let phase = evidence.phase(.start), evidence.programFailed else { return [] }
      return missing(phase, evidence).map { [$0] } ?? []
    },
    Rule("application-factory-not-called", "The server is given a function that makes the application.") {
      evidence in
      guard let phase = evidence.phase(.start), evidence.programFailed else { return [] }
      return factory(phase, evidence).map { [$0] } ?? []
    },
    Rule("application-not-callable", "What the server is given is no application.") { evidence in
      guard let phase = evidence.phase(.start), evidence.programFailed,
        let line = phase.firstLine(where: { $0.has("Application object must be callable") })
      else { return [] }
      return [notCallable(line, phase, evidence)]
    },
    Rule("port-not-expanded", "The start command hands over the text $PORT instead of its value.") {
      evidence in
      guard let phase = evidence.phase(.start), phase.status == .failed else { return [] }
      let said = phase.firstLine { text in
        text.hasAny(of: ["'$PORT'", "'${PORT}'", "'${PORT:-"])
          && text.hasAny(of: ["' is not a valid", "invalid literal for int() with base 10: "])
      }
      // The text in the command itself is proof enough, whatever the program makes of it.
      let isWritten = handsOverText(phase.command)
      guard let line = said ?? (isWritten ? phase.traces.last?.line ?? phase.lastWords : nil) else {
        return []
      }
      return [notExpanded(line, phase, evidence)]
    },
  ]

  /// Whether a command has $PORT where no shell replaces it: a word without a shell, or single quotes.
  static func handsOverText(_ command: [String]) -> Bool {
    func names(_ text: String) -> Bool { text.hasWord("$PORT") || text.hasAny(of: ["${PORT}", "${PORT:"]) }
    guard command.count == 3, command[0].hasSuffix("sh"), command[1] == "-c" else {
      return command.contains(where: names) && !command.contains { $0.hasSuffix("sh") }
    }
    let line = command[2]
    // What is quoted for another shell is replaced there; the quotes inside of double quotes are plain text.
    guard !line.hasAny(of: ["sh -c", "eval ", "sh -lc", "\""]) else { return false }
    let parts = line.split(separator: "'", omittingEmptySubsequences: false)
    return parts.indices.contains { $0 % 2 == 1 && names(String(parts[$0])) }
  }

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
    if let found = serverAttribute(phase, evidence) { return found }
    guard let line = phase.firstLine(where: { $0.has("Could not locate a Flask application") }) else {
      return nil
    }
    let candidate = evidence.project.candidate(named: "app")
    let module = candidate.map { String($0.text.prefix { $0 != ":" }) }
    return finding(
      "flask", "Flask does not find the application",
      "It looks for app.py or wsgi.py with an `app` in it, or for FLASK_APP"
        + (candidate.map { "; the application is in \($0.place.file)." } ?? "."),
      Finding.Fix(
        "Name the module \(evidence.inStart): flask --app \(module ?? "MODULE") run, or set FLASK_APP.",
        commands: module.map { [evidence.check(setting: ["FLASK_APP=\($0)"])] } ?? []), line, phase, evidence)
  }

  /// daphne and granian: "AttributeError: module 'app' has no attribute 'app'" of the module that is served.
  private static func serverAttribute(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    guard let own = evidence.project.startReference, let attribute = own.attribute else { return nil }
    let text = "AttributeError: module '\(own.module)' has no attribute '\(attribute)'"
    guard let line = phase.firstLine(where: { $0.hasPrefix(text) }) else { return nil }
    return noAttribute(attribute, own.module, line, phase, evidence)
  }

  private static func noModule(
    _ module: String, _ line: LogLine, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let path = module.split(separator: ".").joined(separator: "/")
    let files = [path + ".py", path + "/__init__.py"]
    let other = evidence.project.files.first { file in files.contains { file.hasSuffix("/" + $0) } }
    let exists = evidence.project.files.contains { files.contains($0) }
    if let other, other.hasPrefix("src/"), !exists {
      return sourceFolder(module, line, phase, evidence)
    }
    let attribute = evidence.project.startReference?.attribute
    let candidate = exists ? nil : evidence.project.candidate(named: attribute)
    return finding(
      module, "The server cannot import the module '\(module)'",
      exists
        ? "\(files[0]) exists, so one of its own imports fails, or the server starts in another folder."
        : "The start command names it, and the project has no \(files[0])."
          + (candidate.map { " The application is in \($0.place.file): \($0.text)." }
            ?? other.map { " It has \($0)." } ?? ""),
      evidence.naming(
        candidate, otherwise: "Name the module that holds the application, seen from the project's root."),
      line, phase, evidence)
  }

  /// The module lies below src/, which is not on the import path.
  private static func sourceFolder(
    _ module: String, _ line: LogLine, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    var found = finding(
      module, "The module '\(module)' lies in src/, which is not on the import path",
      "The server looks in the project's root and among the installed packages; the project itself is not "
        + "installed.",
      Finding.Fix(
        "Install the project itself (src layout, a line `.` in the requirements), or put src on the path: "
          + "--app-dir src, or PYTHONPATH=src.",
        commands: [evidence.check(setting: ["PYTHONPATH=src"])]),
      line, phase, evidence)
    found.rule = "module-not-on-path"
    return found
  }

  private static func noAttribute(
    _ name: String, _ module: String, _ line: LogLine, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    let candidate = evidence.project.candidate(named: name, besides: "\(module):\(name)")
    return finding(
      "\(module):\(name)", "The module '\(module)' has no '\(name)' to serve",
      "The start command asks for \(module):\(name); the module was imported, but it defines no such name.",
      evidence.naming(
        candidate,
        otherwise:
          "Name the application object as the module does (MODULE:VARIABLE), or rename it to '\(name)'."),
      line,
      phase, evidence)
  }

  /// "TypeError: create_app() takes 0 positional arguments but 2 were given" while a request is served.
  private static func factory(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    guard let own = evidence.project.startReference, let name = own.attribute, !name.contains("(") else {
      return nil
    }
    let head = "TypeError: \(name)() "
    let isKnown = evidence.project.applications.contains { $0.isFactory && $0.name == name }
    let line = phase.firstLine { text in
      text.hasPrefix(head) && (text.has("positional argument") || text.has("unexpected keyword"))
    }
    guard
      let line = line
        ?? (isKnown
          ? phase.firstLine { $0.has("is not callable") || $0.has("does not appear to be a valid") } : nil)
    else { return nil }
    let call = "\(own.module):\(name)()"
    let isUvicorn = evidence.project.startLine?.has("uvicorn ") ?? false
    let changed =
      isUvicorn
      ? evidence.project.startLine.map { "\($0) --factory" } : evidence.project.startLine(with: call)
    return Finding(
      rule: "application-factory-not-called", category: .configuration, subject: own.word,
      title: "\(name) makes the application and is not called: \(name)() is meant",
      message:
        "The start command gives the function \(name) itself to the server, which calls it with a request; "
        + "every request fails.",
      fix: Finding.Fix(
        isUvicorn ? "Add --factory \(evidence.inStart)." : "Write '\(call)' \(evidence.inStart), in quotes.",
        commands: changed.map { [evidence.check("--start", $0)] } ?? []),
      evidence: [phase.proof(line)], location: evidence.project.startPlace)
  }

  private static func notCallable(_ line: LogLine, _ phase: PhaseEvidence, _ evidence: Evidence) -> Finding {
    let project = evidence.project
    let own = project.startReference
    // `server = app.server` of Dash, or any other application in the module.
    let server = own.flatMap { own -> (text: String, place: Finding.Location)? in
      let file = own.module.split(separator: ".").joined(separator: "/") + ".py"
      guard let place = project.place(in: [file], where: { $0.hasPrefix("server = ") && $0.has(".server") })
      else { return nil }
      return ("\(own.module):server", place)
    }
    let candidate = server ?? project.candidate(named: "server", besides: own?.word)
    return Finding(
      rule: "application-not-callable", category: .configuration, subject: own?.word ?? "application",
      title: "\(own?.word ?? "What the server is given") is no application that a server can call",
      message:
        "It exists, but it is not a WSGI or ASGI callable: a wrapper (Dash's application has it as .server), a "
        + "module or a plain object.",
      fix: evidence.naming(
        candidate, otherwise: "Name the application object itself \(evidence.inStart)."),
      evidence: [phase.proof(line), phase.exitProof()], location: project.startPlace)
  }

  private static func finding(
    _ subject: String, _ title: String, _ message: String, _ fix: Finding.Fix, _ line: LogLine,
    _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding {
    Finding(
      rule: "application-not-found", category: .configuration, subject: subject, title: title,
      message: message, fix: fix,
      evidence: [phase.proof(line), phase.exitProof()], location: evidence.project.startPlace)
  }

  private static func notExpanded(_ line: LogLine, _ phase: PhaseEvidence, _ evidence: Evidence) -> Finding {
    let plain = evidence.project.startLine.map { line in
      line.split(separator: "'", omittingEmptySubsequences: false).joined(
        separator: line.has("'") ? "\"" : "'")
    }
    return Finding(
      rule: "port-not-expanded", category: .configuration, subject: "$PORT",
      title: "The start command hands over the text $PORT",
      message:
        "$PORT reached the program as it is written: only a shell replaces it, and this command line runs "
        + "without one, or quotes it.",
      fix: Finding.Fix(
        "Run the command through a shell, with double quotes or none around $PORT \(evidence.inStart).",
        commands: plain.map { [evidence.check("--start", $0)] }
          ?? ["sh -c 'exec COMMAND --port \"$PORT\"'"]),
      evidence: [phase.proof(line)], location: evidence.project.startPlace)
  }
}
