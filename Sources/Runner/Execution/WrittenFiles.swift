import Analysis
import Glibc
import Isolate
import Planning
import Sandbox

/// What a program changed in its project folder, read from the overlay's upper layer.
enum WrittenFiles {
  /// Lists files, at most `limit`; a file also in the lower layer was modified, a whiteout means deleted.
  static func list(upper: String, lower: String, prefix: String, limit: Int = 500) -> [WrittenFile] {
    var files: [WrittenFile] = []
    var pending = [""]
    while let directory = pending.popLast(), files.count < limit {
      for name in ((try? Files.names(in: "\(upper)/\(directory)")) ?? []).sorted() {
        let path = directory.isEmpty ? name : "\(directory)/\(name)"
        guard let information = Directories.status(of: "\(upper)/\(path)"), files.count < limit else {
          continue
        }
        let wasThere = Directories.status(of: "\(lower)/\(path)") != nil
        switch information.st_mode & S_IFMT {
        case S_IFDIR: pending.append(path)
        case S_IFCHR where information.st_rdev == 0:
          files.append(WrittenFile(path: "\(prefix)/\(path)", bytes: 0, kind: "deleted"))
        default:
          files.append(
            WrittenFile(
              path: "\(prefix)/\(path)", bytes: Int64(information.st_size),
              kind: wasThere ? "modified" : "created"))
        }
      }
    }
    return files.sorted { $0.path < $1.path }
  }

  /// Those which the program itself wrote, with what rules want to know of their content.
  ///
  /// `earlier` are the paths that an installation or a build had written before.
  static func described(
    _ files: [WrittenFile], except earlier: Set<String>, upper: String, prefix: String,
    in snapshot: ProjectSnapshot
  ) -> [WrittenFile] {
    files.filter { !earlier.contains($0.path) }.map { file in
      var file = file
      let path = String(file.path.dropFirst(prefix.count + 1))
      guard file.kind != "deleted", Directories.kind(of: "\(upper)/\(path)") == S_IFREG else { return file }
      let isLog =
        path.hasSuffix(".log") || path.split(separator: "/").dropLast().contains { $0.hasPrefix("log") }
      if isLog, file.bytes < 4 << 20, let bytes = try? Files.read("\(upper)/\(path)", limit: 4 << 20) {
        file.tail = String(decoding: bytes.suffix(16 << 10), as: UTF8.self)
      }
      if isLog { file.namedIn = place(naming: path, in: snapshot) }
      return file
    }
  }

  private static let sources = [
    ".py", ".js", ".mjs", ".cjs", ".ts", ".toml", ".yml", ".yaml", ".json", ".ini", ".cfg",
  ]

  /// The first line of the project's own files with a file's name in it.
  private static func place(naming path: String, in snapshot: ProjectSnapshot) -> Finding.Location? {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let candidates = snapshot.files.filter { file in sources.contains { file.hasSuffix($0) } }
    for file in candidates.prefix(500) {
      guard let text = snapshot.text(of: file), text.contains(name) else { continue }
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
      return Finding.Location(file: file, line: (lines.firstIndex { $0.contains(name) } ?? 0) + 1)
    }
    return nil
  }
}
