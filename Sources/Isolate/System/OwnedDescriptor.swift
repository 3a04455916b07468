import Glibc

/// A file descriptor that is closed when its owner goes away.
///
/// Close-on-exec is the maker's duty: every maker in this package passes O_CLOEXEC.
public struct OwnedDescriptor: ~Copyable, Sendable {
  /// The number, for the length of a call.
  public let number: Int32

  /// Takes ownership of an open descriptor.
  public init(owning number: Int32) { self.number = number }

  deinit { if number >= 0 { _ = Glibc.close(number) } }

  /// Gives the number up; the caller closes it.
  public consuming func release() -> Int32 {
    let number = self.number
    discard self
    return number
  }

  /// Closes now.
  public consuming func close() { _ = Glibc.close(release()) }
}
