package import Glibc
package import Isolate

/// Small operations on our own directories; every error names the path.
package enum Directories {
  /// Makes a directory and its parents.
  package static func make(_ path: String, mode: UInt32 = 0o755) throws(SystemError) {
    if unsafe mkdir(path, mode) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
      throw SystemError("mkdir", path, code: errno)
    }
    try make(String(path[..<slash]), mode: mode)
    if unsafe mkdir(path, mode) != 0 && errno != EEXIST { throw SystemError("mkdir", path, code: errno) }
  }

  /// The type bits of what is at `path` itself, or nil.
  package static func kind(of path: String) -> UInt32? { status(of: path).map { $0.st_mode & S_IFMT } }

  /// lstat(2), or nil.
  package static func status(of path: String) -> stat? {
    var information = stat()
    return unsafe lstat(path, &information) == 0 ? information : nil
  }

  /// Seconds since what is there was last changed, or nil.
  package static func age(of path: String) -> Double? {
    status(of: path).map { Clock.seconds() - Double($0.st_mtim.tv_sec) }
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
