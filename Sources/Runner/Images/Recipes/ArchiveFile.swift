import Formats
import Glibc
import Isolate

/// The bytes of an uncompressed archive on the disk; what is skipped is not read.
final class ArchiveFile: ByteSource {
  private let file: OwnedDescriptor
  private let path: String
  private let size: Int64
  private var buffer: [UInt8] = []
  /// Where in the file the buffer begins.
  private var start: Int64 = 0
  private(set) var offset: Int64 = 0

  init(_ path: String) throws(Failure) {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    if number < 0 { throw Failure(image: SystemError("open", path, code: errno)) }
    file = OwnedDescriptor(owning: number)
    self.path = path
    var information = stat()
    size = unsafe fstat(file.number, &information) == 0 ? Int64(information.st_size) : 0
  }

  func take(_ body: (RawSpan) throws(Failure) -> Int) throws(Failure) -> Int? {
    if offset >= size { return nil }
    if offset < start || offset >= start + Int64(buffer.count) {
      buffer = [UInt8](repeating: 0, count: 256 << 10)
      start = offset
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe pread(file.number, $0.baseAddress, $0.count, off_t(start))
      }
      if count < 0 { throw Failure(image: SystemError("read", path, code: errno)) }
      if count == 0 { return nil }
      buffer.removeLast(buffer.count - count)
    }
    let shown = buffer
    let taken = unsafe try body(shown.span.bytes.extracting(droppingFirst: Int(offset - start)))
    offset += Int64(taken)
    return taken
  }

  func skip(_ count: Int64) -> Bool {
    guard offset + count <= size else { return false }
    offset += count
    return true
  }
}
