extension ProjectSnapshot {
  /// A file or folder that is in the project's folder, and that a deployment would not have.
  package struct LeftOut: Sendable, Equatable {
    /// Why a deployment would not have it.
    package enum Reason: Sendable, Equatable {
      /// A line of an ignore file.
      case ignored(file: String, line: Int, pattern: String)
      /// It is a `.env` that git does not track.
      case untracked
      /// It is a link to a place that a deployment does not carry along.
      case link(target: String)
    }

    /// Relative to the project's root.
    package var path: String
    package var isFolder: Bool
    package var reason: Reason
    /// The files below it, of a folder; not all of a large one.
    package var files: [String] = []

    /// One clause that says why: ".gitignore line 3 ("dist/")".
    package var why: String {
      switch reason {
      case .ignored(let file, let line, let pattern): "\(file) line \(line) (\(pattern)) leaves it out"
      case .untracked: "git does not track it"
      case .link(let target): "it is a link to \(target), which a deployment does not carry along"
      }
    }

    /// Whether the sandbox must be kept from showing it; a link leads nowhere there by itself.
    package var isHidden: Bool {
      if case .link = reason { false } else { true }
    }
  }
}

extension ProjectSnapshot {
  /// The snapshot without what `.dockerignore` keeps out of the image, where a Dockerfile is how it is deployed.
  ///
  /// The descriptors themselves stay: they are read here, and not by the program.
  func withoutDockerIgnored() -> ProjectSnapshot {
    guard !contains("Procfile"), let name = ["Dockerfile", "Containerfile"].first(where: contains) else {
      return self
    }
    let own = "\(name).dockerignore"
    guard let file = [own, ".dockerignore"].first(where: contains), let text = text(of: file) else {
      return self
    }
    let ignore = IgnoreFile(name: file, text: text, dialect: .docker)
    var result = self
    var folders: [String: Int] = [:]
    result.entries = []
    for entry in entries {
      guard ![name, own, ".dockerignore"].contains(entry.path),
        let (folder, pattern) = ignore.docker(entry.path), !pattern.isException
      else {
        result.entries.append(entry)
        continue
      }
      let hasException = ignore.patterns.contains(where: \.isException)
      let path = hasException ? entry.path : folder
      if let index = folders[path] {
        if result.leftOut[index].files.count < 500 { result.leftOut[index].files.append(entry.path) }
        continue
      }
      folders[path] = result.leftOut.count
      let isFolder = path != entry.path
      result.leftOut.append(
        LeftOut(
          path: path, isFolder: isFolder,
          reason: .ignored(file: file, line: pattern.line, pattern: pattern.text),
          files: isFolder ? [entry.path] : []))
    }
    result.leftOut.sort { $0.path < $1.path }
    result.paths = Set(result.entries.map(\.path))
    return result
  }
}

extension IgnoreFile {
  /// The last pattern that matches a path or a folder above it, with the outermost path that it matches.
  fileprivate func docker(_ path: String) -> (path: String, pattern: IgnorePattern)? {
    var above: [String] = []
    for part in path.split(separator: "/") { above.append((above.last.map { $0 + "/" } ?? "") + part) }
    for pattern in patterns.reversed() {
      if let match = above.first(where: { pattern.matches($0[...], isFolder: $0 != path) }) {
        return (match, pattern)
      }
    }
    return nil
  }
}
