import Glibc
import Isolate

/// A folder that is the caller's alone, reached without following what somebody else could have put on the way.
enum PrivateFolder {
  /// O_PATH (open(2)), which Glibc's module does not show.
  private static let onlyPath: Int32 = 0o10_000_000

  /// Makes a folder with some in it, and those above it that are missing; all get mode 0700.
  ///
  /// Links above it are followed where they are the caller's or of whoever owns /, as those of a home that was moved.
  /// At its place and in it there may be none (CVE-2019-12439): each name is opened by itself, below the descriptor
  /// of the one before.
  ///
  /// - Throws: `SystemError`: ELOOP for somebody else's link, EEXIST for what is no folder of the caller's.
  static func prepare(_ path: String, with names: [String]) throws(SystemError) {
    var rest = path.split(separator: "/").map(String.init)
    guard let last = rest.popLast() else { throw SystemError("mkdir", path, code: EEXIST) }
    let above = try walk(rest[...], path)
    let folder = try own(last, in: above.number, path)
    for name in names { _ = try own(name, in: folder.number, "\(path)/\(name)") }
  }

  private static func walk(
    _ components: ArraySlice<String>, _ path: String
  ) throws(SystemError) -> OwnedDescriptor {
    var folder = try root(path)
    let trusted = [geteuid(), try status(folder.number, path).st_uid]
    var rest = components
    var links = 0
    while let name = rest.popFirst() {
      let next = try step(name, in: folder.number, path)
      let information = try status(next.number, path)
      guard information.st_mode & S_IFMT == S_IFLNK else {
        folder = next
        continue
      }
      links += 1
      guard trusted.contains(information.st_uid), links <= 40 else {
        throw SystemError("openat", path, code: ELOOP)
      }
      let target = try contents(next.number, path)
      rest = (target.split(separator: "/").map(String.init) + rest)[...]
      if target.hasPrefix("/") { folder = try root(path) }
    }
    return folder
  }

  private static func root(_ path: String) throws(SystemError) -> OwnedDescriptor {
    let number = unsafe open("/", onlyPath | O_DIRECTORY | O_CLOEXEC)
    if number < 0 { throw SystemError("open", path, code: errno) }
    return OwnedDescriptor(owning: number)
  }

  /// What has a name, a link as itself; a folder is made where there is nothing. O_DIRECTORY has a folder mounted
  /// that is mounted when it is used (autofs(5)).
  private static func step(
    _ name: String, in folder: Int32, _ path: String
  ) throws(SystemError) -> OwnedDescriptor {
    let flags = onlyPath | O_NOFOLLOW | O_CLOEXEC
    var number = unsafe openat(folder, name, flags | O_DIRECTORY)
    if number < 0, errno == ENOENT {
      if unsafe mkdirat(folder, name, 0o700) != 0, errno != EEXIST {
        throw SystemError("mkdir", path, code: errno)
      }
      number = unsafe openat(folder, name, flags | O_DIRECTORY)
    }
    if number < 0, errno == ENOTDIR { number = unsafe openat(folder, name, flags) }
    if number < 0 { throw SystemError("openat", path, code: errno) }
    return OwnedDescriptor(owning: number)
  }

  /// A folder of the caller's in another, with mode 0700 from now on.
  private static func own(
    _ name: String, in folder: Int32, _ path: String
  ) throws(SystemError) -> OwnedDescriptor {
    if unsafe mkdirat(folder, name, 0o700) != 0, errno != EEXIST {
      throw SystemError("mkdir", path, code: errno)
    }
    let number = unsafe openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if number < 0 {
      throw SystemError("mkdir", path, code: errno == ENOTDIR || errno == ELOOP ? EEXIST : errno)
    }
    let made = OwnedDescriptor(owning: number)
    let information = try status(made.number, path)
    guard information.st_uid == geteuid() else { throw SystemError("mkdir", path, code: EEXIST) }
    if information.st_mode & 0o077 != 0, fchmod(made.number, 0o700) != 0 {
      throw SystemError("fchmod", path, code: errno)
    }
    return made
  }

  private static func status(_ number: Int32, _ path: String) throws(SystemError) -> stat {
    var information = stat()
    if unsafe fstat(number, &information) != 0 { throw SystemError("fstat", path, code: errno) }
    return information
  }

  /// What the link says whose descriptor it is (readlinkat(2), since Linux 2.6.39).
  private static func contents(_ link: Int32, _ path: String) throws(SystemError) -> String {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe bytes.withMemoryRebound(to: CChar.self) { text in
        guard let base = text.baseAddress else { return -1 }
        return unsafe readlinkat(link, "", base, text.count)
      }
    }
    if count <= 0 { throw SystemError("readlinkat", path, code: errno) }
    return String(decoding: buffer[..<count], as: UTF8.self)
  }
}
