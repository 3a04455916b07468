import CShims
import Formats
import Glibc
import Isolate

/// A blob on its way into `downloads/HEX`: one side writes what comes from the registry, the other reads it at once.
/// What was written stays after a failure, and the next attempt goes on from there.
final class BlobDownload: BlobInput, @unchecked Sendable {
  private enum State {
    case running
    case complete
    case failed(Failure)
  }

  private let file: OwnedDescriptor
  private let path: String
  private let mutex = PThreadCondition()
  private var written: Int64
  private var position: Int64 = 0
  private var state = State.running
  private var isAbandoned = false

  /// Opens what there is of a blob of `size` bytes. Who already writes it is waited for.
  init(path: String, size: Int64) throws(Failure) {
    self.path = path
    let number = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if number < 0 { throw Failure(image: SystemError("open", path, code: errno)) }
    file = OwnedDescriptor(owning: number)
    _ = isl_lock(number, 1)
    var information = stat()
    written = unsafe fstat(number, &information) == 0 ? Int64(information.st_size) : 0
    if written > size {
      if ftruncate(number, 0) < 0 { throw Failure(image: SystemError("ftruncate", path, code: errno)) }
      written = 0
    }
  }

  /// How many bytes there are.
  var count: Int64 { mutex.locked { written } }

  /// Whether nobody reads any more.
  var isOver: Bool { mutex.locked { isAbandoned } }

  /// The reader will not come back.
  func abandon() { mutex.change { isAbandoned = true } }

  /// Adds what came.
  func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
    var start = 0
    while start < bytes.count {
      let place = mutex.locked { written }
      let count = unsafe pwrite(
        file.number, bytes.baseAddress?.advanced(by: start), bytes.count - start, off_t(place))
      if count <= 0 {
        if errno == EINTR { continue }
        throw Failure(image: SystemError("write", path, code: count < 0 ? errno : ENOSPC))
      }
      start += count
      mutex.change { written += Int64(count) }
    }
  }

  /// Nothing more comes: all is there, or `error` says why not.
  func finish(_ error: Failure? = nil) {
    mutex.change { state = error.map { .failed($0) } ?? .complete }
  }

  /// Removes the file; it is of no use any more.
  func discard() { unsafe unlink(path) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    enum Next {
      case bytes(Int64)
      case end
      case failure(Failure)
    }
    let next: Next = mutex.wait {
      if position < written { return .bytes(written - position) }
      switch state {
      case .running: return nil
      case .complete: return .end
      case .failed(let error): return .failure(error)
      }
    }
    switch next {
    case .end: return 0
    case .failure(let error): throw error
    case .bytes(let available):
      let count = unsafe pread(
        file.number, buffer.baseAddress, min(buffer.count, Int(available)), off_t(position))
      if count <= 0 { throw Failure(image: SystemError("read", path, code: count < 0 ? errno : EIO)) }
      mutex.change { position += Int64(count) }
      return count
    }
  }
}
