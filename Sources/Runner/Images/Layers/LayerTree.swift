import CShims
import Formats
import Glibc
import Isolate

/// The folder that a layer is unpacked into, reached only by descriptors: no component of a path is followed
/// when it is a link, whatever the archive put there before.
///
/// Folders of the path last used stay open, since archives go through a tree folder by folder.
final class LayerTree {
  private struct Open {
    var name: [UInt8]
    var descriptor: Int32
  }

  private let root: OwnedDescriptor
  private var open: [Open] = []
  /// The bits that what is made here does not get at once, whatever is asked for.
  private let masked: mode_t

  /// Opens an empty folder of our own.
  init(_ path: String) throws(Failure) {
    let number = unsafe isl_open_folder(AT_FDCWD, path)
    if number < 0 { throw Failure(image: SystemError("open", path, code: errno)) }
    root = OwnedDescriptor(owning: number)
    // Where a folder has a default ACL, that stands in the place of the mask (acl(5)).
    let hasDefault = unsafe isl_get_attribute(path, "system.posix_acl_default", nil, 0) > 0
    masked = hasDefault ? 0o7777 : Self.fileModeMask() ?? 0o7777
  }

  /// The caller's umask without changing it for a moment (proc_pid_status(5), since Linux 4.7).
  private static func fileModeMask() -> mode_t? {
    guard let text = Files.text("/proc/self/status") else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix("Umask:") {
      return line.split(whereSeparator: { $0 == "\t" || $0 == " " }).last.flatMap { mode_t($0, radix: 8) }
    }
    return nil
  }

  /// Whether something made with that mode has it at once. Writing takes the bits above the lowest nine away.
  func keeps(_ mode: UInt32) -> Bool { mode_t(mode) & (masked | 0o7000) == 0 }

  deinit { close(keeping: 0) }

  private func close(keeping count: Int) {
    while open.count > count { _ = Glibc.close(open.removeLast().descriptor) }
  }

  /// An O_PATH descriptor of a folder, valid until the next call; missing ones are made with `makes`.
  ///
  /// - Returns: nil when it is not there and must not be made.
  func folder(_ components: ArraySlice<[UInt8]>, makes: Bool) throws(Failure) -> Int32? {
    var common = 0
    for (held, name) in zip(open, components) {
      if held.name != name { break }
      common += 1
    }
    close(keeping: common)
    for name in components.dropFirst(common) {
      let above = open.last?.descriptor ?? root.number
      var next = openFolder(above, name)
      if next < 0, errno == ENOENT {
        guard makes else { return nil }
        try Self.check(Self.with(name) { unsafe mkdirat(above, $0, 0o755) }, "mkdir", components)
        if !keeps(0o755) {
          try Self.check(Self.with(name) { unsafe fchmodat(above, $0, 0o755, 0) }, "fchmodat", components)
        }
        next = openFolder(above, name)
      }
      if next < 0 {
        let code = errno
        guard makes || code != ENOTDIR && code != ELOOP else { return nil }
        if code == ENOTDIR || code == ELOOP {
          throw Failure(
            .invalid,
            "\"\(EntryPath(components: Array(components)))\" leads through something that is no folder")
        }
        throw Self.failure("open", components, code)
      }
      open.append(Open(name: name, descriptor: next))
    }
    return open.last?.descriptor ?? root.number
  }

  private func openFolder(_ above: Int32, _ name: [UInt8]) -> Int32 {
    Self.with(name) { unsafe isl_open_folder(above, $0) }
  }

  /// Removes what is at a name, with all that is below it, following nothing.
  ///
  /// - Returns: Whether that was a folder.
  @discardableResult
  func remove(_ name: [UInt8], in folder: Int32, of path: EntryPath) throws(Failure) -> Bool {
    if Self.with(name, { unsafe unlinkat(folder, $0, 0) }) == 0 || errno == ENOENT { return false }
    // EPERM instead of EISDIR is POSIX's answer, and some filesystems'.
    guard errno == EISDIR || errno == EPERM else { throw Self.failure("unlink", path.components[...], errno) }
    let status = Self.with(name) { unsafe isl_remove_tree(folder, $0) }
    if status < 0 { throw Self.failure("rmdir", path.components[...], -status) }
    // What was held open below it is no longer the layer's.
    if let place = open.firstIndex(where: { $0.descriptor == folder }) {
      close(keeping: place + 1)
    } else {
      close(keeping: 0)
    }
    return true
  }

  static func check(_ result: Int32, _ call: String, _ components: ArraySlice<[UInt8]>) throws(Failure) {
    if result < 0 { throw failure(call, components, errno) }
  }

  static func failure(_ call: String, _ components: ArraySlice<[UInt8]>, _ code: Int32) -> Failure {
    Failure(image: SystemError(call, "\(EntryPath(components: Array(components)))", code: code))
  }

  /// A name as the kernel wants it.
  @safe static func with<Value>(_ name: [UInt8], _ body: (UnsafePointer<CChar>) -> Value) -> Value {
    unsafe (name + [0]).withUnsafeBytes { bytes in
      // Never empty: the NUL is there.
      unsafe body(bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))
    }
  }
}
