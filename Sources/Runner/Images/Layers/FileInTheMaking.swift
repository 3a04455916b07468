import Formats
import Glibc
import Isolate
import Synchronization

/// A regular file of a layer from its creation until it is complete. After it was begun only one thread at a time
/// works on it.
final class FileInTheMaking: @unchecked Sendable {
  private let entry: TarEntry
  private var descriptor: Int32
  private let setsMode: Bool
  private let hash = Checksumming()
  private var spans: ArraySlice<TarEntry.Span>
  /// Bytes that still belong to the first of the spans.
  private var left: Int64
  private let isComplete = Atomic(false)
  private var checksum: Checksum?

  /// Takes the descriptor of an empty file. `setsMode` says whether it was not made with the mode that it is to have.
  init(_ descriptor: Int32, _ entry: TarEntry, setsMode: Bool) {
    (self.descriptor, self.entry, self.setsMode) = (descriptor, entry, setsMode)
    spans = (entry.spans ?? [])[...]
    left = spans.first?.count ?? entry.size
    if let first = spans.first { lseek(descriptor, off_t(first.offset), SEEK_SET) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The checksum of the data once the file is complete, nil before; for any thread.
  var contents: Checksum? { isComplete.load(ordering: .acquiring) ? checksum : nil }

  private var path: ArraySlice<[UInt8]> { entry.path.components[...] }

  /// Writes what comes next.
  func write(_ bytes: SharedBytes) throws(Failure) {
    unsafe try bytes.withUnsafeBytes { bytes throws(Failure) in
      unsafe hash.update(bytes)
      var start = 0
      while start < bytes.count {
        while left == 0, !spans.isEmpty {
          spans.removeFirst()
          left = spans.first?.count ?? 0
          if let next = spans.first { lseek(descriptor, off_t(next.offset), SEEK_SET) }
        }
        let most = Int(min(Int64(bytes.count - start), left))
        let count = unsafe Glibc.write(descriptor, bytes.baseAddress?.advanced(by: start), most)
        if count < 0, errno == EINTR { continue }
        if count <= 0 { throw LayerTree.failure("write", path, count < 0 ? errno : ENOSPC) }
        start += count
        left -= Int64(count)
      }
    }
  }

  /// Sets everything else, and closes the file.
  func complete() throws(Failure) {
    if entry.spans != nil {
      try LayerTree.check(ftruncate(descriptor, off_t(entry.size)), "ftruncate", path)
    }
    try EntryMetadata.setAttributes(entry, descriptor)
    if setsMode { try LayerTree.check(fchmod(descriptor, mode_t(entry.mode)), "fchmod", path) }
    var times = EntryMetadata.times(entry.modified)
    try LayerTree.check(unsafe futimens(descriptor, &times), "utimensat", path)
    // Some filesystems keep what went wrong with a write until now.
    let number = descriptor
    descriptor = -1
    if close(number) < 0, errno != EINTR { throw LayerTree.failure("close", path, errno) }
    checksum = try hash.value()
    isComplete.store(true, ordering: .releasing)
  }
}
