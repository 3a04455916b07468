/// A missing module's distribution that the project names where a deployment does not install it from.
struct DeclaredElsewhere {
  enum Kind { case developmentFile, group(String), marker(String) }

  var distribution: String
  var kind: Kind
  var place: Finding.Location

  /// Looks in the files and groups for development, and at the markers of the manifest's own lines.
  init?(_ distribution: String, _ found: MissingModule.Occurrence, _ evidence: Evidence) {
    let project = evidence.project
    self.distribution = distribution
    let wanted = DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: distribution))
    let names = Set([wanted, DependencyAdvice.normalized(found.module)])
    func isNamed(_ line: Substring) -> Bool { names.contains { ProjectFacts.names(line, $0) } }
    let files = project.dependencyFiles
    if found.imports == .modules,
      let place = project.place(
        in: files.filter { $0.hasSuffix(".txt") && !ProjectFacts.isForDevelopment($0) },
        where: {
          isNamed($0.prefix { $0 != ";" }) && $0.has(";")
        }), let number = place.line, let line = project.line(number, of: place.file),
      let marker = line.text(after: ";")
    {
      (kind, self.place) = (.marker(String(marker.prefix { $0 != "#" }.trimmed)), place)
      return
    }
    let development = files.filter { $0.hasSuffix(".txt") && ProjectFacts.isForDevelopment($0) }
    if let place = project.place(in: development, where: isNamed) {
      (kind, self.place) = (.developmentFile, place)
      return
    }
    guard let (group, place) = DeclaredElsewhere.group(in: project, where: isNamed) else { return nil }
    (kind, self.place) = (.group(group), place)
  }

  /// The table of pyproject.toml or key of package.json below which a line stands that is not for production.
  private static func group(
    in project: ProjectFacts, where matches: (Substring) -> Bool
  ) -> (String, Finding.Location)? {
    for file in ["pyproject.toml", "Pipfile", "package.json"] {
      guard let text = project.texts[file] else { continue }
      var table = ""
      var key = ""
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        let code = line.trimmed
        if file == "package.json" {
          if let name = code.text(between: "\"", and: "\""), code.has("{") { table = String(name) }
        } else if code.hasPrefix("["), !code.hasPrefix("[["), code.hasSuffix("]") {
          table = String(code.dropFirst().dropLast())
          key = ""
        } else if let name = code.text(before: "="), !name.has("\""), !name.has("'") {
          key = String(name.trimmed)
        }
        let isAside =
          table.hasAny(of: [
            "dependency-groups", "optional-dependencies", "dev-dependencies", "devDependencies",
            "dev-packages",
            "tool.poetry.group", "tool.uv",
          ])
        guard isAside, matches(line) else { continue }
        let isList = table.hasSuffix("dependency-groups") || table.hasSuffix("optional-dependencies")
        return (isList ? "[\(table)] \(key)" : table, Finding.Location(file: file, line: index + 1))
      }
    }
    return nil
  }

  /// The finding in the place of "is not installed".
  func finding(_ found: MissingModule.Occurrence, _ evidence: Evidence) -> Finding {
    let manifest = Finding.manifestName(evidence.project)
    let name = DependencyAdvice.name(ofRequirement: distribution)
    let where_ = place.file + (place.line.map { " line \($0)" } ?? "")
    let importer = found.location.map { place in place.file + (place.line.map { " line \($0)" } ?? "") }
    let imports = "\(importer ?? "The program") imports '\(found.module)'"
    let title: String
    let message: String
    var fix = DependencyAdvice.add(distribution, to: evidence.project)
    switch kind {
    case .developmentFile:
      title = "\(name) is only in \(place.file), which a deployment does not install"
      message = "\(imports), and \(where_) names it; \(manifest) does not."
      fix.summary = "Move it to \(manifest)."
    case .group(let group):
      title = "\(name) is only in \(group), which a deployment does not install"
      message = "\(imports), and only \(where_) names it (\(group))."
      fix.summary = "Move it to the dependencies for production in \(manifest)."
    case .marker(let marker):
      title = "\(name) is not installed here: its marker says \(marker)"
      message =
        "\(imports), and \(where_) asks for \(name) only where \(marker); here runs Python "
        + "\(evidence.project.runtimeVersion ?? "of another version")."
      fix = Finding.Fix(
        "Drop the marker, or import what this Python has instead (tomllib for tomli from 3.11 on).")
    }
    let isMarked = if case .marker = kind { true } else { false }
    return Finding(
      rule: "module-not-found", category: .dependencyMissing, severity: found.severity, subject: found.module,
      title: title, message: message, fix: fix, evidence: [found.phase.proof(found.line)],
      location: isMarked || evidence.project.manifest == nil
        ? place : evidence.project.manifest.map { Finding.Location(file: $0) })
  }
}
