import Formats

/// Folders of a project that are projects themselves, as in a repository with several programs.
enum ProgramFolders {
  struct Folder: Equatable {
    /// Relative to the root, without a slash at its end.
    var path: String
    /// What shows that it is one: "requirements.txt", "Procfile".
    var marks: [String]
  }

  /// Files that declare a program or what it needs.
  private static let marks = [
    "Procfile", "requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "package.json", "Dockerfile",
    "go.mod",
    "Cargo.toml", "Gemfile", "composer.json", "pom.xml", "build.gradle", "Package.swift", "mix.exs",
    "deno.json",
  ]
  private static let deepest = 3

  /// The outermost such folders below the root, sorted by path.
  static func find(in snapshot: ProjectSnapshot) -> [Folder] {
    var found: [String: [String]] = [:]
    for file in snapshot.files {
      let parts = file.split(separator: "/")
      guard parts.count > 1, parts.count <= deepest + 1, let name = parts.last.map(String.init),
        marks.contains(name)
      else { continue }
      found[parts.dropLast().joined(separator: "/"), default: []].append(name)
    }
    let outermost = found.filter { path, _ in !found.keys.contains { path.hasPrefix($0 + "/") } }
    return outermost.sorted { $0.key < $1.key }.map { Folder(path: $0.key, marks: $0.value.sorted()) }
  }

  /// Whether all that was found of an ecosystem lies in such folders: then the root has no program of its own.
  static func holdAll(of chosen: EcosystemPlan?, _ folders: [Folder]) -> Bool {
    guard let chosen else { return true }
    return chosen.manifest == nil
      && chosen.candidate.evidence.allSatisfy { evidence in
        folders.contains { evidence.hasPrefix($0.path + "/") }
      }
  }

  /// The error which names the folders, with the command that checks each.
  static func error(_ folders: [Folder], snapshot: ProjectSnapshot) -> Failure {
    Failure(
      .unknownProject,
      folders.count == 1
        ? "there is no program in this folder itself, but in one of its folders"
        : "there is no program in this folder itself, but in \(folders.count) of its folders",
      subject: snapshot.root, details: commands(folders, snapshot: snapshot),
      remedy: "Check each by itself, or say with --start what is started here.")
  }

  /// A line for each folder: what it holds, and how it is checked.
  static func commands(_ folders: [Folder], snapshot: ProjectSnapshot) -> [String] {
    let shown = folders.prefix(12).map { folder in
      let command = ShellWords.join(["preflight", "check", "\(snapshot.root)/\(folder.path)"])
      return "\(folder.path)/ has \(folder.marks.joined(separator: ", ")): \(command)"
    }
    return shown + (folders.count > 12 ? ["and \(folders.count - 12) more"] : [])
  }
}
