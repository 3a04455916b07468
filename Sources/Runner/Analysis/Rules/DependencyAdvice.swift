/// How a dependency is added, by the file the project declares its dependencies in.
enum DependencyAdvice {
  /// Returns the fix "declare this distribution".
  static func add(_ distribution: String, to project: ProjectFacts) -> Finding.Fix {
    let manifest = Finding.manifestName(project)
    let summary = "Add \(distribution) to \(manifest)"
    if manifest.hasSuffix("package.json") {
      return Finding.Fix(
        "\(summary) (dependencies, not devDependencies) and commit the lock file.",
        commands: ["npm install \(distribution)"])
    }
    if manifest.hasSuffix(".txt") {
      return Finding.Fix("\(summary).", commands: ["echo '\(distribution)' >> \(manifest)"])
    }
    if manifest.hasSuffix("Pipfile") {
      return Finding.Fix("\(summary).", commands: ["pipenv install \(distribution)"])
    }
    let tool = addCommand(project.files)
    return Finding.Fix("\(summary), under [project] dependencies.", commands: ["\(tool) \(distribution)"])
  }

  private static func addCommand(_ files: [String]) -> String {
    if files.contains("poetry.lock") { return "poetry add" }
    if files.contains("pdm.lock") { return "pdm add" }
    return "uv add"
  }

  /// Returns a distribution's name in the form of PEP 503: lower case, runs of `-_.` as one dash.
  static func normalized(_ name: String) -> String {
    name.lowercased().split { "-_.".contains($0) }.joined(separator: "-")
  }

  /// Returns the name a requirement such as "uvicorn[standard]>=0.30" begins with.
  static func name(ofRequirement requirement: String) -> String {
    String(requirement.prefix { !"[<>=!~; (@".contains($0) })
  }
}
