import CShims
package import Formats
import Glibc
import Isolate

extension MergedLayers {
  /// What a copy took.
  package struct CopySummary: Sendable, Equatable {
    package var entries = 0
    package var bytes: Int64 = 0
  }

  /// Copies what overlay would show of the layers into an empty folder of our own: with modes, times, attributes, holes
  /// and hard links, by descriptors, following no link. Where the filesystem can, files share their blocks with the
  /// layer's (copy_file_range(2)).
  ///
  /// All of it is the caller's, or that of `owner` and the group of the same number.
  ///
  /// - Throws: `Failure` that names the entry; what is there by then is the caller's to remove.
  package func copy(to path: String, owner: UInt32? = nil) throws(Failure) -> CopySummary {
    let number = unsafe isl_open_folder(AT_FDCWD, path)
    if number < 0 { throw Failure(image: SystemError("open", path, code: errno)) }
    let target = OwnedDescriptor(owning: number)
    var copy = LayerCopy(root: target.number, owner: owner)
    for tree in trees {
      let root = unsafe open(tree, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      if root < 0 { throw Failure(image: SystemError("open", tree, code: errno)) }
      let source = OwnedDescriptor(owning: root)
      // A second name is of the same layer.
      copy.firstNames = [:]
      try copy.contents(of: source.number, into: target.number, [], depth: 0)
      extendLifetime(source)
    }
    try copy.finishFolders()
    extendLifetime(target)
    return copy.summary
  }
}

/// One copy under way.
private struct LayerCopy {
  /// What layers may be deep at most: folders above the entry stay open.
  private static let deepest = 256

  /// The folder that is copied to.
  let root: Int32
  /// Whose the entries become; nil leaves them to who makes them.
  let owner: UInt32?
  var summary = MergedLayers.CopySummary()
  /// Files of the layer that have several names, with the first of them.
  var firstNames: [UInt64: [[UInt8]]] = [:]
  /// Modes and times are set when nothing is written below any more.
  private var folders: [[[UInt8]]: stat] = [:]

  init(root: Int32, owner: UInt32?) {
    self.root = root
    self.owner = owner
  }

  mutating func contents(
    of source: Int32, into target: Int32, _ path: [[UInt8]], depth: Int
  ) throws(Failure) {
    guard depth < Self.deepest else { throw failure("open", path, ELOOP) }
    var information = stat()
    if unsafe fstat(source, &information) != 0 { throw failure("fstat", path, errno) }
    folders[path] = information
    let names = try self.names(of: source, path)
    // A hard link is made from the first name, which may come later in the folder but is in this layer.
    for name in names { try entry(name, source, target, path + [name], depth) }
  }

  private func names(of folder: Int32, _ path: [[UInt8]]) throws(Failure) -> [[UInt8]] {
    try SystemError.caught(try RawNames.names(in: "/proc/self/fd/\(folder)")) {
      failure("opendir", path, $0.code)
    }
  }

  private mutating func entry(
    _ name: [UInt8], _ source: Int32, _ target: Int32, _ path: [[UInt8]], _ depth: Int
  ) throws(Failure) {
    var information = stat()
    if LayerTree.with(name, { unsafe fstatat(source, $0, &information, AT_SYMLINK_NOFOLLOW) }) != 0 {
      throw failure("fstatat", path, errno)
    }
    if LayerTree.with(name, { unsafe isl_is_whiteout(source, $0) == 1 }) {
      return try remove(name, target, path)
    }
    if information.st_mode & S_IFMT == S_IFDIR { return try folder(name, source, target, path, depth) }
    try remove(name, target, path)
    summary.entries += 1
    if information.st_nlink > 1 {
      if let first = firstNames[UInt64(information.st_ino)] {
        if try link(first, name, target, path) { return }
      } else {
        firstNames[UInt64(information.st_ino)] = path
      }
    }
    switch information.st_mode & S_IFMT {
    case S_IFREG: try file(name, source, target, path, information)
    case S_IFLNK: try symbolicLink(name, source, target, path, information)
    case S_IFIFO:
      try check(LayerTree.with(name) { unsafe mkfifoat(target, $0, 0o600) }, "mkfifo", path)
      try give(name, in: target, path)
      try check(
        LayerTree.with(name) { unsafe fchmodat(target, $0, information.st_mode & 0o7777, 0) }, "fchmodat",
        path)
      try setTimes(name, target, path, information)
    default: break  // an unpacked layer has no devices but whiteouts, and no sockets
    }
  }

  private mutating func folder(
    _ name: [UInt8], _ source: Int32, _ target: Int32, _ path: [[UInt8]], _ depth: Int
  ) throws(Failure) {
    let number = LayerTree.with(name) {
      unsafe openat(source, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    if number < 0 { throw failure("open", path, errno) }
    let from = OwnedDescriptor(owning: number)
    let isOpaque = isl_is_opaque(from.number) == 1
    var there = stat()
    let isThere =
      LayerTree.with(name) { unsafe fstatat(target, $0, &there, AT_SYMLINK_NOFOLLOW) } == 0
    if isThere, isOpaque || there.st_mode & S_IFMT != S_IFDIR { try remove(name, target, path) }
    if LayerTree.with(name, { unsafe mkdirat(target, $0, 0o700) }) != 0, errno != EEXIST {
      throw failure("mkdir", path, errno)
    }
    let made = LayerTree.with(name) {
      unsafe openat(target, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    }
    if made < 0 { throw failure("open", path, errno) }
    let to = OwnedDescriptor(owning: made)
    summary.entries += 1
    try attributes(from.number, to.number, path)
    try contents(of: from.number, into: to.number, path, depth: depth + 1)
    extendLifetime(from)
    extendLifetime(to)
  }

  private mutating func remove(_ name: [UInt8], _ target: Int32, _ path: [[UInt8]]) throws(Failure) {
    if LayerTree.with(name, { unsafe unlinkat(target, $0, 0) }) == 0 || errno == ENOENT { return }
    let status = LayerTree.with(name) { unsafe isl_remove_tree(target, $0) }
    if status < 0 { throw failure("unlink", path, -status) }
    for known in folders.keys where known.starts(with: path) { folders[known] = nil }
  }

  private mutating func file(
    _ name: [UInt8], _ source: Int32, _ target: Int32, _ path: [[UInt8]], _ information: stat
  ) throws(Failure) {
    let number = LayerTree.with(name) {
      unsafe openat(source, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    }
    if number < 0 { throw failure("open", path, errno) }
    let from = OwnedDescriptor(owning: number)
    let made = LayerTree.with(name) {
      unsafe openat(target, $0, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    }
    if made < 0 { throw failure("open", path, errno) }
    let to = OwnedDescriptor(owning: made)
    let status = isl_copy_sparse(from.number, to.number)
    if status < 0 { throw failure("write", path, -status) }
    summary.bytes += Int64(information.st_size)
    // Before the mode and the attributes, of which a change of the owner takes some away.
    if let owner { try check(fchown(to.number, owner, owner), "fchown", path) }
    try attributes(from.number, to.number, path)
    try check(fchmod(to.number, information.st_mode & 0o7777), "fchmod", path)
    var times = [information.st_atim, information.st_mtim]
    try check(unsafe futimens(to.number, &times), "futimens", path)
  }

  private func symbolicLink(
    _ name: [UInt8], _ source: Int32, _ target: Int32, _ path: [[UInt8]], _ information: stat
  ) throws(Failure) {
    var text = [UInt8](repeating: 0, count: 4097)
    let count = LayerTree.with(name) { name in
      unsafe text.withUnsafeMutableBytes { buffer in
        guard let base = buffer.baseAddress else { return -1 }
        return unsafe readlinkat(source, name, base.assumingMemoryBound(to: CChar.self), 4096)
      }
    }
    if count < 0 { throw failure("readlink", path, errno) }
    let result = LayerTree.with(Array(text[..<count])) { text in
      LayerTree.with(name) { unsafe symlinkat(text, target, $0) }
    }
    try check(result, "symlink", path)
    try give(name, in: target, path)
    try setTimes(name, target, path, information)
  }

  /// Another name of what was copied already; false when a later entry took that place.
  private func link(
    _ first: [[UInt8]], _ name: [UInt8], _ target: Int32, _ path: [[UInt8]]
  ) throws(Failure) -> Bool {
    // Folders on the way are of this copy, and none of them is a link.
    let way = Array(first.joined(separator: [UInt8(ascii: "/")]))
    let result = LayerTree.with(way) { old in
      LayerTree.with(name) { unsafe linkat(root, old, target, $0, 0) }
    }
    if result != 0, errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == EMLINK {
      return false
    }
    try check(result, "link", path)
    return true
  }

  /// The layer's own attributes, without those that tell overlay something.
  private func attributes(_ source: Int32, _ target: Int32, _ path: [[UInt8]]) throws(Failure) {
    let status = isl_copy_attributes(source, target)
    if status < 0 { throw failure("fsetxattr", path, -status) }
  }

  private func give(_ name: [UInt8], in target: Int32, _ path: [[UInt8]]) throws(Failure) {
    guard let owner else { return }
    let result = LayerTree.with(name) { unsafe fchownat(target, $0, owner, owner, AT_SYMLINK_NOFOLLOW) }
    try check(result, "fchownat", path)
  }

  private func setTimes(
    _ name: [UInt8], _ target: Int32, _ path: [[UInt8]], _ information: stat
  ) throws(Failure) {
    var times = [information.st_atim, information.st_mtim]
    try check(
      LayerTree.with(name) { unsafe utimensat(target, $0, &times, AT_SYMLINK_NOFOLLOW) }, "utimensat", path)
  }

  /// The deepest first.
  func finishFolders() throws(Failure) {
    for path in folders.keys.sorted(by: { $0.count > $1.count }) {
      guard let information = folders[path] else { continue }
      let way = Array((path + [Array(".".utf8)]).joined(separator: [UInt8(ascii: "/")]))
      let number = LayerTree.with(way) {
        unsafe openat(root, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      if number < 0 { throw failure("open", path, errno) }
      let folder = OwnedDescriptor(owning: number)
      if let owner { try check(fchown(folder.number, owner, owner), "fchown", path) }
      try check(fchmod(folder.number, information.st_mode & 0o7777), "fchmod", path)
      var times = [information.st_atim, information.st_mtim]
      try check(unsafe futimens(folder.number, &times), "futimens", path)
    }
  }

  private func check(_ result: Int32, _ call: String, _ path: [[UInt8]]) throws(Failure) {
    if result < 0 { throw failure(call, path, errno) }
  }

  private func failure(_ call: String, _ path: [[UInt8]], _ code: Int32) -> Failure {
    Failure(image: SystemError(call, "\(EntryPath(components: path))", code: code))
  }
}
