import Glibc

/// Writes text to a standard stream, whole or not at all interrupted.
package enum StandardStream {
  /// Writes to standard output; gives the errno of a failure, and 0 also when the reader has gone away.
  @discardableResult
  package static func standardOutput(_ text: String) -> Int32 { write(text, to: 1) }
  /// Writes to standard output what a caller is going to rely on.
  ///
  /// - Throws: `SystemError` where it does not get there, as on a full disk.
  package static func print(_ text: String) throws(SystemError) {
    let code = standardOutput(text)
    if code != 0 { throw SystemError("write", "standard output", code: code) }
  }

  /// Writes to standard error, as far as that is possible.
  package static func standardError(_ text: String) { _ = write(text, to: 2) }

  /// Makes sure that 0, 1 and 2 are taken: a file of our own that got such a number would be written into.
  package static func openMissing() {
    while true {
      let number = unsafe open("/dev/null", O_RDWR)
      guard number >= 0, number <= 2 else {
        if number > 2 { close(number) }
        return
      }
    }
  }

  private static func write(_ text: String, to descriptor: Int32) -> Int32 {
    let bytes = Array(text.utf8)
    var offset = 0
    while offset < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset)
      }
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EAGAIN {
        var watched = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = unsafe poll(&watched, 1, 1000)
        continue
      }
      if count <= 0 { return count == 0 || errno == EPIPE ? 0 : errno }
      offset += count
    }
    return 0
  }
}
