import CChecksum
import Formats
import Glibc
import Isolate

/// What the data of a file in the store is compared by: `xxh128-` and 32 lower-case hexadecimal digits.
///
/// It tells whether anything happened to a file since it came. That what came is what was asked for, the SHA-256 of the
/// layer has told before; whoever can write the store can write the checksums too, so a digest would prove no more.
struct Checksum: Hashable, Sendable {
  let text: String

  /// Reads a checksum; nil when it is none.
  init?(_ text: some StringProtocol) {
    guard text.hasPrefix("xxh128-"), text.utf8.count == 39,
      text.utf8.dropFirst(7).allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
    else { return nil }
    self.text = String(text)
  }

  fileprivate init(_ value: [UInt8]) {
    let digits = Array("0123456789abcdef".utf8)
    text =
      "xxh128-"
      + String(decoding: value.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }
}

/// Computes a checksum of data that comes in pieces.
@safe struct Checksumming: ~Copyable, Sendable {
  private nonisolated(unsafe) let state: OpaquePointer?

  init() { unsafe state = pfl_checksum_make() }

  deinit { unsafe pfl_checksum_free(state) }

  func update(_ bytes: UnsafeRawBufferPointer) {
    if let state = unsafe state { unsafe pfl_checksum_update(state, bytes.baseAddress, bytes.count) }
  }

  /// The checksum of what came until now.
  ///
  /// - Throws: `Failure` when there was no memory to begin with.
  func value() throws(Failure) -> Checksum {
    guard let state = unsafe state else { throw Failure(image: SystemError("malloc", code: ENOMEM)) }
    var bytes = [UInt8](repeating: 0, count: 16)
    unsafe pfl_checksum_value(state, &bytes)
    return Checksum(bytes)
  }
}
