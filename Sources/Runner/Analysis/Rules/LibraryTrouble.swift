/// An installed package that says what it lacks, or that does not load beside what else is installed.
enum LibraryTrouble {
  static let rules = [
    Rule("package-needs-another", "An installed package says that it needs another one.") { evidence in
      errors(in: evidence).compactMap { needsAnother($0.trace, $0.phase, $0.severity, evidence) }
    },
    Rule(consequence: "package-not-importable", "An installed package fails while it is imported.") {
      evidence, causes in
      errors(in: evidence).compactMap { found in
        guard found.severity == .error, !causes.explain(found.phase.name) else { return nil }
        return notImportable(found.trace, found.phase, evidence)
      }
    },
  ]

  private typealias Failure = (trace: ErrorTrace, phase: PhaseEvidence, severity: Finding.Severity)

  /// The errors that installed Python code raised.
  private static func errors(in evidence: Evidence) -> [Failure] {
    evidence.judgedPhases.filter { $0.name != .install }.flatMap { phase -> [Failure] in
      guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
      let traces = phase.traces
      let missing = Set(traces.filter { $0.missingModule != nil }.map(\.chain))
      return traces.filter {
        $0.imports == .modules && !$0.isWrapper && !missing.contains($0.chain) && $0.raisingPackage != nil
      }.map { ($0, phase, severity) }
    }
  }

  // MARK: "jinja2 must be installed to use Jinja2Templates"

  private static func needsAnother(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    guard let package = trace.raisingPackage, let name = wanted(in: trace.message), PackageName.isPython(name)
    else { return nil }
    let project = evidence.project
    let manifest = Finding.manifestName(project)
    let distribution = name.contains("[") ? name : ImportNames.distribution(for: name)
    let owner = ImportNames.distribution(for: package)
    let isOwn =
      DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: name))
      == DependencyAdvice.normalized(owner)
    guard !isOwn || name.contains("[") else { return nil }
    return Finding(
      rule: "package-needs-another", category: .dependencyMissing, severity: severity, subject: distribution,
      title: "\(package) needs \(distribution), which is not installed",
      message:
        "This use of \(package) takes a package that it does not bring by itself, and \(manifest) does not name it.",
      fix: DependencyAdvice.isWellKnown(distribution, in: project)
        ? DependencyAdvice.add(distribution, to: project)
        : Finding.Fix("Add what the message names to \(manifest), after a look at what it is on the index."),
      evidence: [phase.proof(trace.line)],
      location: project.requirementPlace(of: owner) ?? project.manifest.map { Finding.Location(file: $0) })
  }

  /// The package that a message asks to install: after "pip install", before "must be installed".
  static func wanted(in message: String) -> String? {
    let marks = "'\"`"
    func first(_ text: Substring?) -> String? {
      guard let word = text?.drop(while: { $0 == " " || marks.contains($0) }).prefix(while: { $0 != " " })
      else { return nil }
      let name = word.filter { !marks.contains($0) }
      let plain = [".", ",", ";", ")"].contains(name.suffix(1)) ? String(name.dropLast()) : String(name)
      return plain.isEmpty || plain.hasPrefix("-") ? nil : plain
    }
    if let name = first(message.text(after: "pip install ")) { return name }
    for words in [" must be installed", " needs to be installed", " has to be installed"] {
      guard let before = message.text(before: words) else { continue }
      return before.split(separator: " ").last.flatMap { first($0) }
    }
    return nil
  }

  // MARK: An import of a package that fails in its own code

  private static let kinds: Set<String> = ["ImportError", "AttributeError", "TypeError", "NameError"]

  private static func notImportable(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ evidence: Evidence
  ) -> Finding? {
    guard kinds.contains(trace.shortType), !trace.message.has("NoneType"),
      let raising = trace.raisingPackage,
      let place = trace.location(in: evidence.settings.workingDirectory), let number = place.line,
      let line = evidence.project.line(number, of: place.file)?.trimmed,
      line.hasPrefix("import ") || line.hasPrefix("from "),
      let imported = trace.frames.lazy.compactMap({ $0.installedPackage }).first
    else { return nil }
    let project = evidence.project
    let names = [imported, raising].map { ImportNames.distribution(for: $0) }
    let declared = names.first { project.requirementPlace(of: $0) != nil }
    let name = declared ?? names[0]
    let version = project.runtimeVersion.map { "Python \($0)" } ?? "this Python"
    let chain = imported == raising ? "" : ", in \(raising), which it needs"
    let asWritten = project.requirement(of: name).map { " (\($0))" } ?? ""
    return Finding(
      rule: "package-not-importable", category: .dependencyConflict, confidence: .medium, subject: imported,
      title: "The package \(imported) cannot be imported: \(trace.headline.prefix(120))",
      message:
        "\(place.file) line \(number) imports \(imported)\(asWritten), and its own code fails\(chain). That is a package "
        + "older than \(version), or older than a library beside it that nothing pins.",
      fix: Finding.Fix(
        "Raise \(name) to a release for \(version) and the libraries of today, replace it where there is none, or pin "
          + "the Python or the library it was written for.",
        commands: [DependencyAdvice.listVersions(of: name)]),
      evidence: [phase.proof(trace.line)],
      location: project.requirementPlace(of: name) ?? place)
  }
}

extension ErrorTrace.Frame {
  /// The import name of the installed package it lies in.
  var installedPackage: String? {
    guard let rest = file.text(after: "/site-packages/") else { return nil }
    return String(rest.prefix { $0 != "/" && $0 != "." })
  }
}

extension ErrorTrace {
  /// The installed package whose code raised it; nil for the project's own code.
  var raisingPackage: String? {
    frames.last { !$0.file.hasPrefix("<") && !$0.file.has("/lib/python3") || $0.installedPackage != nil }?
      .installedPackage
  }
}
