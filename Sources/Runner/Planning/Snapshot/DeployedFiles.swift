import Formats

/// Which files of a folder git would put into a commit: those it tracks, and those it would add.
struct DeployedFiles {
  private(set) var leftOut: [ProjectSnapshot.LeftOut] = []
  private var ignoreFiles: [IgnoreFile] = []
  private var index: GitIndex?
  /// From the work tree's root to the project, with a slash at its end; empty where they are the same.
  private var prefix = ""
  private var isWorkTree: Bool

  private static let largestIgnoreFile = 1 << 20
  private static let largestIndex = 256 << 20

  /// Looks for the work tree that holds a project.
  init(root: String) {
    guard let (top, gitFolder) = Self.workTree(of: root) else {
      isWorkTree = false
      return
    }
    isWorkTree = true
    prefix = root == top ? "" : String(root.dropFirst(top == "/" ? 1 : top.count + 1)) + "/"
    index = Self.read("\(gitFolder)/index", limit: Self.largestIndex).flatMap { GitIndex($0) }
    if let bytes = Self.read("\(Self.commonFolder(gitFolder))/info/exclude", limit: Self.largestIgnoreFile) {
      ignoreFiles.append(
        IgnoreFile(
          name: ".git/info/exclude", text: String(decoding: bytes, as: UTF8.self), prefix: prefix,
          dialect: .git))
    }
    // Those of the folders above, from the outermost on.
    var parts = prefix.split(separator: "/").map(String.init)
    var folder = top == "/" ? "" : top
    while !parts.isEmpty {
      if let bytes = Self.read("\(folder)/.gitignore", limit: Self.largestIgnoreFile) {
        let up = String(repeating: "../", count: parts.count)
        ignoreFiles.append(
          IgnoreFile(
            name: "\(up).gitignore", text: String(decoding: bytes, as: UTF8.self),
            prefix: parts.joined(separator: "/") + "/", dialect: .git))
      }
      folder += "/" + parts.removeFirst()
    }
    if isForeign {
      ignoreFiles = []
      index = nil
      isWorkTree = false
    }
  }

  /// Whether the project lies in a folder that the repository around it leaves out: then it is none of that
  /// repository's, and nothing there says what of it is deployed.
  private var isForeign: Bool {
    guard !prefix.isEmpty, index?.folders.contains(String(prefix.dropLast())) != true else { return false }
    return ignoreFiles.contains { file in
      var path = ""
      for part in file.prefix.split(separator: "/") {
        path += (path.isEmpty ? "" : "/") + part
        if let pattern = file.patterns.last(where: { $0.matches(path[...], isFolder: true) }),
          !pattern.isException
        {
          return true
        }
      }
      return false
    }
  }

  /// The nearest folder at or above with a `.git`, and where git keeps its files for it (gitrepository-layout(5)).
  static func workTree(of root: String) -> (top: String, gitFolder: String)? {
    var folder = root
    while true {
      let git = folder == "/" ? "/.git" : "\(folder)/.git"
      if read("\(git)/HEAD", limit: 4096) != nil { return (folder, git) }
      if let bytes = read(git, limit: 4096) {
        let text = String(decoding: bytes, as: UTF8.self).trimmingSpace()
        guard text.hasPrefix("gitdir: ") else { return nil }
        let path = text.dropFirst("gitdir: ".count)
        return (folder, path.hasPrefix("/") ? String(path) : "\(folder)/\(path)")
      }
      guard let slash = folder.lastIndex(of: "/"), folder != "/" else { return nil }
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
    }
  }

  /// A linked work tree has its files beside the main one's (git-worktree(1)).
  private static func commonFolder(_ gitFolder: String) -> String {
    guard let bytes = read("\(gitFolder)/commondir", limit: 4096) else { return gitFolder }
    let path = String(decoding: bytes, as: UTF8.self).trimmingSpace()
    return path.hasPrefix("/") ? path : "\(gitFolder)/\(path)"
  }

  private static func read(_ path: String, limit: Int) -> [UInt8]? {
    FolderReader.content(of: String(path.drop { $0 == "/" }), under: "/", limitInBytes: limit)
  }

  /// Takes in the `.gitignore` of a folder of the project; `folder` ends with a slash, or is empty.
  mutating func enter(_ folder: String, gitignore: [UInt8]) {
    ignoreFiles.append(
      IgnoreFile(
        name: "\(folder).gitignore", text: String(decoding: gitignore, as: UTF8.self), folder: folder,
        dialect: .git))
  }

  /// Forgets the `.gitignore` of a folder that was left.
  mutating func leave(_ folder: String) {
    if ignoreFiles.last?.name == "\(folder).gitignore" { ignoreFiles.removeLast() }
  }

  /// Whether git would put it into a commit. Of a folder that is left out everything is; one with tracked files is
  /// not left out as a whole.
  mutating func holds(_ path: String, isFolder: Bool, inIgnoredFolder: ProjectSnapshot.LeftOut.Reason?)
    -> Verdict
  {
    if isTracked(path, isFolder: isFolder) {
      return .kept(below: isFolder ? inIgnoredFolder ?? reason(path, isFolder: true) : nil)
    }
    guard let reason = inIgnoredFolder ?? reason(path, isFolder: isFolder) else { return .kept(below: nil) }
    leftOut.append(ProjectSnapshot.LeftOut(path: path, isFolder: isFolder, reason: reason))
    return .leftOut
  }

  enum Verdict: Equatable {
    /// It is kept; with a reason, only what is tracked of what is below it.
    case kept(below: ProjectSnapshot.LeftOut.Reason?)
    case leftOut
  }

  /// Notes what is left out for another reason.
  mutating func leaveOut(_ item: ProjectSnapshot.LeftOut) { leftOut.append(item) }

  /// Adds a file that lies in the folder which was left out last.
  mutating func addContent(_ path: String) {
    guard let last = leftOut.indices.last, leftOut[last].files.count < 500 else { return }
    leftOut[last].files.append(path)
  }

  private func isTracked(_ path: String, isFolder: Bool) -> Bool {
    guard let index else { return false }
    let whole = prefix + path
    return isFolder
      ? index.folders.contains(whole) || index.submodules.contains(whole) : index.files.contains(whole)
  }

  private func reason(_ path: String, isFolder: Bool) -> ProjectSnapshot.LeftOut.Reason? {
    for file in ignoreFiles.reversed() {
      guard let pattern = file.decisive(path, isFolder: isFolder) else { continue }
      return pattern.isException
        ? nil : .ignored(file: file.name, line: pattern.line, pattern: pattern.text)
    }
    let name = path.split(separator: "/").last
    return isWorkTree && name == ".env" && !isFolder ? .untracked : nil
  }
}
