/// An import that finds something, and not what was meant.
enum ImportTrouble {
  static let rules = [
    Rule("module-shadowed", "A file of the project has the name of a package and hides it.") { evidence in
      errors(in: evidence) { shadowed($0, $1, $2, evidence) }
    },
    Rule("circular-import", "Two modules of the project import each other.") { evidence in
      errors(in: evidence) { circular($0, $1, $2, evidence) }
    },
    Rule("relative-import", "A file with relative imports is started as a script.") { evidence in
      errors(in: evidence) { relative($0, $1, $2, evidence) }
    },
    Rule("wrong-distribution", "The package that is installed is another one of the same import name.") {
      evidence in errors(in: evidence) { wrongDistribution($0, $1, $2, evidence) }
    },
  ]

  private static func errors(
    in evidence: Evidence,
    _ judge: (ErrorTrace, PhaseEvidence, Finding.Severity) -> Finding?
  ) -> [Finding] {
    evidence.judgedPhases.filter { $0.name != .install }.flatMap { phase -> [Finding] in
      guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
      return phase.traces.filter { $0.imports == .modules }
        .compactMap { judge($0, phase, severity) }
    }
  }

  /// The file of the project that hides a package: flask.py, flask/__init__.py.
  private static func hiding(_ module: String, _ evidence: Evidence) -> String? {
    let top = String(module.prefix { $0 != "." })
    let own = ["\(top).py", "\(top)/__init__.py"]
    let folder = StartReference.folder(of: evidence.project.startLine ?? "")
    let paths = own + (folder.isEmpty ? [] : own.map { "\(folder)/\($0)" })
    guard let file = evidence.project.files.first(where: { paths.contains($0) }) else { return nil }
    let isDeclared = evidence.project.declaredDependencies.contains(
      DependencyAdvice.normalized(ImportNames.distribution(for: top)))
    return isDeclared || standardModules.contains(top) ? file : nil
  }

  private static func shadowed(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    let module: Substring?
    switch trace.shortType {
    case "ImportError":
      module =
        trace.message.text(between: " module '", and: "'")
        ?? trace.message.text(between: "' from '", and: "'")
    case "AttributeError": module = trace.message.text(between: "module '", and: "'")
    case "ModuleNotFoundError" where trace.message.hasSuffix("is not a package"):
      module = trace.message.text(between: "; '", and: "'")
    default: return nil
    }
    guard let module, let file = hiding(String(module), evidence) else { return nil }
    let top = String(module.prefix { $0 != "." })
    return Finding(
      rule: "module-shadowed", category: .configuration, severity: severity, subject: file,
      title: "The project's \(file) hides the package '\(top)'",
      message:
        "Python looks in the project's folder first, so `import \(top)` finds \(file) and not the package "
        + "that was meant. Every import of it fails or gets something else.",
      fix: Finding.Fix("Rename \(file), and what imports it."),
      evidence: [phase.proof(trace.line)], location: Finding.Location(file: file))
  }

  private static func circular(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    guard trace.message.has("partially initialized module '"),
      let module = trace.message.text(between: "partially initialized module '", and: "'"),
      hiding(String(module), evidence) == nil
    else { return nil }
    let name = trace.message.text(between: "cannot import name '", and: "'").map { "'\($0)' from " } ?? ""
    let own = trace.frames.filter { !ErrorTrace.isInstalledCode($0.file) && !$0.file.hasPrefix("<") }
    let root = evidence.settings.workingDirectory + "/"
    let path = own.suffix(2).map { frame in
      (frame.file.hasPrefix(root) ? String(frame.file.dropFirst(root.count)) : frame.file) + ":\(frame.line)"
    }
    return Finding(
      rule: "circular-import", category: .configuration, severity: severity, subject: "\(module) \(name)",
      title: "Circular import: \(name)'\(module)' is asked for while '\(module)' is still being loaded",
      message: path.count == 2
        ? "\(path[0]) imports the module whose line \(path[1]) imports back, before what it wants is defined."
        : "Two modules import each other, so one of them sees the other half made.",
      fix: Finding.Fix(
        "Move what both need into a module of its own, or the import into the function that uses it."),
      evidence: [phase.proof(trace.line)],
      location: trace.location(in: evidence.settings.workingDirectory))
  }

  private static func relative(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    guard trace.message.has("attempted relative import with no known parent package") else { return nil }
    let file = trace.location(in: evidence.settings.workingDirectory)?.file
    let module = file.flatMap { StartReference.module(of: $0) }
    let isInPackage = module?.contains(".") ?? false
    let line = evidence.project.startLine
    let changed =
      file.flatMap { file -> String? in
        guard isInPackage, let line, let module, line.has(file) else { return nil }
        return line.text(before: file).map { $0 + "-m \(module)" + (line.text(after: file) ?? "") }
      }
    return Finding(
      rule: "relative-import", category: .configuration, severity: severity,
      subject: file ?? "relative import",
      title: "\(file ?? "A file") is started as a script, and its relative import has no package",
      message:
        "`from .name import ...` means the package that the file belongs to; a file that is named to python "
        + "belongs to none.",
      fix: Finding.Fix(
        isInPackage
          ? "Start it as a module from the project's root \(evidence.inStart): python -m \(module ?? "PACKAGE.MODULE")."
          : "Write the import without the dot: the file lies in no package.",
        commands: changed.map { [evidence.check("--start", $0)] } ?? []),
      evidence: [phase.proof(trace.line)],
      location: isInPackage
        ? evidence.project.startPlace ?? trace.location(in: evidence.settings.workingDirectory)
        : trace.location(in: evidence.settings.workingDirectory))
  }

  private static func wrongDistribution(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    let declared = evidence.project.declaredDependencies
    let named =
      trace.message.text(between: "module '", and: "'") ?? trace.message.text(between: "' from '", and: "'")
    let inside = trace.frames.compactMap {
      $0.file.text(after: "/site-packages/")?.prefix { $0 != "/" && $0 != "." }
    }
    for module in [named].compactMap({ $0 }) + inside.reversed() {
      let top = String(module.prefix { $0 != "." })
      let meant = ImportNames.distribution(for: top)
      let name = DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: meant))
      guard ImportNames.isKnown(top), name != DependencyAdvice.normalized(top),
        declared.contains(DependencyAdvice.normalized(top)), !declared.contains(name)
      else { continue }
      return Finding(
        rule: "wrong-distribution", category: .dependencyConflict, severity: severity, subject: top,
        title: "'\(top)' is another project's package: `import \(top)` is meant to come from \(meant)",
        message:
          "\(Finding.manifestName(evidence.project)) installs the distribution '\(top)', which has the same "
          + "import name as \(meant) and other contents: \(trace.headline.prefix(160))",
        fix: Finding.Fix(
          "Require \(meant) instead of \(top) in \(Finding.manifestName(evidence.project)), and uninstall \(top)."
        ),
        evidence: [phase.proof(trace.line)], location: evidence.project.requirementPlace(of: top))
    }
    return nil
  }

  /// Modules of the standard library whose names people give their own files.
  private static let standardModules: Set<String> = [
    "abc", "ast", "asyncio", "base64", "calendar", "code", "collections", "concurrent", "contextlib", "copy",
    "csv",
    "dataclasses", "datetime", "decimal", "email", "enum", "functools", "glob", "hashlib", "html", "http",
    "inspect",
    "io", "itertools", "json", "locale", "logging", "math", "numbers", "operator", "os", "parser", "pathlib",
    "pickle", "platform", "profile", "queue", "random", "re", "sched", "secrets", "select", "selectors",
    "shutil",
    "signal", "site", "socket", "sqlite3", "ssl", "stat", "statistics", "string", "struct", "subprocess",
    "tempfile",
    "test", "threading", "time", "timeit", "token", "tokenize", "trace", "traceback", "types", "typing",
    "uuid",
    "warnings", "xml", "zipfile",
  ]
}
