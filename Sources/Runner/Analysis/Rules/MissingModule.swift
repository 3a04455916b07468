/// A module the program imports is not there: not installed, not on the path, or gone from the language.
enum MissingModule {
  static let rules = [
    Rule("module-not-found", "An imported package is not installed.") { evidence in
      occurrences(in: evidence).compactMap { occurrence in
        switch origin(of: occurrence, in: evidence) {
        case .installable where !occurrence.isRelative && !occurrence.isInsideModule:
          notInstalled(occurrence, evidence)
        default: nil
        }
      }
    },
    Rule("module-not-on-path", "A module of the project's own is not found.") { evidence in
      occurrences(in: evidence).compactMap { occurrence in
        if occurrence.isRelative { return MissingFile.finding(occurrence, evidence) }
        if occurrence.isInsideModule { return insideModule(occurrence) }
        switch origin(of: occurrence, in: evidence) {
        case .firstParty(let folder): return notOnPath(occurrence, folder: folder, evidence)
        case .missingSubmodule(let wrongCase): return missingSubmodule(occurrence, wrongCase, evidence)
        default: return nil
        }
      }
    },
    Rule("module-removed-from-python", "An imported module left the standard library.") { evidence in
      occurrences(in: evidence).compactMap { occurrence in
        guard case .removed(let removal) = origin(of: occurrence, in: evidence) else {
          return nil
        }
        return removed(occurrence, removal, evidence)
      }
    },
  ]

  /// One import that failed.
  struct Occurrence {
    var module: String
    var phase: PhaseEvidence
    var severity: Finding.Severity
    var line: LogLine
    var location: Finding.Location?
    var imports: ImportStyle
    /// A file of the project itself, by path.
    var isRelative: Bool
    /// "X is not a package": X is a single file, or shadows the package that was meant.
    var isInsideModule = false
    /// The installed package whose code imports it.
    var package: String?
    /// The modules tried before it in the same chain of exceptions.
    var alternatives: [String] = []
  }

  // MARK: Reading

  private static func origin(of found: Occurrence, in evidence: Evidence) -> PythonOrigin {
    found.imports == .packages ? .installable : PythonOrigin(of: found.module, in: evidence.project)
  }

  private static func occurrences(in evidence: Evidence) -> [Occurrence] {
    evidence.judgedPhases.flatMap { phase -> [Occurrence] in
      guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
      var found: [Occurrence] = []
      var chains: [Int: Int] = [:]
      for trace in phase.traces {
        guard let module = trace.missingModule else { continue }
        if trace.isChained, let earlier = chains[trace.chain] {
          found[earlier].alternatives.append(module)
          continue
        }
        chains[trace.chain] = found.count
        found.append(
          Occurrence(
            module: module, phase: phase, severity: severity, line: trace.line,
            location: importer(trace, evidence), imports: trace.imports,
            isRelative: trace.imports == .packages && (module.hasPrefix(".") || module.hasPrefix("/")),
            isInsideModule: trace.imports == .modules && trace.message.hasSuffix("is not a package"),
            package: trace.frames.last { !$0.file.hasPrefix("<") }?.file.text(after: "/site-packages/")
              .map { String($0.prefix { $0 != "/" && $0 != "." }) }))
      }
      return found + runAsModule(phase, severity)
    }
  }

  /// Returns the file that imports: for Node the first of the "Require stack" or "imported from".
  private static func importer(_ trace: ErrorTrace, _ evidence: Evidence) -> Finding.Location? {
    if let location = trace.location(in: evidence.settings.workingDirectory) { return location }
    let root = evidence.settings.workingDirectory + "/"
    let path =
      trace.message.text(after: "imported from ").map(String.init)
      ?? trace.details.first { $0.hasPrefix("- /") }.map { String($0.dropFirst(2)) }
    guard let path, path.hasPrefix(root), !ErrorTrace.isInstalledCode(path) else { return nil }
    return Finding.Location(file: String(path.dropFirst(root.count)))
  }

  /// `python -m uvicorn` prints one line and no traceback.
  private static func runAsModule(_ phase: PhaseEvidence, _ severity: Finding.Severity) -> [Occurrence] {
    guard phase.status == .failed,
      let line = phase.firstLine(where: {
        $0.hasPrefix("/") && $0.has("/python") && $0.has(": No module named ")
      }),
      let module = line.text.text(after: ": No module named ")?.drop(while: { $0 == "'" }).prefix(while: {
        $0 != ";" && $0 != "'"
      }), !module.isEmpty
    else { return [] }
    return [
      Occurrence(
        module: String(module), phase: phase, severity: severity, line: line, imports: .modules,
        isRelative: false)
    ]
  }

  // MARK: Findings

  private static func notInstalled(_ found: Occurrence, _ evidence: Evidence) -> Finding? {
    if found.phase.name == .install { return nil }  // a package's own build: FailedBuild
    let project = evidence.project
    let distribution =
      found.imports == .packages
      ? NodePackage.name(found.module) : ImportNames.distribution(for: found.module)
    let manifest = Finding.manifestName(project)
    let isDeclared = project.declaredDependencies.contains(
      DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: distribution)))
    let provides =
      distribution.lowercased() == found.module.lowercased()
      ? "" : " It is provided by the distribution \(distribution)."
    if found.location == nil, namesApplication(found.module, evidence) {
      let candidate = project.candidate(named: project.startReference?.attribute)
      return Finding(
        rule: "module-not-on-path", category: .configuration, severity: found.severity, subject: found.module,
        title: "Start command names the module '\(found.module)', which does not exist",
        message:
          "The start command asks for '\(found.module)', but the project has no \(found.module).py and no "
          + "installed package provides it."
          + (candidate.map { " \($0.place.file) has the application: \($0.text)." } ?? ""),
        fix: evidence.naming(
          candidate,
          otherwise:
            "Name the module that holds the application: MODULE:VARIABLE, seen from the project's root."),
        evidence: [found.phase.proof(found.line)], location: project.startPlace)
    }
    if let finding = namedByStart(found, evidence) { return finding }
    if let package = found.package, let extra = PackageExtras.extra(of: package, for: found.module) {
      return needsExtra(extra, package, found, evidence)
    }
    if let elsewhere = DeclaredElsewhere(distribution, found, evidence) {
      return elsewhere.finding(found, evidence)
    }
    if isDeclared {
      return Finding(
        rule: "module-not-found", category: .dependencyMissing, severity: found.severity,
        subject: found.module,
        title: "Python module '\(found.module)' is declared but not installed".adapted(to: found.imports),
        message:
          "\(manifest) declares \(distribution), yet the environment that ran the program does not have it: "
          + "look for an environment marker, an optional group or a different interpreter.\(provides)",
        fix: Finding.Fix(
          "Make sure \(distribution) is among the production dependencies and that the start command uses "
            + "the interpreter they are installed for."
        ),
        evidence: [found.phase.proof(found.line)],
        location: project.requirementPlace(of: distribution) ?? found.location)
    }
    let others =
      found.alternatives.isEmpty
      ? "" : " The fallback '\(found.alternatives.joined(separator: "', '"))' is missing as well."
    return Finding(
      rule: "module-not-found", category: .dependencyMissing, severity: found.severity,
      confidence: found.severity == .error ? .high : .low, subject: found.module,
      title: "Python module '\(found.module)' is not installed".adapted(to: found.imports),
      message:
        "\(importer(found)) imports '\(found.module)', and \(manifest) does not declare it.\(provides)\(others)",
      fix: found.imports == .packages || DependencyAdvice.isWellKnown(distribution, in: project)
        ? DependencyAdvice.add(distribution, to: project)
        : Finding.Fix(
          "If it is a file of your own, commit it (is it ignored by git?); if it is a package, find out its name on "
            + "the index and add that to \(manifest). Do not install a name unseen: it may be a stranger's."),
      evidence: [found.phase.proof(found.line)],
      location: found.severity == .error && found.phase.status == .failed
        ? project.manifest.map { Finding.Location(file: $0) } ?? found.location : found.location)
  }

  /// `celery -A nope`, `dramatiq nope`, `python -m nope`: no package that the project could have meant has the name.
  private static func namedByStart(_ found: Occurrence, _ evidence: Evidence) -> Finding? {
    let project = evidence.project
    let line = project.startLine ?? evidence.startCommand
    guard found.imports == .modules, found.location == nil,
      let named = StartModule.named(found.module, in: line),
      !DependencyAdvice.isWellKnown(ImportNames.distribution(for: found.module), in: project)
    else { return nil }
    let candidate = StartModule.candidate(for: named, in: line, of: project)
    let changed = candidate.flatMap { candidate in
      line.text(before: named).map { String($0) + candidate.text + (line.text(after: named) ?? "") }
    }
    return Finding(
      rule: "module-not-on-path", category: .configuration, severity: found.severity, subject: found.module,
      title: "Start command names the module '\(named)', which does not exist",
      message:
        "The project has no module '\(found.module)', seen from where the command starts, and no installed package "
        + "provides it.",
      fix: Finding.Fix(
        candidate.map { "Write \($0.text) \(evidence.inStart): \($0.place.file) is what is meant." }
          ?? "Name a module of the project \(evidence.inStart), seen from the folder it is started in. If '\(found.module)' "
          + "is a package's, it is not among the dependencies: find out its name on the index and add that to "
          + "\(Finding.manifestName(project)).",
        commands: changed.map { [evidence.check("--start", $0)] } ?? []),
      evidence: [found.phase.proof(found.line)], location: project.startPlace)
  }

  /// Whether "gunicorn nope:app" is where the name comes from.
  private static func namesApplication(_ module: String, _ evidence: Evidence) -> Bool {
    if let own = evidence.project.startReference?.module {
      return own == module || own.hasPrefix(module + ".")
    }
    return evidence.startCommand.split(separator: " ").contains {
      $0.hasPrefix(module + ":") || $0.hasPrefix("'" + module + ":")
    }
  }

  /// The package that misses a module of its own extra: the extra is meant, not the module.
  private static func needsExtra(
    _ extra: String, _ package: String, _ found: Occurrence, _ evidence: Evidence
  ) -> Finding {
    let manifest = Finding.manifestName(evidence.project)
    return Finding(
      rule: "module-not-found", category: .dependencyMissing, severity: found.severity, subject: found.module,
      title: "\(package) needs '\(found.module)', which comes with \(extra)",
      message:
        "The package \(package) is installed without what this use of it needs, and \(manifest) does not name that either.",
      fix: DependencyAdvice.add(extra, to: evidence.project),
      evidence: [found.phase.proof(found.line)],
      location: evidence.project.requirementPlace(of: DependencyAdvice.name(ofRequirement: extra))
        ?? evidence.project.manifest.map { Finding.Location(file: $0) })
  }

  private static func importer(_ found: Occurrence) -> String {
    found.location.map { place in place.file + (place.line.map { " line \($0)" } ?? "") }
      ?? found.package.map { "The installed package \($0)" } ?? "The program"
  }

  private static func notOnPath(_ found: Occurrence, folder: String, _ evidence: Evidence) -> Finding {
    let place = folder.isEmpty ? "the project's root" : folder + "/"
    let path = folder.isEmpty ? "." : folder
    let fix =
      folder == "src"
      ? Finding.Fix(
        "Install the project itself (src layout), or put src on PYTHONPATH.",
        commands: [evidence.check(setting: ["PYTHONPATH=src"])])
      : Finding.Fix(
        "Start the program from where its imports begin: `python -m package.module` in \(place), or "
          + "PYTHONPATH=\(path).",
        commands: [evidence.check(setting: ["PYTHONPATH=\(path)"])])
    return Finding(
      rule: "module-not-on-path", category: .configuration, severity: found.severity, subject: found.module,
      title: "The project's own module '\(found.module)' is not on the import path",
      message:
        "'\(found.module)' exists in \(place), but Python does not look there: it searches the folder of the "
        + "started script, PYTHONPATH and the installed packages. Do not add a dependency of that name.",
      fix: fix, evidence: [found.phase.proof(found.line)],
      location: found.location ?? evidence.project.startPlace)
  }

  private static func insideModule(_ found: Occurrence) -> Finding {
    let outer = found.module.split(separator: ".").dropLast().joined(separator: ".")
    return Finding(
      rule: "module-not-on-path", category: .configuration, severity: found.severity, subject: found.module,
      title: "'\(outer)' is a single module, so '\(found.module)' cannot be inside it",
      message:
        "Python found a file \(outer).py before the package '\(outer)' that was meant: a file of the "
        + "project often shadows an installed package of the same name.",
      fix: Finding.Fix("Rename the file \(outer).py, or correct the import."),
      evidence: [found.phase.proof(found.line)], location: found.location)
  }

  private static func missingSubmodule(
    _ found: Occurrence, _ wrongCase: String?, _ evidence: Evidence
  ) -> Finding {
    let reason =
      wrongCase.map { "The project has \($0): Linux tells upper and lower case apart." }
      ?? "Its parent belongs to the project, but no file for it does: it may be ignored by git or misspelt."
    return Finding(
      rule: "module-not-on-path", category: .configuration, severity: found.severity,
      confidence: wrongCase == nil ? .medium : .high, subject: found.module,
      title: "The project has no module '\(found.module)'",
      message: "The program imports '\(found.module)'. \(reason)",
      fix: Finding.Fix(
        wrongCase == nil
          ? "Add the missing file, or correct the import." : "Spell the import and the file alike."),
      evidence: [found.phase.proof(found.line)], location: found.location)
  }

  private static func removed(
    _ found: Occurrence, _ removal: RemovedModules.Removal, _ evidence: Evidence
  ) -> Finding? {
    if found.phase.name == .install { return nil }
    let version = evidence.project.runtimeVersion ?? "3.\(removal.minor)"
    let instead = removal.substitute.map { ", or add \($0), which provides it" } ?? ""
    var fix = Finding.Fix(
      "Replace the use of '\(found.module)' (often: upgrade the package that imports it)\(instead); "
        + "until then run Python 3.\(removal.minor - 1).")
    if let substitute = removal.substitute {
      fix.commands = DependencyAdvice.add(substitute, to: evidence.project).commands
    }
    return Finding(
      rule: "module-removed-from-python", category: .environmentMismatch, severity: found.severity,
      subject: found.module, title: "'\(found.module)' is no longer part of Python \(version)",
      message:
        "'\(found.module)' was removed from the standard library in Python 3.\(removal.minor), and the "
        + "program "
        + "runs on \(version).",
      fix: fix, evidence: [found.phase.proof(found.line)], location: found.location)
  }
}

extension String {
  /// The title for the language at hand.
  fileprivate func adapted(to imports: ImportStyle) -> String {
    imports == .modules ? self : "Package" + dropFirst("Python module".count)
  }
}
