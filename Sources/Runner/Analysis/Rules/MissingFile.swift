/// A file of the project that Node was asked for by its path and that is not there.
enum MissingFile {
  /// Returns the finding, with the file that was meant where the project has one.
  static func finding(_ found: MissingModule.Occurrence, _ evidence: Evidence) -> Finding {
    let project = evidence.project
    let root = evidence.settings.workingDirectory + "/"
    let file = found.module.hasPrefix(root) ? String(found.module.dropFirst(root.count)) : found.module
    let sibling = meant(by: file, in: project)
    let isEntry = found.location == nil
    let hint = sibling.map { " The project has \($0)." } ?? ""
    let asked = asked(for: file, by: found.location, in: project)
    let repaired = asked.flatMap { asked in
      sibling.flatMap { sibling in
        sibling.hasPrefix(file + ".") || sibling.hasPrefix(file + "/")
          ? asked.specifier + sibling.dropFirst(file.count) : nil
      }
    }
    return Finding(
      rule: "module-not-on-path", category: .configuration, severity: found.severity, subject: file,
      title: isEntry
        ? "The start command names \(file), which does not exist" : "The file '\(file)' does not exist",
      message: (isEntry
        ? "Node was asked to run \(file) and found no such file."
        : "The program loads '\(file)' and there is no such file.")
        + hint + " An ES module import needs the file's ending, and Linux tells upper and lower case apart.",
      fix: Finding.Fix(
        isEntry
          ? "Build it first (a script \"build\" in package.json makes it), or correct \"main\" or the start script in "
            + "package.json\(sibling.map { " to \($0)" } ?? "")."
          : repaired.map { "Write '\($0)' in the import." }
            ?? "Correct the path, or add the file (is it ignored by git, or made by a build step?)."),
      evidence: [found.phase.proof(found.line)],
      location: asked?.place ?? found.location ?? project.startPlace
        ?? (project.files.contains("package.json") ? Finding.Location(file: "package.json") : nil))
  }

  /// The file with an ending, the index of the folder, or one that differs in the case of its letters or its folder.
  private static func meant(by file: String, in project: ProjectFacts) -> String? {
    let endings = [".js", ".mjs", ".cjs", ".ts", ".json", "/index.js", "/index.mjs", "/index.ts"]
    let names = endings.map { file + $0 }
    if let exact = names.first(where: { project.files.contains($0) }) { return exact }
    return project.files.first {
      $0.lowercased().hasSuffix(NodePackage.stem(file).lowercased() + NodePackage.ending($0))
    }
  }

  /// The import as it is written in the file that asks, with its line.
  private static func asked(
    for file: String, by importer: Finding.Location?, in project: ProjectFacts
  ) -> (specifier: String, place: Finding.Location)? {
    guard let importer, let last = file.split(separator: "/").last else { return nil }
    let place = project.place(in: [importer.file]) { specifier(in: $0, endingIn: last) != nil }
    guard let place, let number = place.line, let line = project.line(number, of: place.file),
      let text = specifier(in: line, endingIn: last)
    else { return nil }
    return (text, importer.line == nil ? place : importer)
  }

  private static func specifier(in line: Substring, endingIn name: Substring) -> String? {
    guard line.hasAny(of: ["import", "require", "from"]) else { return nil }
    for quote: Character in ["'", "\""] {
      let parts = line.split(separator: quote, omittingEmptySubsequences: false)
      for index in parts.indices where index % 2 == 1 && parts[index].hasPrefix(".") {
        if parts[index].split(separator: "/").last == name { return String(parts[index]) }
      }
    }
    return nil
  }
}
