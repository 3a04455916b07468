/// A file that the program needs is in the project's folder, and would not be deployed.
///
/// The run did not have it, so the program says what it would say there; the finding adds the line that leaves it out.
enum MissingFromDeployment {
  static let id = "missing-from-deployment"

  static let rules = [
    Rule(id, "The program needs a file that would not be deployed.") { evidence in
      let files = evidence.project.leftOut ?? []
      guard !files.isEmpty else { return [] }
      var seen: Set<String> = []
      return evidence.judgedPhases.flatMap { phase -> [Finding] in
        guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
        return phase.log.compactMap { line -> Finding? in
          guard line.text.hasAny(of: complaints), let (file, path) = missed(by: line, files, evidence),
            seen.insert(file.path).inserted
          else { return nil }
          return finding(file, path, line, phase, severity, evidence)
        }
      }
    }
  ]

  /// What is known only when the missing variables are.
  static let laterRules = [
    Rule(
      consequence: "variable-not-deployed",
      "A variable that is missing is set in a file that is not deployed."
    ) {
      evidence, causes in
      let missing = causes.filter { $0.category == .environmentVariable }
      return (evidence.project.leftOut ?? []).compactMap { file -> Finding? in
        let names = file.variables.filter { name in missing.contains { $0.title.words.contains(name[...]) } }
        return names.isEmpty ? nil : variables(names, file, evidence)
      }
    }
  ]

  /// What programs say of a file that is not there.
  private static let complaints = [
    "No such file or directory", "ENOENT", "not found", "Cannot find module", "Cannot find package",
    "No module named", "cannot import name", "TemplateNotFound", "TemplateDoesNotExist", "can't open file",
    "Could not open", "does not exist", "unable to open", "cannot open", "Could not import",
  ]

  /// The file that a line misses, and how the line names it.
  private static func missed(
    by line: LogLine, _ files: [LeftOutFile], _ evidence: Evidence
  ) -> (LeftOutFile, String)? {
    let root = evidence.settings.workingDirectory + "/"
    for word in line.text.split(whereSeparator: { " \t'\"`()[],;<>".contains($0) }) {
      var name = word.hasPrefix(root) ? String(word.dropFirst(root.count)) : String(word)
      while let last = name.last, last == ":" || last == "." { name.removeLast() }
      while name.hasPrefix("./") || name.hasPrefix("../") {
        name = String(name.drop { $0 == "." }.dropFirst())
      }
      guard name.count > 2, !name.hasPrefix("/") else { continue }
      let dotted = name.split(separator: ".").joined(separator: "/")
      for file in files {
        if covers(file, name) { return (file, name) }
        // A module's name, where the line speaks of one.
        if line.text.hasAny(of: ["No module named", "Could not import"]), covers(file, dotted) {
          return (file, name)
        }
      }
    }
    return nil
  }

  private static func covers(_ file: LeftOutFile, _ name: String) -> Bool {
    let names = [name, name + ".py", name + ".js", name + ".json", name + "/__init__.py", name + "/index.js"]
    let paths = file.files + [file.path]
    return names.contains { name in paths.contains { $0 == name || $0.hasSuffix("/" + name) } }
      // What lies behind a link, and in a folder of which not every file is known.
      || name.hasPrefix(file.path + "/")
      || name.hasPrefix((file.path.split(separator: "/").last.map(String.init) ?? "") + "/")
  }

  private static func finding(
    _ file: LeftOutFile, _ name: String, _ line: LogLine, _ phase: PhaseEvidence,
    _ severity: Finding.Severity,
    _ evidence: Evidence
  ) -> Finding {
    let isLink = file.place.file == file.path
    let isCommanded = evidence.startCommand.split(whereSeparator: { " ='\"".contains($0) }).contains {
      $0 == file.path || $0 == "./" + file.path
    }
    return Finding(
      rule: id, category: .filesystem, severity: severity, subject: file.path,
      title: "\(file.path) is needed, and would not be deployed",
      message: "The program looked for \(name); it is in the project's folder here, but \(file.why).",
      fix: Finding.Fix(
        isLink
          ? "Put what the link \(file.path) leads to into the project, or install it as a dependency."
          : isCommanded
            ? "Take \(file.path) out of the start command and set its values on the platform, or deploy the file."
            : "Deploy the file (change that line, or add an exception to it), or make it in the build."),
      evidence: [phase.proof(line), Finding.Proof(kind: .file, text: file.why, file: file.place.file)],
      location: isCommanded && !isLink ? evidence.settings.startPlace ?? file.place : file.place)
  }

  private static func variables(_ names: [String], _ file: LeftOutFile, _ evidence: Evidence) -> Finding {
    let list = names.joined(separator: ", ")
    return Finding(
      rule: "variable-not-deployed", category: .environmentVariable, severity: .note,
      subject: "\(file.path) \(list)", title: "\(list) is set in \(file.path), which would not be deployed",
      message: "It works where that file is; \(file.why).",
      fix: Finding.Fix(
        "Set the variables on the platform.", commands: [evidence.check("--env-file", file.path)]),
      evidence: [Finding.Proof(kind: .file, text: file.why, file: file.place.file)], location: file.place)
  }
}

extension String {
  fileprivate var words: [Substring] { split { !($0.isLetter || $0.isNumber || $0 == "_") } }
}
