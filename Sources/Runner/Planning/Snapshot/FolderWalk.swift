package import Formats
import Glibc

extension ProjectSnapshot {
  /// Lists a project's files; nothing is followed out of the folder, nothing in it is changed.
  ///
  /// - Throws: `Failure` when the folder is not there, is no folder, cannot be read or is empty.
  package static func walk(_ path: String, caps: Caps = Caps()) throws(Failure) -> ProjectSnapshot {
    let descriptor = FolderReader.open(path, at: AT_FDCWD, flags: O_DIRECTORY)
    guard descriptor >= 0 else { throw cannotOpen(path, code: errno) }
    guard let root = FolderReader.realPath(of: descriptor) else {
      close(descriptor)
      throw Failure(
        .unreadable, "its real path cannot be read from /proc/self/fd", subject: path,
        remedy: "Mount /proc, or give the folder by another path.")
    }
    var walk = FolderWalk(root: root, caps: caps)
    guard walk.visit(consuming: descriptor, prefix: "", depth: 0) else {
      throw cannotOpen(path, code: EACCES)
    }
    let snapshot = walk.snapshot().withoutDockerIgnored()
    if snapshot.entries.isEmpty && snapshot.unreadable.isEmpty {
      throw nothingToCheck(path, skipped: snapshot.skippedFolders)
    }
    return snapshot.withWorkspaceLock()
  }

  private static func nothingToCheck(_ path: String, skipped: [String]) -> Failure {
    Failure(
      .emptyFolder, "there is nothing to check: the folder holds no files", subject: path,
      details: skipped.isEmpty ? [] : ["only left out: \(skipped.joined(separator: ", "))"],
      remedy: "Give the folder that holds the project's files.")
  }

  private static func cannotOpen(_ path: String, code: Int32) -> Failure {
    let reason = unsafe String(cString: strerror(code))
    switch code {
    case ENOENT:
      return Failure(
        .folderMissing, "no such folder", subject: path,
        remedy: "Give the path of the folder that holds the project.")
    case ENOTDIR:
      return Failure(
        .notAFolder, "not a folder", subject: path,
        remedy: "Give the folder that holds the project, not a file in it.")
    case EACCES, EPERM:
      return Failure(
        .unreadable, "the folder cannot be read: \(reason)", subject: path,
        remedy: "Give this user permission to read and enter it: chmod u+rx, or run as its owner.")
    default:
      return Failure(
        .unreadable, "the folder cannot be opened: \(reason)", subject: path,
        remedy: "Check the path and the file system it is on.")
    }
  }
}

/// The state of one walk through a project's folder.
private struct FolderWalk {
  let root: String
  let caps: ProjectSnapshot.Caps
  private var entries: [ProjectSnapshot.File] = []
  private var skipped: [String] = []
  private var unreadable: [String] = []
  private var truncated = false
  private var deployed: DeployedFiles

  /// Folders that hold what tools made, not what the project says.
  private static let leftOut: Set<String> = [
    ".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv", ".tox", ".nox", ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
  ]

  init(root: String, caps: ProjectSnapshot.Caps) {
    self.root = root
    self.caps = caps
    deployed = DeployedFiles(root: root)
  }

  /// The result.
  func snapshot() -> ProjectSnapshot {
    ProjectSnapshot(
      root: root, entries: entries.sorted { $0.path < $1.path }, skippedFolders: skipped.sorted(),
      unreadable: unreadable.sorted(), truncated: truncated, caps: caps,
      leftOut: deployed.leftOut.sorted { $0.path < $1.path })
  }

  /// Adds what an open folder holds; false when it cannot be listed.
  ///
  /// With `ignored` only what git tracks counts.
  mutating func visit(
    consuming descriptor: Int32, prefix: String, depth: Int, ignored: ProjectSnapshot.LeftOut.Reason? = nil
  ) -> Bool {
    // The listing closes its descriptor, so the folder is visited through a second one.
    let folder = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    guard let names = FolderReader.names(consuming: descriptor), folder >= 0 else {
      if folder >= 0 { close(folder) }
      return false
    }
    defer { close(folder) }
    // A virtual environment under any name is recognised by the file that makes it one (PEP 405).
    if depth > 0 && names.contains(where: { $0.name == "pyvenv.cfg" }) {
      skipped.append(String(prefix.dropLast()))
      return true
    }
    if names.contains(where: { $0.name == ".gitignore" }),
      let bytes = FolderReader.content(
        of: "\(prefix).gitignore", under: root, limitInBytes: caps.fileSizeInBytes)
    {
      deployed.enter(prefix, gitignore: bytes)
    }
    defer { deployed.leave(prefix) }
    for (name, isExact) in names {
      guard entries.count < caps.files, deployed.leftOut.count < caps.files else {
        truncated = true
        return true
      }
      guard isExact else {
        unreadable.append(prefix + name)
        continue
      }
      add(name, in: folder, prefix: prefix, depth: depth, ignored: ignored)
    }
    return true
  }

  private mutating func add(
    _ name: String, in folder: Int32, prefix: String, depth: Int, ignored: ProjectSnapshot.LeftOut.Reason?
  ) {
    let path = prefix + name
    var information = stat()
    guard unsafe fstatat(folder, name, &information, AT_SYMLINK_NOFOLLOW) == 0 else {
      unreadable.append(path)
      return
    }
    let isFolder = information.st_mode & S_IFMT == S_IFDIR
    guard case .kept(let below) = deployed.holds(path, isFolder: isFolder, inIgnoredFolder: ignored) else {
      if isFolder, !FolderWalk.leftOut.contains(name) { listLeftOut(path, depth: depth + 1) }
      return
    }
    switch information.st_mode & S_IFMT {
    case S_IFREG:
      append(path, information)
    case S_IFLNK:
      addLink(name, in: folder, path: path)
    case S_IFDIR:
      addFolder(name, in: folder, path: path, depth: depth, ignored: below)
    default:
      // Sockets, pipes and devices are no part of a project.
      break
    }
  }

  private mutating func append(_ path: String, _ information: stat) {
    if information.st_size < 256, let target = linkText(path) {
      deployed.leaveOut(.init(path: path, isFolder: false, reason: .link(target: target)))
    }
    entries.append(
      ProjectSnapshot.File(
        path: path, sizeInBytes: Int64(information.st_size), isExecutable: information.st_mode & 0o111 != 0))
  }

  /// A link counts when it leads to a regular file inside the project; folders behind links are not entered.
  private mutating func addLink(_ name: String, in folder: Int32, path: String) {
    var information = stat()
    let isThere = unsafe fstatat(folder, name, &information, 0) == 0
    let resolved = FolderReader.realPath("\(root)/\(path)")
    let target = FolderReader.link(at: "\(root)/\(path)") ?? ""
    // The project has another path where it is deployed: an absolute link leads nowhere there.
    guard isThere, !target.hasPrefix("/"), let resolved, FolderReader.isPath(resolved, under: root) else {
      deployed.leaveOut(.init(path: path, isFolder: false, reason: .link(target: target)))
      return
    }
    if FolderReader.isRegular(information.st_mode) { append(path, information) }
  }

  /// What a link leads to that stands here as a file with that text: git writes links so where a file system has none
  /// (git-config(1), core.symlinks).
  private func linkText(_ path: String) -> String? {
    guard let name = path.split(separator: "/").last, !name.dropFirst().contains("."),
      let bytes = FolderReader.content(of: path, under: root, limitInBytes: 256),
      let text = String(validating: bytes, as: UTF8.self), text.hasPrefix("../"),
      !text.contains(where: \.isWhitespace)
    else { return nil }
    return text
  }

  /// Lists the files below a folder that is left out, so that a program which misses one can be told why.
  private mutating func listLeftOut(_ path: String, depth: Int) {
    guard depth < caps.depth, let names = FolderReader.names(of: "\(root)/\(path)") else { return }
    for (name, isExact) in names.prefix(500) where isExact && !FolderWalk.leftOut.contains(name) {
      var information = stat()
      guard unsafe lstat("\(root)/\(path)/\(name)", &information) == 0 else { continue }
      if information.st_mode & S_IFMT == S_IFDIR {
        if depth < 8 { listLeftOut("\(path)/\(name)", depth: depth + 1) }
      } else {
        deployed.addContent("\(path)/\(name)")
      }
    }
  }

  private mutating func addFolder(
    _ name: String, in folder: Int32, path: String, depth: Int, ignored: ProjectSnapshot.LeftOut.Reason?
  ) {
    if FolderWalk.leftOut.contains(name) {
      skipped.append(path)
      return
    }
    guard depth + 1 < caps.depth else {
      truncated = true
      return
    }
    let descriptor = FolderReader.open(name, at: folder, flags: O_DIRECTORY | O_NOFOLLOW)
    guard descriptor >= 0,
      visit(consuming: descriptor, prefix: path + "/", depth: depth + 1, ignored: ignored)
    else {
      unreadable.append(path)
      return
    }
  }
}
