package import CShims
package import Glibc
package import Isolate

/// Small operations on our own directories; every error names the path.
package enum Directories {
  /// Makes a directory and its parents.
  package static func make(_ path: String, mode: mode_t = 0o755) throws(SystemError) {
    if unsafe mkdir(path, mode) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
      throw SystemError("mkdir", path, code: errno)
    }
    try make(String(path[..<slash]), mode: mode)
    if unsafe mkdir(path, mode) != 0 && errno != EEXIST { throw SystemError("mkdir", path, code: errno) }
  }

  /// Removes a tree without following links; what the sandbox made unwritable is made writable first.
  /// Never leaves the filesystem entry it was given: links inside are removed, not followed.
  package static func remove(_ path: String) {
    _ = unsafe isl_remove_tree(AT_FDCWD, path)
  }

  /// The type bits of what is at `path` itself, or nil.
  package static func kind(of path: String) -> mode_t? { status(of: path).map { $0.st_mode & S_IFMT } }

  /// lstat(2), or nil.
  package static func status(of path: String) -> stat? {
    var information = stat()
    return unsafe lstat(path, &information) == 0 ? information : nil
  }

  /// Seconds since what is there was last changed, or nil.
  package static func age(of path: String) -> Double? {
    status(of: path).map { Clock.seconds() - Double($0.st_mtim.tv_sec) }
  }

  /// Copies a file's contents and permission bits; a symbolic link is copied as one.
  package static func copy(_ source: String, to target: String) throws(SystemError) {
    guard let information = status(of: source) else { throw SystemError("lstat", source, code: errno) }
    switch information.st_mode & S_IFMT {
    case S_IFDIR:
      try make(target, mode: (information.st_mode & 0o777) | 0o700)
      for name in try Files.names(in: source) { try copy("\(source)/\(name)", to: "\(target)/\(name)") }
    case S_IFLNK:
      guard let contents = link(at: source) else { throw SystemError("readlink", source, code: errno) }
      if unsafe symlink(contents, target) != 0 { throw SystemError("symlink", target, code: errno) }
    case S_IFREG: try copyFile(source, to: target)
    default: break  // sockets, devices and pipes are not part of a project
    }
  }

  /// What was a file when it was looked at can be a pipe by now, whose opening would wait for a writer (fifo(7)).
  private static func copyFile(_ source: String, to target: String) throws(SystemError) {
    let input = unsafe open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
    if input < 0 { throw SystemError("open", source, code: errno) }
    let from = OwnedDescriptor(owning: input)
    var information = stat()
    if unsafe fstat(input, &information) != 0 { throw SystemError("fstat", source, code: errno) }
    guard information.st_mode & S_IFMT == S_IFREG else { return }
    let mode = information.st_mode & 0o777
    let output = unsafe open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    if output < 0 { throw SystemError("open", target, code: errno) }
    let to = OwnedDescriptor(owning: output)
    let status = isl_copy_contents(from.number, to.number)
    if status < 0 { throw SystemError("write", target, code: -status) }
  }

  /// The contents of a symbolic link, or nil.
  static func link(at path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return -1 }
      return unsafe readlink(path, base.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    return count < 0 ? nil : String(decoding: buffer[..<count], as: UTF8.self)
  }
}
