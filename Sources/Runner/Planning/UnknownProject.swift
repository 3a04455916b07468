import Analysis
import Formats

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
  static func error(
    chosen: EcosystemPlan?, snapshot: ProjectSnapshot, procfileTypes: String, ecosystems: [any Ecosystem]
  ) -> Failure {
    let misspelled = Misspelling.find(in: snapshot).map {
      "\($0.found) looks like a misspelling of \($0.meant)"
    }
    let procfile =
      procfileTypes.isEmpty ? [] : ["the Procfile has neither web nor worker but \(procfileTypes)"]
    if let chosen, let known = ecosystems.first(where: { $0.id == chosen.candidate.ecosystem }) {
      return Failure(
        .unknownProject, "no start command could be determined", subject: snapshot.root,
        details: ["found: \(chosen.candidate.evidence.joined(separator: ", "))"] + procfile
          + ["looked for: \(known.toolchain.startSources)"] + misspelled
          + ProgramFolders.commands(ProgramFolders.find(in: snapshot), snapshot: snapshot),
        remedy:
          "Say how it is started: --start '\(known.toolchain.startExample)', or a Procfile with a web line."
      )
    }
    let others = otherEcosystems.filter { snapshot.contains($0.file) }
    if let other = others.first(where: { $0.file != "index.html" && $0.file != "Dockerfile" }) {
      return Failure(
        .unsupportedProject,
        "a \(other.name) project (\(other.file)), which this version does not check by itself",
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
    return Failure(
      .unknownProject, "the kind of project could not be determined", subject: snapshot.root,
      details: [
        "looked for: "
          + (ecosystems.map(\.toolchain.lookedFor) + ["Procfile"]).joined(separator: "; "),
        "found: \(top.prefix(12).joined(separator: ", "))\(more)",
      ] + procfile + misspelled,
      remedy: "Say how it is started: --start 'COMMAND' (and what to install: --install 'COMMAND').")
  }
}
