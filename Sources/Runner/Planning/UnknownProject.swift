/// Explains why a project's type or start command could not be determined.
enum UnknownProject {
  /// Files of ecosystems which this version does not check.
  private static let otherEcosystems: [(file: String, name: String)] = [
    ("go.mod", "Go"), ("Cargo.toml", "Rust"), ("Gemfile", "Ruby"), ("composer.json", "PHP"),
    ("pom.xml", "Java"),
    ("build.gradle", "Java"), ("build.gradle.kts", "Kotlin"), ("Package.swift", "Swift"),
    ("mix.exs", "Elixir"),
    ("deno.json", "Deno"), ("CMakeLists.txt", "C or C++"), ("index.html", "static site"),
    ("Dockerfile", "container"),
  ]

  /// The error which names what was looked for, what was found, and what to do.
  static func error(chosen: EcosystemPlan?, snapshot: ProjectSnapshot, procfileTypes: String) -> PlanningError
  {
    let misspelled = Misspelling.find(in: snapshot).map {
      "\($0.found) looks like a misspelling of \($0.meant)"
    }
    let procfile =
      procfileTypes.isEmpty ? [] : ["the Procfile has neither web nor worker but \(procfileTypes)"]
    if let chosen {
      return PlanningError(
        .unknownProject, what: "no start command could be determined", subject: snapshot.root,
        details: ["found: \(chosen.candidate.evidence.joined(separator: ", "))"] + procfile
          + ["looked for: \(startSources(chosen.candidate.ecosystem))"] + misspelled
          + ProgramFolders.commands(ProgramFolders.find(in: snapshot), snapshot: snapshot),
        remedy:
          "Say how it is started: --start '\(example(chosen.candidate.ecosystem))', or a Procfile with a web line."
      )
    }
    let others = otherEcosystems.filter { snapshot.contains($0.file) }
    if let other = others.first(where: { $0.file != "index.html" && $0.file != "Dockerfile" }) {
      return PlanningError(
        .unsupportedProject,
        what: "a \(other.name) project (\(other.file)), which this version does not check by itself",
        subject: snapshot.root, details: procfile + misspelled,
        remedy: "Say how it is installed and started: --install 'COMMAND' --start 'COMMAND'.")
    }
    let top = Set(
      snapshot.files.map { file in
        file.split(separator: "/").count > 1
          ? (file.split(separator: "/").first.map { $0 + "/" } ?? "") : file
      }
    ).sorted()
    let more = top.count > 12 ? " and \(top.count - 12) more" : ""
    return PlanningError(
      .unknownProject, what: "the kind of project could not be determined", subject: snapshot.root,
      details: [
        "looked for: requirements.txt, pyproject.toml, setup.py, main.py, app.py and the like (Python);"
          + " package.json, server.js, index.js (Node); Procfile",
        "found: \(top.prefix(12).joined(separator: ", "))\(more)",
      ] + procfile + misspelled,
      remedy: "Say how it is started: --start 'COMMAND' (and what to install: --install 'COMMAND').")
  }

  private static func startSources(_ ecosystem: Plan.Ecosystem) -> String {
    switch ecosystem {
    case .python:
      "a Procfile, an application object (Flask, FastAPI, Django...), \(PythonModules.startFiles.joined(separator: ", ")),"
        + " a file with `if __name__ == \"__main__\"`, [project.scripts]"
    case .node:
      "a Procfile, package.json scripts.start and main, \(NodeDetector.startFiles.joined(separator: ", "))"
    }
  }

  private static func example(_ ecosystem: Plan.Ecosystem) -> String {
    ecosystem == .python ? "python FILE.py" : "node FILE.js"
  }
}
