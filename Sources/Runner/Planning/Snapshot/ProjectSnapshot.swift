import Formats

/// The files of a project as they were when the check began; nothing in the folder is written or changed.
package struct ProjectSnapshot: Sendable, Equatable {
  /// One regular file, or a link to one inside the project.
  package struct File: Sendable, Equatable {
    /// Relative to the project's root, with "/" between the parts.
    package var path: String
    /// Its size when the folder was walked.
    package var sizeInBytes: Int64
    /// Whether anyone may execute it.
    package var isExecutable: Bool
  }

  /// How far a walk goes.
  package struct Caps: Sendable, Equatable {
    /// The most files that are listed.
    package var files: Int
    /// The most folders that lie within each other, the root included.
    package var depth: Int
    /// Larger files are listed, but their content is not read.
    package var fileSizeInBytes: Int

    /// Makes caps; the defaults hold for a large repository and stop a runaway one.
    package init(files: Int = 20_000, depth: Int = 32, fileSizeInBytes: Int = 1 << 20) {
      self.files = files
      self.depth = depth
      self.fileSizeInBytes = fileSizeInBytes
    }
  }

  /// The folder's real path: absolute, without links.
  package var root: String
  /// The regular files, sorted by path.
  package var entries: [File]
  /// Folders that were left out on purpose (`.git`, `node_modules`, virtual environments), sorted.
  package var skippedFolders: [String]
  /// Paths that could not be read or listed, sorted.
  package var unreadable: [String]
  /// True when a cap was reached and `entries` is not complete.
  package var truncated: Bool
  /// How far the walk went at most.
  package var caps: Caps
  /// What is in the folder and would not be deployed, sorted by path.
  package var leftOut: [LeftOut]
  var paths: Set<String>
  /// Files that a check puts beside those of the folder, by their paths.
  package private(set) var added: [String: String] = [:]
  /// What a person should know of the workspace that the folder is a part of.
  var workspaceNotes: [String] = []

  init(
    root: String, entries: [File], skippedFolders: [String], unreadable: [String], truncated: Bool,
    caps: Caps,
    leftOut: [LeftOut] = []
  ) {
    self.leftOut = leftOut
    self.root = root
    self.entries = entries
    self.skippedFolders = skippedFolders
    self.unreadable = unreadable
    self.truncated = truncated
    self.caps = caps
    self.paths = Set(entries.map(\.path))
  }

  /// The files' paths, sorted.
  package var files: [String] { entries.map(\.path) }

  /// The folder's own name.
  package var name: String {
    root.split(separator: "/").last.map(String.init) ?? "root"
  }

  /// Puts a file of ours beside those of the folder.
  mutating func add(_ path: String, _ text: String) {
    added[path] = text
    paths.insert(path)
    entries.append(File(path: path, sizeInBytes: Int64(text.utf8.count), isExecutable: false))
    entries.sort { $0.path < $1.path }
  }

  /// Whether the project has this file.
  package func contains(_ path: String) -> Bool { paths.contains(path) }

  /// The text of a file, with invalid UTF-8 repaired and a byte order mark removed; nil when it is not there,
  /// too large or not readable.
  package func text(of path: String) -> String? {
    guard let bytes = bytes(of: path) else { return nil }
    let marked = bytes.starts(with: [0xEF, 0xBB, 0xBF])
    return String(decoding: marked ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
  }

  /// The files in whose place git-lfs has left a pointer (git-lfs, docs/spec.md); nil where it is not used.
  var largeFilePointers: [String]? {
    guard text(of: ".gitattributes")?.contains("filter=lfs") == true else { return nil }
    return entries.filter { (100...400).contains($0.sizeInBytes) }.prefix(5000).map(\.path).filter {
      text(of: $0)?.hasPrefix("version https://git-lfs.github.com/spec/") == true
    }
  }

  /// The names of the variables that a left out file of NAME=VALUE lines sets; the values are nobody's business.
  package func variables(in item: LeftOut) -> [String] {
    let name = item.path.split(separator: "/").last ?? ""
    guard name.hasPrefix(".env"), item.isHidden,
      let bytes = FolderReader.content(of: item.path, under: root, limitInBytes: caps.fileSizeInBytes)
    else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).compactMap { line in
      let words = line.hasPrefix("export ") ? line.dropFirst(7) : line
      guard let equals = words.firstIndex(of: "=") else { return nil }
      let name = String(words[..<equals]).trimmingSpace()
      let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      return isName && !name.isEmpty ? name : nil
    }
  }

  /// The content of a file; nil when it is not there, too large or not readable.
  package func bytes(of path: String) -> [UInt8]? {
    if let text = added[path] { return Array(text.utf8) }
    guard contains(path) else { return nil }
    return FolderReader.content(of: path, under: root, limitInBytes: caps.fileSizeInBytes)
  }
}
