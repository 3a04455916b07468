import Formats
import Glibc
import Isolate

/// A tar archive that is made while it is read.
final class ArchiveInput: BlobInput, @unchecked Sendable {
  /// The next entry, with the file that its data is in.
  struct Member: ~Copyable {
    var entry: TarEntry
    var file: OwnedDescriptor?
    /// What the data must be; nil where nobody knows.
    var contents: Checksum?
  }

  private let writer: TarHeaderWriter
  private var count: Int64 = 0
  private let next: () throws(Failure) -> Member?
  private var pending: [UInt8] = []
  private var position = 0
  private var file: OwnedDescriptor?
  private var entry: TarEntry?
  private var contents: Checksum?
  private var spans: [TarEntry.Span] = []
  private var hash = Checksumming()
  private var isAtEnd = false

  /// `next` gives the entries in order, and nil at the end. It is called by who reads.
  init(_ style: TarStyle = .own, _ next: @escaping () throws(Failure) -> Member?) {
    writer = TarHeaderWriter(style)
    self.next = next
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    while true {
      if position < pending.count {
        let count = min(buffer.count, pending.count - position)
        unsafe pending.withUnsafeBytes { bytes in
          unsafe buffer.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: bytes[position..<(position + count)]))
        }
        position += count
        self.count += Int64(count)
        return count
      }
      if entry != nil {
        let count = unsafe try data(into: buffer)
        self.count += Int64(count)
        if count > 0 { return count }
        continue
      }
      if isAtEnd { return 0 }
      try advance()
    }
  }

  private func advance() throws(Failure) {
    position = 0
    guard let member = try next() else {
      pending = writer.end(after: count)
      isAtEnd = true
      return
    }
    pending = writer.headers(member.entry)
    guard member.entry.kind == .file else { return }
    (entry, contents) = (member.entry, member.contents)
    hash = Checksumming()
    spans = (member.entry.spans ?? [.init(offset: 0, count: member.entry.size)]).filter { $0.count > 0 }
    file = member.file
  }

  /// Data of the current file; 0 when there is no more, and what follows is prepared.
  private func data(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    guard let entry else { return 0 }
    guard let span = spans.first else {
      if let contents, try hash.value() != contents {
        throw Failure(
          .invalid, "the store is damaged: \"\(entry.path)\" has other contents than came",
          remedy: "remove the image and pull it again")
      }
      self.entry = nil
      file = nil
      (pending, position) = (TarHeaderWriter.padding(after: entry.storedSize), 0)
      return 0
    }
    let number = file?.number ?? -1
    let wanted = Int(min(Int64(buffer.count), span.count))
    let count = unsafe pread(number, buffer.baseAddress, wanted, off_t(span.offset))
    if count < 0, errno == EINTR { return 0 }
    guard count > 0 else {
      if count < 0 { throw LayerTree.failure("read", entry.path.components[...], errno) }
      throw Failure(.invalid, "\"\(entry.path)\" became shorter while it was read")
    }
    unsafe hash.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    if span.count == Int64(count) {
      spans.removeFirst()
    } else {
      spans[0] = .init(offset: span.offset + Int64(count), count: span.count - Int64(count))
    }
    return count
  }
}
