import Formats
import Glibc
import Isolate

/// Where the bytes of a blob come from.
protocol BlobInput: AnyObject, Sendable {
  /// Fills the buffer as far as there are bytes, waiting for at least one; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int
}

extension BlobInput {
  /// The next `count` bytes, or fewer at the end.
  func bytes(atMost count: Int) throws(Failure) -> [UInt8] {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: max(count, 1), alignment: 16)
    defer { unsafe buffer.deallocate() }
    var filled = 0
    while filled < count {
      let more = unsafe try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled..<count]))
      if more == 0 { break }
      filled += more
    }
    return unsafe Array(buffer[..<filled])
  }
}

/// A blob in an open file, from its current position on.
final class FileInput: BlobInput {
  private let file: OwnedDescriptor
  private let name: String

  init(_ file: consuming OwnedDescriptor, name: String) {
    self.file = file
    self.name = name
  }

  /// Opens a regular file; what a FIFO or device in its place would do is not found out.
  convenience init(path: String) throws(Failure) {
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard number >= 0 else { throw Failure(.usage, "\(SystemError("open", path, code: errno))") }
    let file = OwnedDescriptor(owning: number)
    var information = stat()
    guard unsafe fstat(file.number, &information) == 0, information.st_mode & S_IFMT == S_IFREG else {
      throw Failure(.usage, "\(path): not a regular file")
    }
    self.init(file, name: path)
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    while true {
      let count = unsafe Glibc.read(file.number, buffer.baseAddress, buffer.count)
      if count >= 0 { return count }
      if errno != EINTR { throw Failure(image: SystemError("read", name, code: errno)) }
    }
  }
}

/// A part of an open file, read by offsets, so that several readers can share it.
final class FileSlice: BlobInput, @unchecked Sendable {
  private let file: SharedDescriptor
  private var position: Int64
  private let end: Int64

  init(_ file: SharedDescriptor, from start: Int64, count: Int64) {
    self.file = file
    position = start
    end = start + count
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    let wanted = Int(min(Int64(buffer.count), end - position))
    if wanted == 0 { return 0 }
    while true {
      let count = unsafe pread(file.number, buffer.baseAddress, wanted, off_t(position))
      if count > 0 {
        position += Int64(count)
        return count
      }
      if count == 0 { throw Failure(.invalid, "\(file.name) is shorter than it says") }
      if errno != EINTR { throw Failure(image: SystemError("read", file.name, code: errno)) }
    }
  }
}

/// An open file that lives as long as one of those who read it.
final class SharedDescriptor: Sendable {
  private let file: OwnedDescriptor
  let name: String
  var number: Int32 { file.number }

  init(_ file: consuming OwnedDescriptor, name: String) {
    self.file = file
    self.name = name
  }
}
