import Formats

/// The uncompressed bytes of an archive, in order.
protocol ByteSource: AnyObject {
  /// Shows what comes next, at least one byte, to `body`, which says how much of it is taken.
  ///
  /// - Returns: What `body` said, or nil at the end of the source.
  func take(_ body: (RawSpan) throws(Failure) -> Int) throws(Failure) -> Int?
  /// Takes up to `limit` bytes, at least one, to be kept; nil at the end of the source.
  func share(atMost limit: Int64) throws(Failure) -> SharedBytes?
  /// Goes on by `count` bytes without showing them, if it can; false where they must be taken one by one.
  func skip(_ count: Int64) -> Bool
  /// How many bytes have been taken.
  var offset: Int64 { get }
}

extension ByteSource {
  func skip(_ count: Int64) -> Bool { false }

  func share(atMost limit: Int64) throws(Failure) -> SharedBytes? {
    var copy: SharedBytes?
    _ = try take { bytes throws(Failure) in
      let count = Int(min(Int64(bytes.byteCount), limit))
      copy = SharedBytes(copying: bytes.extracting(first: count))
      return count
    }
    return copy
  }
}
