import Glibc

/// Writes text to a standard stream, whole or not at all interrupted.
package enum StandardStream {
  /// Writes to standard output.
  package static func standardOutput(_ text: String) { write(text, to: 1) }
  /// Writes to standard error.
  package static func standardError(_ text: String) { write(text, to: 2) }

  private static func write(_ text: String, to descriptor: Int32) {
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
      if count <= 0 { return }
      offset += count
    }
  }
}
