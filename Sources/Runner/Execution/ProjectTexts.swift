import Analysis
import Ecosystems
import Planning

/// Reads the project's small text files for the rules: sources, manifests, descriptors.
enum ProjectTexts {
  private static let mostFiles = 400
  private static let largestFileInBytes: Int64 = 128 << 10
  private static let mostBytes: Int64 = 4 << 20

  private static let endings = [
    ".ts", ".mts", ".toml", ".txt", ".cfg", ".ini", ".sh", ".yml", ".yaml",
    "package.json", "railway.json", ".lock", "package-lock.json", "Procfile", "Dockerfile", "Containerfile",
    "Pipfile", ".html",
  ]

  /// Returns the texts by path; files nearest to the root first, within a bound of files and bytes.
  static func read(_ snapshot: ProjectSnapshot) -> [String: String] {
    let known = endings + Catalog.all.flatMap { $0.advice.sourceEndings + [$0.advice.manifest] }
    let candidates = snapshot.entries.filter { file in
      file.sizeInBytes <= largestFileInBytes && known.contains { file.path.hasSuffix($0) }
    }
    .sorted { left, right in
      let depths = (left.path.split(separator: "/").count, right.path.split(separator: "/").count)
      return depths.0 == depths.1 ? left.path < right.path : depths.0 < depths.1
    }
    var texts: [String: String] = [:]
    var bytes: Int64 = 0
    for file in candidates.prefix(mostFiles) where bytes + file.sizeInBytes <= mostBytes {
      guard let text = snapshot.text(of: file.path) else { continue }
      texts[file.path] = text
      bytes += file.sizeInBytes
    }
    return texts
  }

  /// Returns the application objects in the sources.
  static func applications(in texts: [String: String]) -> [ServedApplication] {
    texts.keys.sorted().flatMap { path in
      Catalog.all.flatMap { $0.applications(in: path, text: texts[path] ?? "") }
    }
  }
}
