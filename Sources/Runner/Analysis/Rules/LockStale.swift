import Formats

/// A lock file that does not hold what the manifest asks for, also where nothing installs from it here.
enum LockStale {
  static let rules = [
    Rule("lock-file-stale", "A lock file does not hold what the manifest asks for.") { evidence in
      [uv(evidence.project), poetry(evidence.project), pipenv(evidence.project), npm(evidence.project)]
        .compactMap { $0 }
    }
  ]

  /// uv.lock has the project itself as a package, with the names of what it depends on.
  private static func uv(_ project: ProjectFacts) -> Finding? {
    guard let lock = project.texts["uv.lock"], let manifest = project.texts["pyproject.toml"],
      case .table(let root)? = try? TOMLReader.read(manifest), let table = root["project"],
      let wanted = table["dependencies"]?.strings, let own = table["name"]?.string,
      let document = try? TOMLReader.read(lock), let packages = document["package"]?.array
    else { return nil }
    let name = DependencyAdvice.normalized(own)
    guard
      let package = packages.first(where: { DependencyAdvice.normalized($0["name"]?.string ?? "") == name })
    else {
      return nil
    }
    let held = Set(
      (package["dependencies"]?.array ?? []).compactMap { $0["name"]?.string }.map(
        DependencyAdvice.normalized))
    let missing = wanted.map { DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: $0)) }
      .filter { !held.contains($0) }
    guard !missing.isEmpty else { return nil }
    return finding("uv.lock", "pyproject.toml", missing, "uv lock", "uv sync --locked")
  }

  /// poetry.lock and pdm.lock have each package by its name.
  private static func poetry(_ project: ProjectFacts) -> Finding? {
    for (lock, command, platform) in [
      ("poetry.lock", "poetry lock", "poetry install"),
      ("pdm.lock", "pdm lock", "pdm install --frozen-lockfile"),
    ] as [(String, FixCommand, String)] {
      guard let text = project.texts[lock], let manifest = project.texts["pyproject.toml"],
        let root = try? TOMLReader.read(manifest), let document = try? TOMLReader.read(text)
      else { continue }
      let own =
        root["tool", "poetry", "dependencies"]?.table?.keys.filter { !project.isInterpreter($0) } ?? []
      let listed = (root["project", "dependencies"]?.strings ?? []).map(DependencyAdvice.name(ofRequirement:))
      let held = Set(
        (document["package"]?.array ?? []).compactMap { $0["name"]?.string }.map(DependencyAdvice.normalized))
      let missing = (own + listed).map(DependencyAdvice.normalized).filter { !held.contains($0) }.sorted()
      if !missing.isEmpty { return finding(lock, "pyproject.toml", missing, command, platform) }
    }
    return nil
  }

  /// Pipfile.lock has each package under "default".
  private static func pipenv(_ project: ProjectFacts) -> Finding? {
    guard let lock = project.texts["Pipfile.lock"], let manifest = project.texts["Pipfile"],
      let wanted = (try? TOMLReader.read(manifest))?["packages"]?.table,
      let held = (try? JSONReader.read(lock))?["default"]?.table
    else { return nil }
    let names = Set(held.keys.map(DependencyAdvice.normalized))
    let missing = wanted.keys.map(DependencyAdvice.normalized).filter { !names.contains($0) }.sorted()
    return missing.isEmpty
      ? nil : finding("Pipfile.lock", "Pipfile", missing, "pipenv lock", "pipenv install --deploy")
  }

  /// package-lock.json repeats the dependencies of package.json under the empty path.
  private static func npm(_ project: ProjectFacts) -> Finding? {
    guard let lock = project.texts["package-lock.json"], let manifest = project.texts["package.json"],
      let wanted = (try? JSONReader.read(manifest))?["dependencies"]?.table,
      let packages = (try? JSONReader.read(lock))?["packages"]?.table, let root = packages[""]
    else { return nil }
    let held = root["dependencies"]?.table ?? [:]
    let missing = wanted.keys.sorted().filter { held[$0] == nil || held[$0]?.string != wanted[$0]?.string }
    guard !missing.isEmpty else { return nil }
    return finding("package-lock.json", "package.json", missing, "npm install --package-lock-only", "npm ci")
  }

  private static func finding(
    _ lock: String, _ manifest: String, _ missing: [String], _ command: FixCommand, _ platform: String
  ) -> Finding {
    Finding(
      rule: "lock-file-stale", category: .dependencyConflict, severity: .warning, subject: lock,
      title: "\(lock) does not hold what \(manifest) asks for: \(missing.prefix(4).joined(separator: ", "))",
      message:
        "\(manifest) was changed without locking anew. A platform that installs from the lock file (\(platform)) refuses, "
        + "or leaves out what is missing.",
      fix: Finding.Fix("Run \(command.line) and commit \(lock).", commands: [command]),
      evidence: [
        Finding.Proof(kind: .file, text: "\(lock) lacks \(missing.joined(separator: ", "))", file: lock)
      ],
      location: Finding.Location(file: lock))
  }
}
