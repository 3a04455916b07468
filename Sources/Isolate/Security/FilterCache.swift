import Glibc

/// Compiled filters of earlier starts, one file for each text of a `linux.seccomp` section and each runtime, beside the
/// records of the containers: reading and compiling a usual section is half of what a start costs the runtime.
///
/// A program from here is what a payload may do, so the folder is one that nobody writes who could not choose that
/// anyhow:
/// whoever changes what lies in the store chooses the hooks that `delete` runs on the host. A key would say no more,
/// as it had to lie there too. A folder of the user's caches, by contrast, is shown to containers now and then.
///
/// A file holds the text itself, so that no other section is ever taken for it, and what else a program depends on: the
/// runtime that compiled it. Nothing fails where there is no cache, or where a file of it is not what it should be.
struct FilterCache {
  /// The folder, in one that only the user can write; nil where there is none.
  let directory: String?

  /// Where nothing is kept.
  static let none = FilterCache(directory: nil)

  /// In a store; no id begins with a point.
  static let folderName = ".filters"

  /// More than a machine has configurations at a time; beyond it the folder is emptied.
  private static let maximumCount = 64

  /// What a file begins with; behind it are the section and the program.
  private struct Header: Equatable {
    /// "ISOF" and the version of this layout.
    var magic: UInt64 = 0x49_53_4f_46_00_00_00_01
    var device: UInt64
    var inode: UInt64
    var modified: Int64
    var sectionCount: UInt64
    var programCount: UInt64
    var flags: UInt64
    /// Of the program and the flags.
    var programHash: UInt64

    static let size = 64

    /// One for a program of a runtime that is this one.
    init(sectionCount: Int, program: UnsafeRawBufferPointer, flags: UInt64) {
      let runtime = RuntimeProgram.current
      (device, inode, modified) = (runtime.device, runtime.inode, runtime.modified)
      (self.sectionCount, programCount, self.flags) = (UInt64(sectionCount), UInt64(program.count), flags)
      programHash = unsafe (FilterCache.hash(program) ^ flags) &* 0x9e37_79b9_7f4a_7c15
    }
  }

  /// The program of a section, if it is here.
  func program(of section: UnsafeRawBufferPointer) -> CompiledFilter? {
    guard let directory, RuntimeProgram.current.inode != 0 else { return nil }
    let path = unsafe Self.path(directory, section)
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | Self.ownersOnly)
    if number < 0 { return nil }
    let file = OwnedDescriptor(owning: number)
    let room = Header.size + section.count + 8 * SeccompCompiler.maximumLength
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, count in
      count = max(0, unsafe read(file.number, buffer.baseAddress, buffer.count))
    }
    return unsafe bytes.withUnsafeBytes { bytes in
      guard bytes.count > Header.size + section.count,
        let text = bytes.baseAddress, let expected = section.baseAddress,
        unsafe memcmp(text + Header.size, expected, section.count) == 0
      else { return nil }
      let header = unsafe bytes.loadUnaligned(as: Header.self)
      let program = unsafe UnsafeRawBufferPointer(rebasing: bytes[(Header.size + section.count)...])
      guard
        unsafe header == Header(sectionCount: section.count, program: program, flags: header.flags)
      else { return nil }
      return unsafe CompiledFilter(instructions: [UInt8](program), flags: header.flags)
    }
  }

  /// Keeps a program. A file without a name gets one when it is whole, so that nothing is left of a start that is
  /// killed (open(2), O_TMPFILE).
  func keep(_ filter: CompiledFilter, of section: UnsafeRawBufferPointer) {
    guard let directory, RuntimeProgram.current.inode != 0 else { return }
    do { try Files.makeDirectories(directory) } catch { return }
    let number = unsafe open(directory, O_WRONLY | O_CLOEXEC | Self.withoutName, 0o600)
    if number < 0 { return }
    let file = OwnedDescriptor(owning: number)
    var bytes: [UInt8] = []
    unsafe filter.instructions.withUnsafeBytes { program in
      let header = unsafe Header(sectionCount: section.count, program: program, flags: filter.flags)
      unsafe withUnsafeBytes(of: header) { unsafe bytes.append(contentsOf: $0) }
      unsafe bytes.append(contentsOf: section)
      unsafe bytes.append(contentsOf: program)
    }
    guard unsafe write(file.number, bytes, bytes.count) == bytes.count else { return }
    prune(directory)
    let path = unsafe Self.path(directory, section)
    // Another section or runtime's, or one that is damaged.
    unsafe unlink(path)
    _ = unsafe linkat(AT_FDCWD, "/proc/self/fd/\(file.number)", AT_FDCWD, path, AT_SYMLINK_FOLLOW)
  }

  private func prune(_ directory: String) {
    guard let names = try? Files.names(in: directory), names.count >= Self.maximumCount else { return }
    for name in names { unsafe unlink("\(directory)/\(name)") }
  }

  /// O_NOATIME, which is refused for a file of somebody else (open(2)), whose program it would be.
  private static let ownersOnly: Int32 = 0o1_000_000
  /// O_TMPFILE, which is a macro of macros.
  private static let withoutName: Int32 = 0o20_000_000 | O_DIRECTORY

  /// Named after the section and the runtime, so that two runtimes do not take turns in replacing one file.
  private static func path(_ directory: String, _ section: UnsafeRawBufferPointer) -> String {
    let runtime = RuntimeProgram.current
    let identity = (runtime.inode ^ UInt64(bitPattern: runtime.modified)) &* 0x9e37_79b9_7f4a_7c15
    return unsafe "\(directory)/\(String(hash(section) ^ identity, radix: 16))"
  }

  /// A quick one, by 8 bytes at a time: what it finds is compared.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum = UInt64(bytes.count) &* 0x9e37_79b9_7f4a_7c15
    guard var place = bytes.baseAddress else { return sum }
    let end = unsafe place + bytes.count
    while unsafe end - place >= 8 {
      sum = unsafe (sum ^ place.loadUnaligned(as: UInt64.self)) &* 0x9e37_79b9_7f4a_7c15
      sum ^= sum >> 29
      unsafe place += 8
    }
    while unsafe place < end {
      sum = unsafe (sum ^ UInt64(place.load(as: UInt8.self))) &* 0x9e37_79b9_7f4a_7c15
      sum ^= sum >> 29
      unsafe place += 1
    }
    return sum
  }
}
