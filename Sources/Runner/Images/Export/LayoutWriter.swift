import CShims
import Crypto
import Formats
import Glibc
import Isolate

/// Where an image layout is written to. Nothing is at its place before `finish`.
protocol LayoutTarget {
  /// Adds a blob as it comes, at blobs/sha256/DIGEST.
  func add(blob input: any BlobInput) throws(Failure) -> (digest: Digest, size: Int64)
  /// Adds a small file.
  func add(_ bytes: [UInt8], at name: String) throws(Failure)
  /// Puts it in its place.
  func finish() throws(Failure)
}

/// A new file that has no name until it is complete (open(2), O_TMPFILE): a process that is killed leaves nothing.
final class LayoutArchive: LayoutTarget {
  /// O_TMPFILE, which the C library's headers show only to programs in C.
  private static let unnamed = 0o20000000 | O_DIRECTORY

  private let path: String
  private let file: OwnedDescriptor
  private var offset: Int64 = 0

  init(_ path: String) throws(Failure) {
    self.path = path
    let folder = LayoutFolder.split(path).folder
    let number = unsafe open(folder, Self.unnamed | O_WRONLY | O_CLOEXEC, 0o644)
    if number < 0 { throw Failure(.usage, "\(SystemError("open", folder, code: errno))") }
    file = OwnedDescriptor(owning: number)
    for folder in ["blobs", "blobs/sha256"] { try write(Self.header(folder, size: 0, kind: .directory)) }
  }

  func add(blob input: any BlobInput) throws(Failure) -> (digest: Digest, size: Int64) {
    let start = offset
    // Its name and size are known when it has been written.
    offset += 512
    let blob = unsafe try BlobCopy.copy(input) { bytes throws(Failure) in unsafe try write(bytes) }
    try write(TarHeaderWriter.padding(after: blob.size))
    let end = offset
    offset = start
    try write(Self.header("blobs/sha256/\(blob.digest.hex)", size: blob.size))
    offset = end
    return blob
  }

  func add(_ bytes: [UInt8], at name: String) throws(Failure) {
    try write(
      Self.header(name, size: Int64(bytes.count)) + bytes + TarHeaderWriter.padding(after: Int64(bytes.count))
    )
  }

  func finish() throws(Failure) {
    try write(TarHeaderWriter().end(after: offset))
    let status = unsafe linkat(AT_FDCWD, "/proc/self/fd/\(file.number)", AT_FDCWD, path, AT_SYMLINK_FOLLOW)
    if status < 0 { throw Failure(.usage, "\(SystemError("link", path, code: errno))") }
  }

  private static func header(_ name: String, size: Int64, kind: TarEntry.Kind = .file) -> [UInt8] {
    var entry = TarEntry(path: EntryPath(components: name.split(separator: "/").map { Array($0.utf8) }))
    (entry.kind, entry.mode) = (kind, kind == .directory ? 0o755 : 0o644)
    (entry.size, entry.storedSize) = (size, size)
    return TarHeaderWriter().headers(entry)
  }

  private func write(_ bytes: [UInt8]) throws(Failure) {
    unsafe try bytes.span.bytes.withUnsafeBytes { bytes throws(Failure) in unsafe try write(bytes) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    unsafe try BlobCopy.write(bytes, to: file.number, at: offset, of: path)
    offset += Int64(bytes.count)
  }
}

/// A folder that gets its name when it is complete. What a killed process left of one is removed by the next
/// that writes to the same place.
final class LayoutFolder: LayoutTarget {
  private let path: String
  private let partial: String
  private let lock: FileLock

  init(_ path: String) throws(Failure) {
    self.path = path
    partial = Self.partial(path)
    if unsafe mkdir(partial, 0o700) != 0, errno != EEXIST {
      throw Failure(.usage, "\(SystemError("mkdir", partial, code: errno))")
    }
    guard let lock = FileLock("\(partial)/lock", waits: false) else {
      throw Failure(.usage, "\(path) is being written by another process")
    }
    self.lock = lock
    for part in ["blobs", "index.json", "oci-layout"] {
      _ = unsafe isl_remove_tree(AT_FDCWD, "\(partial)/\(part)")
    }
    for part in ["blobs", "blobs/sha256"] where unsafe mkdir("\(partial)/\(part)", 0o755) != 0 {
      throw Failure(image: SystemError("mkdir", "\(partial)/\(part)", code: errno))
    }
  }

  /// After a failure.
  func discard() { Self.remove(path) }

  /// Removes what is there of a folder that has not got its name.
  static func remove(_ path: String) { _ = unsafe isl_remove_tree(AT_FDCWD, partial(path)) }

  private static func partial(_ path: String) -> String {
    let (folder, name) = split(path)
    return "\(folder)/.\(name).partial"
  }

  /// The folder that something is in, and its name there.
  static func split(_ path: String) -> (folder: String, name: String) {
    let path = path.count > 1 && path.hasSuffix("/") ? String(path.dropLast()) : path
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    return (
      slash == path.startIndex ? "/" : String(path[..<slash]), String(path[path.index(after: slash)...])
    )
  }

  func add(blob input: any BlobInput) throws(Failure) -> (digest: Digest, size: Int64) {
    let temporary = "\(partial)/blobs/sha256/.blob"
    let number = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
    if number < 0 { throw Failure(image: SystemError("open", temporary, code: errno)) }
    let file = OwnedDescriptor(owning: number)
    var offset: Int64 = 0
    let blob = unsafe try BlobCopy.copy(input) { bytes throws(Failure) in
      unsafe try BlobCopy.write(bytes, to: file.number, at: offset, of: temporary)
      offset += Int64(bytes.count)
    }
    file.close()
    if unsafe rename(temporary, "\(partial)/blobs/sha256/\(blob.digest.hex)") != 0 {
      throw Failure(image: SystemError("rename", temporary, code: errno))
    }
    return blob
  }

  func add(_ bytes: [UInt8], at name: String) throws(Failure) {
    try Failure.guarding(.ofImages) { () throws(SystemError) in
      try Files.write(bytes, to: "\(partial)/\(name)", flags: O_WRONLY | O_CREAT | O_TRUNC)
    }
  }

  func finish() throws(Failure) {
    unsafe unlink("\(partial)/lock")
    unsafe chmod(partial, 0o755)
    if unsafe rename(partial, path) != 0 {
      throw Failure(.usage, "\(SystemError("rename", path, code: errno))")
    }
  }
}

/// Copies blobs and counts them.
enum BlobCopy {
  static func copy(
    _ input: any BlobInput, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
  ) throws(Failure) -> (digest: Digest, size: Int64) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 64)
    defer { unsafe buffer.deallocate() }
    var hash = SHA256()
    var size: Int64 = 0
    while true {
      let count = unsafe try input.read(into: buffer)
      if count == 0 { return (Digest(hash.finalize()), size) }
      let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
      unsafe hash.update(bufferPointer: bytes)
      unsafe try body(bytes)
      size += Int64(count)
    }
  }

  static func write(
    _ bytes: UnsafeRawBufferPointer, to file: Int32, at offset: Int64, of path: String
  ) throws(Failure) {
    var start = 0
    while start < bytes.count {
      let count = unsafe pwrite(
        file, bytes.baseAddress?.advanced(by: start), bytes.count - start, off_t(offset) + off_t(start))
      if count < 0, errno == EINTR { continue }
      if count <= 0 {
        throw Failure(.usage, "\(SystemError("write", path, code: count < 0 ? errno : ENOSPC))")
      }
      start += count
    }
  }
}
