import Glibc

/// Reads a folder without changing anything in it, access times included where the kernel permits that.
enum FolderReader {
  /// `O_NOATIME` of open(2): not visible in Swift; the same number on x86-64 and arm64.
  private static let noAccessTime: Int32 = 0o1000000

  /// Opens for reading without touching the access time.
  ///
  /// The kernel permits `O_NOATIME` only to the file's owner (or a process with CAP_FOWNER); for others the
  /// file is opened without it (open(2)).
  static func open(_ name: String, at folder: Int32, flags: Int32) -> Int32 {
    let wanted = flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY
    let quiet = unsafe openat(folder, name, wanted | noAccessTime)
    if quiet >= 0 || errno != EPERM { return quiet }
    return unsafe openat(folder, name, wanted)
  }

  /// The content of a regular file below a folder; nil when it is none, is too large, cannot be read or when
  /// its path leads out of the folder.
  static func content(of path: String, under root: String, limitInBytes: Int) -> [UInt8]? {
    var information = stat()
    let absolute = root == "/" ? "/" + path : root + "/" + path
    // Asked before opening: opening a device can have effects.
    guard unsafe stat(absolute, &information) == 0, isRegular(information.st_mode) else { return nil }
    let descriptor = open(absolute, at: AT_FDCWD, flags: 0)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    guard unsafe fstat(descriptor, &information) == 0, isRegular(information.st_mode),
      information.st_size <= limitInBytes, let real = realPath(of: descriptor), isPath(real, under: root)
    else { return nil }
    return readAll(descriptor, limitInBytes: limitInBytes)
  }

  /// Whether a mode is a regular file's.
  static func isRegular(_ mode: mode_t) -> Bool { mode & S_IFMT == S_IFREG }

  /// Whether an absolute path is the folder or below it.
  static func isPath(_ path: String, under root: String) -> Bool {
    root == "/" || path == root || path.hasPrefix(root + "/")
  }

  /// The real path of an open file, as the kernel knows it.
  static func realPath(of descriptor: Int32) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let length = unsafe buffer.withUnsafeMutableBytes { bytes -> Int in
      guard let base = bytes.baseAddress else { return 0 }
      return unsafe readlink(
        "/proc/self/fd/\(descriptor)", base.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    guard length > 0, length < buffer.count else { return nil }
    return String(decoding: buffer[..<length], as: UTF8.self)
  }

  /// The real path of a file or folder; nil when it is not there.
  static func realPath(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// The text of a symbolic link; nil when it is none.
  static func link(at path: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
    let length = unsafe buffer.withUnsafeMutableBytes { bytes -> Int in
      guard let base = bytes.baseAddress else { return -1 }
      return unsafe readlink(path, base.assumingMemoryBound(to: CChar.self), bytes.count)
    }
    return length < 0 ? nil : String(decoding: buffer[..<length], as: UTF8.self)
  }

  /// The names in a folder, sorted; nil when it cannot be listed.
  static func names(of path: String) -> [(name: String, isExact: Bool)]? {
    let descriptor = open(path, at: AT_FDCWD, flags: O_DIRECTORY | O_NOFOLLOW)
    return descriptor < 0 ? nil : names(consuming: descriptor)
  }

  private static func readAll(_ descriptor: Int32, limitInBytes: Int) -> [UInt8]? {
    var content: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { return nil }
      if count == 0 { return content }
      content.append(contentsOf: buffer[..<count])
      // A file that grows while it is read is not read without end.
      if content.count > limitInBytes { return nil }
    }
  }

  /// The names in an open folder, sorted; nil when it cannot be listed. Takes over the descriptor.
  ///
  /// Names that are not UTF-8 come back repaired and marked as such, because no path can be made of them.
  static func names(consuming descriptor: Int32) -> [(name: String, isExact: Bool)]? {
    guard let stream = unsafe fdopendir(descriptor) else {
      close(descriptor)
      return nil
    }
    defer { unsafe closedir(stream) }
    var names: [(name: String, isExact: Bool)] = []
    while let entry = unsafe readdir(stream) {
      let bytes = unsafe withUnsafeBytes(of: entry.pointee.d_name) { field in
        unsafe Array(field.prefix { $0 != 0 })
      }
      if bytes == [UInt8(ascii: ".")] || bytes == Array("..".utf8) { continue }
      let name = String(decoding: bytes, as: UTF8.self)
      names.append((name, Array(name.utf8) == bytes))
    }
    return names.sorted { $0.name < $1.name }
  }
}
