/// A file that the program needs is not there, or may not be written.
enum FileTrouble {
  static let rules = [
    Rule("file-not-found", "The program opens a file that is not where it looks.") { evidence in
      errors(in: evidence) { missing($0, $1, $2, evidence) }
    },
    Rule("template-not-found", "A template is not where the framework looks.") { evidence in
      errors(in: evidence) { template($0, $1, $2, evidence) }
    },
    Rule("path-not-writable", "The program writes where it may not.") { evidence in
      errors(in: evidence) { denied($0, $1, $2, evidence) }
    },
  ]

  private static func errors(
    in evidence: Evidence, _ judge: (ErrorTrace, PhaseEvidence, Finding.Severity) -> Finding?
  ) -> [Finding] {
    evidence.judgedPhases.filter { $0.name != .install }.flatMap { phase -> [Finding] in
      guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
      let traces = phase.traces
      return (traces.isEmpty ? lastWords(phase, evidence) : traces).compactMap { judge($0, phase, severity) }
    }
  }

  /// `log.Fatal(err)` of Go: the error is the last line, and there is no stack.
  private static func lastWords(_ phase: PhaseEvidence, _ evidence: Evidence) -> [ErrorTrace] {
    guard phase.status == .failed, let line = phase.lastWords,
      let path = linked(in: line.text, "no such file or directory")
        ?? linked(in: line.text, "permission denied")
    else { return [] }
    let project = evidence.project
    let place = project.place(in: project.sourcePaths) { $0.has("\"\(path)\"") }
    let frame = place.map {
      ErrorTrace.Frame(
        file: "\(evidence.settings.workingDirectory)/\($0.file)", line: $0.line ?? 1, function: nil)
    }
    return [
      ErrorTrace(
        language: EcosystemID(rawValue: "go"), imports: .linked, type: "fatal error",
        message: String(line.text), details: [], frames: frame.map { [$0] } ?? [], line: line,
        chain: -1_000_000 - line.number)
    ]
  }

  /// The path of "open templates/x: no such file or directory", as Go writes it (pkg.go.dev/os, "PathError").
  private static func linked(in message: String, _ reason: String) -> String? {
    guard let before = message.text(before: ": \(reason)") else { return nil }
    let words = before.split(separator: " ")
    guard words.count > 1, ["open", "stat", "mkdir", "lstat", "readdirent"].contains(words[words.count - 2])
    else { return nil }
    return String(words[words.count - 1])
  }

  /// The path in "[Errno 2] No such file or directory: 'x'" and "ENOENT: no such file or directory, open 'x'".
  private static func path(in trace: ErrorTrace, _ words: [String]) -> String? {
    for word in words {
      guard let rest = trace.message.text(after: word), let path = rest.text(between: "'", and: "'") else {
        continue
      }
      return String(path)
    }
    guard trace.imports == .linked else { return nil }
    return words.lazy.compactMap { linked(in: trace.message, String($0.prefix { $0 != ":" && $0 != "," })) }
      .first
  }

  private static func missing(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    let isDatabase = trace.message.has("unable to open database file")
    guard
      let path = path(in: trace, ["No such file or directory: ", "no such file or directory, "])
        ?? (isDatabase ? "the database" : nil)
    else { return nil }
    let place = trace.location(in: evidence.settings.workingDirectory)
    let root = evidence.settings.workingDirectory + "/"
    let relative = path.hasPrefix(root) ? String(path.dropFirst(root.count)) : path
    let plain = relative.hasPrefix("./") ? String(relative.dropFirst(2)) : relative
    if path.hasPrefix("/"), let finding = logFile(path, trace, phase, severity, evidence) { return finding }
    let isProgram = trace.frames.last.map { $0.file.has("subprocess.py") } ?? false
    if isProgram, !path.contains("/") { return program(path, trace, phase, severity, evidence) }
    let other = evidence.project.files.first { $0 == plain || $0.hasSuffix("/" + plain) }
    let folder = StartReference.folder(of: evidence.project.startLine ?? "")
    let name = plain.split(separator: "/").last.map(String.init) ?? plain
    let sameName = evidence.project.files.first { $0 == name || $0.hasSuffix("/" + name) }
    let reason: String
    if let other, !path.hasPrefix("/"), !folder.isEmpty {
      reason =
        "The start command goes to \(folder)/ first, so '\(path)' is looked for there; the project has \(other)."
    } else if let other, !path.hasPrefix("/") {
      reason = "A relative path begins where the program was started; the project has \(other)."
    } else if let other = sameName {
      reason = "The project has \(other)."
    } else if isDatabase {
      reason = "The folder of the database's path does not exist, or may not be written."
    } else {
      reason =
        "The project has no file of that name: it may be ignored by git, or made by a step that a deployment lacks."
    }
    return Finding(
      rule: "file-not-found", category: .filesystem, severity: severity, subject: plain,
      title: isDatabase
        ? "The database file cannot be opened" : "The file '\(path)' does not exist where it is opened",
      message: reason,
      fix: Finding.Fix(
        other == nil && sameName == nil
          ? "Deploy the file, make it in the build, or take its place from a variable."
          : trace.imports == .linked
            ? "Name the file from the folder that the program is started in, or embed it (//go:embed)."
            : "Build the path from the source file: Path(__file__).resolve().parent / '...' (Node: path.join(__dirname, '...'))."
      ),
      evidence: [phase.proof(trace.line)], location: place)
  }

  /// A log file in a folder that the system does not have: /var/log/shop/app.log.
  private static func logFile(
    _ path: String, _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity,
    _ evidence: Evidence
  ) -> Finding? {
    let root = evidence.settings.workingDirectory + "/"
    guard
      path.hasSuffix(".log") || trace.frames.contains(where: { $0.file.hasSuffix("/logging/__init__.py") }),
      !path.hasPrefix(root)
    else { return nil }
    let folder = "/" + path.split(separator: "/").dropLast().joined(separator: "/")
    return Finding(
      rule: "file-not-found", category: .filesystem, severity: severity, subject: path,
      title: "The folder of the log file \(path) does not exist",
      message:
        "A deployment has no \(folder), and a program that runs as an ordinary user cannot make it.",
      fix: Finding.Fix("Write logs to standard output, where platforms collect them."),
      evidence: [phase.proof(trace.line)],
      location: evidence.project.place(in: evidence.project.sourcePaths) { $0.has(path) }
        ?? trace.location(in: evidence.settings.workingDirectory))
  }

  private static func program(
    _ name: String, _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity,
    _ evidence: Evidence
  ) -> Finding {
    let package = SystemLibraries.package(ofProgram: name, evidence.project)
    return Finding(
      rule: "program-missing", category: .dependencyMissing, severity: severity, subject: name,
      title: "The program \(name) is not installed",
      message:
        "The project starts \(name) as a process of its own. It is a system package, which "
        + "\(Finding.manifestName(evidence.project)) cannot bring.",
      fix: Finding.Fix(
        "Install \(package ?? "what provides \(name)") in the image, or use the platform's list of packages.",
        commands: [
          package.flatMap { FixCommand(["apt-get", "install"] + $0.split(separator: " ").map(String.init)) }
        ]),
      evidence: [phase.proof(trace.line)], location: trace.location(in: evidence.settings.workingDirectory))
  }

  private static func template(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    guard ["TemplateNotFound", "TemplateDoesNotExist", "TemplateNotFoundError"].contains(trace.shortType)
    else {
      return nil
    }
    let name = trace.message.prefix { $0 != " " && $0 != "," }.filter { $0 != "'" && $0 != "\"" }
    let other = evidence.project.files.first { $0 == name || $0.hasSuffix("/" + name) }
    let folders = trace.message.text(after: "search path: ").map { " It looked in \($0)." } ?? ""
    return Finding(
      rule: "template-not-found", category: .configuration, severity: severity, subject: name,
      title: "The template \(name) is not found",
      message: (other.map {
        "The project has it at \($0), which is not a folder that is searched (Flask and FastAPI's usual one is templates/)."
      }
        ?? "The project has no file of that name.") + folders,
      fix: Finding.Fix(
        other == nil
          ? "Add the template (is it ignored by git or by .dockerignore?)."
          : "Move it to templates/ beside the application's module, or name the folder: "
            + "Flask(__name__, template_folder=...)."),
      evidence: [phase.proof(trace.line)], location: trace.location(in: evidence.settings.workingDirectory))
  }

  private static func denied(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    let words = [
      "Permission denied: ", "permission denied, ", "Read-only file system: ", "read-only file system, ",
    ]
    guard let path = path(in: trace, words) else { return nil }
    let isRead = trace.message.has("Read-only")
    return Finding(
      rule: "path-not-writable", category: .filesystem, severity: severity, subject: path,
      title: "The program may not write \(path)",
      message:
        "It runs as an ordinary user, as on a platform, and "
        + (isRead ? "that file system is read-only." : "the path belongs to the system."),
      fix: Finding.Fix(
        path.has("log") || path.hasPrefix("/var/")
          ? "Write logs to standard output, where platforms collect them; other files below /tmp or a volume."
          : "Write below /tmp, or to a volume whose place comes from a variable."),
      evidence: [phase.proof(trace.line)], location: trace.location(in: evidence.settings.workingDirectory))
  }
}
