import Foundation
import Glibc
import Isolate

/// Files that are executed as soon as they are written.
///
/// execve(2) answers ETXTBSY while any process has a file open for writing, and each process that is forked
/// meanwhile by another test has a copy of the writer's descriptor for a moment.
enum ExecutableFile {
  /// fcntl(2): a lease for reading is granted only where nobody has the file open for writing.
  private static let setLease: Int32 = 1024

  static func write(_ contents: some Collection<UInt8>, to path: String, mode: mode_t = 0o755) throws {
    do {
      let file = OwnedDescriptor(owning: unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o700))
      if file.number < 0 { throw SystemError("open", path, code: errno) }
      try FileHandle(fileDescriptor: file.number, closeOnDealloc: false).write(contentsOf: Data(contents))
    }
    let file = OwnedDescriptor(owning: unsafe open(path, O_RDONLY | O_CLOEXEC))
    for _ in 0..<10_000 where fcntl(file.number, setLease, F_RDLCK) != 0 { usleep(1000) }
    _ = fcntl(file.number, setLease, F_UNLCK)
    if fchmod(file.number, mode) != 0 { throw SystemError("fchmod", path, code: errno) }
  }

  static func write(_ text: String, to path: String, mode: mode_t = 0o755) throws {
    try write(text.utf8, to: path, mode: mode)
  }
}
