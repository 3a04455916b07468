import CShims
import Formats
import Glibc
import Isolate

/// A folder of the caller's as the archive of a root filesystem: entries in the order of their names' bytes, so that
/// the same folder always gives the same archive.
///
/// Owners are what the attribute user.isolate.owner says, as the store's own layers have it; else the file's. What
/// belongs to a caller who is not root was unpacked without the right to give it to anybody: it is root's.
final class FolderArchive: @unchecked Sendable {
  private struct Level {
    var path: EntryPath
    var names: ArraySlice<[UInt8]>
  }

  private let root: String
  private let limits: ExtractionLimits
  private var levels: [Level] = []
  private var isStarted = false
  /// Where a file with several names was met first.
  private var seen: [Identity: EntryPath] = [:]

  private struct Identity: Hashable {
    var device: UInt
    var inode: UInt
  }

  init(_ root: String, _ limits: ExtractionLimits) { (self.root, self.limits) = (root, limits) }

  /// The archive.
  func input() -> ArchiveInput {
    ArchiveInput { () throws(Failure) in try self.next() }
  }

  private func next() throws(Failure) -> ArchiveInput.Member? {
    if !isStarted {
      isStarted = true
      return try member(EntryPath(components: []))
    }
    while let level = levels.last {
      guard let name = level.names.first else {
        levels.removeLast()
        continue
      }
      levels[levels.count - 1].names.removeFirst()
      let path = EntryPath(components: level.path.components + [name])
      if let member = try member(path) { return member }
    }
    return nil
  }

  /// nil for what archives do not have: sockets.
  private func member(_ path: EntryPath) throws(Failure) -> ArchiveInput.Member? {
    if let name = path.components.last, name.starts(with: Array(".wh.".utf8)) {
      throw Failure(
        .invalid, "\"\(path)\" has a name that means in images that another file is hidden",
        remedy: "rename or remove it")
    }
    // Folders are held by descriptor: what is swapped for a link meanwhile is not followed.
    guard path.components.count <= limits.depth else {
      throw Failure(.invalid, "\"\(path)\" is more than \(limits.depth) folders deep")
    }
    let folder = try open(path.components.dropLast())
    let name = path.components.last ?? Array(".".utf8)
    var information = stat()
    let status = LayerTree.with(name) {
      unsafe fstatat(folder.number, $0, &information, AT_SYMLINK_NOFOLLOW)
    }
    try LayerTree.check(status, "stat", path.components[...])
    var entry = TarEntry(path: path)
    entry.mode = UInt32(information.st_mode) & 0o7777
    entry.modified = (Int64(information.st_mtim.tv_sec), Int64(information.st_mtim.tv_nsec))
    // By the descriptor's own place, so that no component is a link here either.
    let place = "/proc/self/fd/\(folder.number)/"
    entry.attributes = Self.attributes(place, name)
    (entry.userID, entry.groupID) = Self.owner(place, name, information)
    return try member(entry, name, in: folder, information)
  }

  private func open(_ components: ArraySlice<[UInt8]>) throws(Failure) -> OwnedDescriptor {
    var folder = OwnedDescriptor(owning: unsafe isl_open_folder(AT_FDCWD, root))
    if folder.number < 0 { throw Failure(image: SystemError("open", root, code: errno)) }
    for name in components {
      let number = LayerTree.with(name) { unsafe isl_open_folder(folder.number, $0) }
      if number < 0 { throw LayerTree.failure("open", components, errno) }
      folder = OwnedDescriptor(owning: number)
    }
    return folder
  }

  private func member(
    _ entry: TarEntry, _ name: [UInt8], in folder: borrowing OwnedDescriptor, _ information: stat
  ) throws(Failure) -> ArchiveInput.Member? {
    var entry = entry
    let identity = Identity(device: UInt(information.st_dev), inode: UInt(information.st_ino))
    let kind = information.st_mode & S_IFMT
    if kind != S_IFDIR, information.st_nlink > 1 {
      if let first = seen[identity] {
        (entry.kind, entry.target, entry.attributes) = (.hardLink, first, [])
        return ArchiveInput.Member(entry: entry, file: nil, contents: nil)
      }
      seen[identity] = entry.path
    }
    var file: OwnedDescriptor?
    switch kind {
    case S_IFDIR:
      entry.kind = .directory
      let number = LayerTree.with(name) {
        unsafe openat(folder.number, $0, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
      }
      if number < 0 { throw LayerTree.failure("open", entry.path.components[...], errno) }
      let opened = OwnedDescriptor(owning: number)
      let names = try SystemError.caught(try RawNames.names(in: "/proc/self/fd/\(opened.number)")) {
        LayerTree.failure("opendir", entry.path.components[...], $0.code)
      }
      levels.append(Level(path: entry.path, names: names.sorted { $0.lexicographicallyPrecedes($1) }[...]))
    case S_IFREG:
      let number = LayerTree.with(name) {
        unsafe openat(folder.number, $0, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
      }
      if number < 0 { throw LayerTree.failure("open", entry.path.components[...], errno) }
      entry.size = Int64(information.st_size)
      entry.storedSize = entry.size
      file = OwnedDescriptor(owning: number)
    case S_IFLNK:
      entry.kind = .symbolicLink
      entry.linkText = RawNames.link(at: "/proc/self/fd/\(folder.number)/", name) ?? []
    case S_IFIFO: entry.kind = .fifo
    case S_IFCHR, S_IFBLK:
      let device = UInt64(information.st_rdev)
      entry.kind = .device(
        isBlock: kind == S_IFBLK, major: UInt32(device >> 8 & 0xfff),
        minor: UInt32(device & 0xff | device >> 12 & 0xfff00))
    default: return nil
    }
    return ArchiveInput.Member(entry: entry, file: file, contents: nil)
  }

  private static func owner(_ place: String, _ name: [UInt8], _ information: stat) -> (UInt32, UInt32) {
    if let value = attribute(place, name, "user.isolate.owner") {
      let parts = String(decoding: value, as: UTF8.self).split(separator: ":").map { UInt32($0) }
      if parts.count == 2, let user = parts[0], let group = parts[1] { return (user, group) }
    }
    let me = geteuid()
    if me != 0, information.st_uid == me { return (0, 0) }
    return (information.st_uid, information.st_gid)
  }

  /// Those that travel with images: of programs and their capabilities, not of overlay, ours, or labels of this
  /// machine.
  private static func attributes(_ place: String, _ name: [UInt8]) -> [(name: [UInt8], value: [UInt8])] {
    var names = [UInt8](repeating: 0, count: 64 << 10)
    let count = LayerTree.with(Array(place.utf8) + name) { path in
      unsafe names.withUnsafeMutableBytes { bytes in
        unsafe isl_list_attributes(
          path, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), bytes.count)
      }
    }
    guard count > 0 else { return [] }
    return names[..<Int(count)].split(separator: 0).map { String(decoding: $0, as: UTF8.self) }.sorted()
      .filter { name in
        name == "security.capability"
          || name.hasPrefix("user.") && !name.hasPrefix("user.overlay.") && !name.hasPrefix("user.isolate.")
      }
      .compactMap { key in attribute(place, name, key).map { (Array(key.utf8), $0) } }
  }

  private static func attribute(_ place: String, _ name: [UInt8], _ key: String) -> [UInt8]? {
    var value = [UInt8](repeating: 0, count: 64 << 10)
    let count = LayerTree.with(Array(place.utf8) + name) { path in
      unsafe value.withUnsafeMutableBytes { unsafe isl_get_attribute(path, key, $0.baseAddress, $0.count) }
    }
    return count < 0 ? nil : Array(value[..<Int(count)])
  }
}

extension RawNames {
  /// The contents of a symbolic link whose name need not be UTF-8, or nil.
  static func link(at folder: String, _ name: [UInt8]) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = LayerTree.with(Array(folder.utf8) + name) { path in
      unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe readlink(
          path, bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self), bytes.count)
      }
    }
    return count < 0 ? nil : Array(buffer[..<count])
  }
}
