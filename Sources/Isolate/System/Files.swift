import CShims
import Glibc

/// Small file operations of the runtime, without Foundation.
package enum Files {
  /// Reads a whole regular file of at most `limit` bytes. With `endsAtShortRead` a read(2) that gives less than was
  /// asked for is the last one: so it is with files on a disk, and with those of proc that fit a page.
  ///
  /// - Throws: `SystemError` with EFBIG when it is longer.
  package static func read(
    _ path: String, limit: Int = 1 << 20, endsAtShortRead: Bool = false
  ) throws(SystemError) -> [UInt8] {
    // A FIFO in the file's place must not make us wait for a writer.
    let number = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if number < 0 { throw SystemError("open", path, code: errno) }
    let file = OwnedDescriptor(owning: number)
    var bytes: [UInt8] = []
    var size = 16 << 10
    while true {
      var code: Int32 = 0
      let chunk = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        let result = unsafe Glibc.read(file.number, buffer.baseAddress, buffer.count)
        code = result < 0 ? errno : 0
        count = max(0, result)
      }
      if code == EINTR { continue }
      if code != 0 { throw SystemError("read", path, code: code) }
      if chunk.isEmpty { return bytes }
      if bytes.count + chunk.count > limit { throw SystemError("read", path, code: EFBIG) }
      if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
      if endsAtShortRead, chunk.count < size { return bytes }
      size = 64 << 10
    }
  }

  /// Reads a small text file, or nil when that is not possible.
  package static func text(_ path: String, limit: Int = 1 << 20, endsAtShortRead: Bool = false) -> String? {
    guard let bytes = try? read(path, limit: limit, endsAtShortRead: endsAtShortRead) else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Writes a file in one write(2), as the kernel's control files want it.
  package static func write(
    _ text: String, to path: String, flags: Int32 = O_WRONLY, mode: UInt32 = 0o644
  ) throws(SystemError) {
    try write(Array(text.utf8), to: path, flags: flags, mode: mode)
  }

  /// The same for bytes that need not be text.
  package static func write(
    _ bytes: [UInt8], to path: String, flags: Int32 = O_WRONLY, mode: UInt32 = 0o644
  ) throws(SystemError) {
    let number = unsafe Glibc.open(path, flags | O_CLOEXEC, mode)
    if number < 0 { throw SystemError("open", path, code: errno) }
    try write(bytes, to: OwnedDescriptor(owning: number), path)
  }

  private static func write(
    _ bytes: [UInt8], to file: consuming OwnedDescriptor, _ path: String
  ) throws(SystemError) {
    var offset = 0
    while offset < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(file.number, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
      }
      if count < 0 {
        if errno == EINTR { continue }
        throw SystemError("write", path, code: errno)
      }
      offset += count
    }
  }

  /// Puts a file in its place at once: whoever reads it finds the whole of it, or what was there before.
  ///
  /// It is written in the same folder first, under a name that nobody can foresee; nothing that is there is opened,
  /// and no link at the end of `path` is followed.
  package static func replace(_ path: String, with text: String) throws(SystemError) {
    let name = path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path[...]
    let parent = path.dropLast(name.utf8.count)
    let number = unsafe Glibc.open(
      parent.isEmpty ? "." : String(parent), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if number < 0 { throw SystemError("open", path, code: errno) }
    let folder = OwnedDescriptor(owning: number)
    let staging = ".\(String(isl_random(), radix: 36)).new"
    let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
    let made = unsafe openat(folder.number, staging, flags, 0o644)
    if made < 0 { throw SystemError("open", path, code: errno) }
    do throws(SystemError) {
      try write(Array(text.utf8), to: OwnedDescriptor(owning: made), path)
      if unsafe renameat(folder.number, staging, folder.number, String(name)) != 0 {
        throw SystemError("rename", path, code: errno)
      }
    } catch {
      unsafe unlinkat(folder.number, staging, 0)
      throw error
    }
  }

  /// The names in a directory, unsorted, without "." and "..".
  package static func names(in path: String) throws(SystemError) -> [String] {
    guard let directory = unsafe opendir(path) else { throw SystemError("opendir", path, code: errno) }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names
  }

  /// Makes a directory that only the user may enter, and those above it that are missing.
  package static func makeDirectories(_ path: String) throws(SystemError) {
    if unsafe mkdir(path, 0o700) != 0 {
      if errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex {
        try makeDirectories(String(path[..<slash]))
        if unsafe mkdir(path, 0o700) != 0, errno != EEXIST { throw SystemError("mkdir", path, code: errno) }
      } else if errno != EEXIST {
        throw SystemError("mkdir", path, code: errno)
      }
    }
  }

  /// True when something exists at `path` (links followed).
  package static func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

  /// The path without symbolic links, or nil when it does not resolve.
  package static func real(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
  }

  /// What a symbolic link holds, or nil.
  package static func link(_ path: String) -> String? {
    var text = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink(path, &text, text.count)
    return count < 0
      ? nil : String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
