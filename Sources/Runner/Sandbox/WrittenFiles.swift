import Analysis
import Glibc
import Isolate

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
}
