/// What the project's own files say, as far as rules ask: pure readings of `ProjectFacts.texts`.
extension ProjectFacts {
  /// A line of a file; one-based, nil when there is none.
  func line(_ number: Int, of file: String) -> Substring? {
    guard let text = texts[file], number > 0 else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    return number <= lines.count ? lines[number - 1] : nil
  }

  /// The paths of the files at hand that end in one of the given texts, nearest to the root first.
  func paths(endingIn endings: [String]) -> [String] {
    texts.keys.filter { path in endings.contains { path.hasSuffix($0) } }
      .sorted { ($0.depth, $0) < ($1.depth, $1) }
  }

  /// The first line that satisfies a condition, in the first file that has one.
  func place(in files: [String], where matches: (Substring) -> Bool) -> Finding.Location? {
    for file in files {
      guard let text = texts[file] else { continue }
      for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
      where matches(line) {
        return Finding.Location(file: file, line: index + 1)
      }
    }
    return nil
  }

  /// Where `NAME = ...` stands at the beginning of a line; a settings file before others.
  func assignmentPlace(of name: String) -> Finding.Location? {
    let files = paths(endingIn: [".py"])
    let settings = files.filter { $0.has("settings") || $0.has("config") }
    return place(in: settings + files) { line in
      let text = line.trimmed
      guard text.hasPrefix(name) else { return false }
      let rest = text.dropFirst(name.count).trimmed
      return (rest.hasPrefix("=") && !rest.hasPrefix("==")) || rest.hasPrefix("+=") || rest.hasPrefix(":")
    }
  }

  // MARK: The start command

  /// Where the start command is written down: the Procfile's line, the Dockerfile's CMD, package.json's script.
  var startPlace: Finding.Location? {
    guard let source = startSource, let file = source.split(separator: " ").first.map(String.init),
      texts[file] != nil
    else { return nil }
    let part = source.dropFirst(file.count).trimmed
    if file.hasSuffix("package.json") {
      return place(in: [file]) { $0.has("\"start\"") } ?? Finding.Location(file: file)
    }
    let command = startLine.map { String($0.split(separator: "\n").first ?? "") } ?? ""
    let head = command.split(separator: " ").prefix(2).joined(separator: " ")
    return place(in: [file]) { line in
      if file.hasSuffix("Procfile"), !part.isEmpty { return line.trimmed.hasPrefix("\(part):") }
      return !head.isEmpty && line.has(head)
    }
      ?? place(in: [file]) { line in ["CMD", "ENTRYPOINT"].contains { line.trimmed.hasPrefix($0) } }
      ?? Finding.Location(file: file)
  }

  /// "Procfile:1" or "package.json", for sentences; nil when the command was inferred or given by hand.
  var startPlaceText: String? {
    startPlace.map { place in place.file + (place.line.map { ":\($0)" } ?? "") }
  }

  // MARK: Dependencies

  /// The files that name dependencies, the manifest first.
  var dependencyFiles: [String] {
    let own = manifest.map { [$0] } ?? []
    let others = texts.keys.filter { path in
      let name = path.split(separator: "/").last ?? ""
      return (name.hasSuffix(".txt") && (name.has("requirement") || path.hasPrefix("requirements/")))
        || ["pyproject.toml", "Pipfile", "setup.cfg", "setup.py", "package.json", "constraints.txt"].contains(
          String(name))
    }
    return own + others.filter { $0 != manifest }.sorted { ($0.depth, $0) < ($1.depth, $1) }
  }

  /// Where a distribution or package is named in the files that were installed from, else nil.
  func requirementPlace(of name: String) -> Finding.Location? {
    let wanted = DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: name))
    let files = dependencyFiles.filter { !ProjectFacts.isForDevelopment($0) }
    return place(in: files) { ProjectFacts.names($0, wanted) }
  }

  /// The requirement as it is written: "Flask==2.2.2".
  func requirement(of name: String) -> String? {
    guard let place = requirementPlace(of: name), let number = place.line,
      let line = line(number, of: place.file)
    else { return nil }
    let wanted = DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: name))
    return ProjectFacts.requirements(in: line).first {
      DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: $0)) == wanted
    }
  }

  /// Whether a file's name says that a deployment does not install it.
  static func isForDevelopment(_ path: String) -> Bool {
    let name = (path.split(separator: "/").last ?? "").lowercased()
    return name.hasAny(of: ["dev", "test", "lint", "docs", "ci", "local"])
  }

  /// Whether a line of a manifest names a distribution (normalised).
  static func names(_ line: Substring, _ wanted: String) -> Bool {
    requirements(in: line).contains {
      DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: $0)) == wanted
    }
  }

  /// The requirements of a line: the line itself, quoted texts, the key of a table's entry.
  static func requirements(in line: Substring) -> [String] {
    let text = line.trimmed
    if text.hasPrefix("#") || text.hasPrefix("-") { return [] }
    var found: [String] = []
    for quote: Character in ["\"", "'"] {
      let parts = text.split(separator: quote, omittingEmptySubsequences: false)
      for index in parts.indices where index % 2 == 1 { found.append(String(parts[index])) }
    }
    found.append(String(text.prefix { $0 != "#" }.trimmed))
    if let key = text.text(before: "=")?.trimmed, !key.isEmpty { found.append(String(key)) }
    return found
  }
}

extension String {
  /// How many folders a path lies in.
  fileprivate var depth: Int { utf8.count { $0 == UInt8(ascii: "/") } }
}
