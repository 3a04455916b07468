import Formats

/// Bytes that stay as they are as long as somebody holds them, so that another thread can work on them.
@safe struct SharedBytes: @unchecked Sendable {
  private let owner: any AnyObject & Sendable
  private let bytes: UnsafeRawBufferPointer

  /// A part of what `owner` keeps.
  init(_ bytes: UnsafeRawBufferPointer, keptBy owner: any AnyObject & Sendable) {
    self.owner = owner
    unsafe self.bytes = unsafe bytes
  }

  /// A copy.
  init(copying span: RawSpan) {
    let copy = Copy(span)
    owner = copy
    unsafe bytes = unsafe UnsafeRawBufferPointer(copy.bytes)
  }

  var count: Int { unsafe bytes.count }

  /// Whether both are parts of the same memory.
  func isBeside(_ other: SharedBytes) -> Bool { owner === other.owner }

  func withUnsafeBytes<Value>(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Value) throws(Failure)
    -> Value
  {
    unsafe try body(bytes)
  }

  @safe private final class Copy: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(_ span: RawSpan) {
      unsafe bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(span.byteCount, 1), alignment: 16)
      unsafe span.withUnsafeBytes { unsafe bytes.copyMemory(from: $0) }
    }

    deinit { unsafe bytes.deallocate() }
  }
}
