/// How a dependency is added, by the file the project declares its dependencies in.
enum DependencyAdvice {
  /// Returns the fix "declare this distribution".
  static func add(_ distribution: String, to project: ProjectFacts) -> Finding.Fix {
    let manifest = Finding.manifestName(project)
    let ownCommand = project.language(declaringIn: manifest)?.addDependency ?? []
    let isNode = manifest.hasSuffix("package.json")
    guard isNode ? PackageName.isNode(distribution) : PackageName.isPython(distribution) else {
      return Finding.Fix(
        "Correct the import, or install what brings the module: no package can have the name '\(distribution)'."
      )
    }
    let summary = "Add \(distribution) to \(manifest)"
    if isNode {
      return Finding.Fix(
        "\(summary) (dependencies, not devDependencies) and commit the lock file.",
        commands: [ownCommand.isEmpty ? nil : FixCommand(ownCommand + [distribution])])
    }
    if manifest.hasSuffix(".txt") {
      return Finding.Fix(
        "\(summary).", commands: [FixCommand("echo", distribution)?.writing(">>", to: manifest)])
    }
    if manifest.hasSuffix("Pipfile") {
      return Finding.Fix("\(summary).", commands: [FixCommand("pipenv", "install", "--", distribution)])
    }
    return Finding.Fix(
      "\(summary), under [project] dependencies.",
      commands: [FixCommand([tool(project.files), "add", "--", distribution])])
  }

  /// The command that shows which versions there are; nil for what is no name.
  static func listVersions(of name: String) -> FixCommand? {
    PackageName.isPython(name) ? FixCommand("pip", "index", "versions", "--", name) : nil
  }

  private static func tool(_ files: [String]) -> String {
    if files.contains("poetry.lock") { return "poetry" }
    if files.contains("pdm.lock") { return "pdm" }
    return "uv"
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
