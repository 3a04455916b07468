import CDecompression
import Crypto
import Formats
import Glibc
import Isolate

/// A layer's uncompressed bytes, made on a thread of its own while the consumer writes files: the compressed
/// bytes are read, hashed and decompressed, and handed over in chunks, which one more thread hashes meanwhile.
///
/// Memory: `chunkCount` chunks of `chunkBytes`, one buffer for input, and the decoder's window.
final class LayerStream: ByteSource {
  /// What the whole stream was.
  struct Summary: Sendable {
    var digest: Digest
    var size: Int64
    var diffID: Digest
    var uncompressedSize: Int64
  }

  /// Who decodes gzip: ISA-L where it is there, or zlib all the same.
  enum GzipDecoder { case fastest, zlib }

  /// Whether there is a faster one than zlib here.
  static var hasFasterGzip: Bool { pfl_has_isal() != 0 }

  static func isCompressed(_ bytes: [UInt8]) -> Bool {
    unsafe bytes.withUnsafeBytes {
      unsafe pfl_format_of($0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count) != PFL_FORMAT_NONE
    }
  }

  static let chunkBytes = 256 << 10
  static let chunkCount = 8

  @safe private final class Chunk: @unchecked Sendable {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: LayerStream.chunkBytes, alignment: 64)
    var count = 0
    deinit { unsafe bytes.deallocate() }
  }

  /// Whoever works on a chunk holds this; with the last of them it can be filled again.
  private final class Lease: Sendable {
    let chunk: Chunk
    private let shared: Shared

    init(_ chunk: Chunk, _ shared: Shared) { (self.chunk, self.shared) = (chunk, shared) }

    deinit {
      let (chunk, shared) = (chunk, shared)
      shared.change { shared.free.append(chunk) }
    }
  }

  private enum Ending: Sendable {
    case running
    case complete(Summary)
    case failed(Failure)
  }

  /// What both threads share.
  private final class Shared: @unchecked Sendable {
    let condition = PThreadCondition()
    var free: [Chunk] = (0..<LayerStream.chunkCount).map { _ in Chunk() }
    var full: [Lease] = []
    /// What is still to be hashed, in order, and whether more of it comes.
    var unhashed: [Lease] = []
    var isUnhashedWhole = false
    var ending = Ending.running
    var isAbandoned = false

    func wait<Value>(_ body: () -> Value?) -> Value { condition.wait(body) }
    func change(_ body: () -> Void) { condition.change(body) }
  }

  private let shared = Shared()
  private let thread: JoinedThread
  private var current: Lease?
  private var position = 0
  private(set) var offset: Int64 = 0

  /// Begins to read.
  init(
    _ input: any BlobInput, _ limits: ExtractionLimits, gzip: GzipDecoder = .fastest
  ) throws(Failure) {
    let shared = shared
    thread = try Failure.guarding(.ofImages) { () throws(SystemError) in
      try JoinedThread { Producer(shared, input, limits, gzip).run() }
    }
  }

  deinit {
    let shared = shared
    shared.change { shared.isAbandoned = true }
    thread.join()
    // A lease keeps what it is kept by.
    let left = shared.full
    shared.full = []
    _ = consume left
  }

  func take(_ body: (RawSpan) throws(Failure) -> Int) throws(Failure) -> Int? {
    guard let chunk = try next()?.chunk else { return nil }
    let rest = unsafe UnsafeRawBufferPointer(chunk.bytes)[position..<chunk.count]
    let taken = try body(unsafe RawSpan(_unsafeBytes: rest))
    advance(taken, in: chunk)
    return taken
  }

  func share(atMost limit: Int64) throws(Failure) -> SharedBytes? {
    guard let lease = try next() else { return nil }
    let count = Int(min(Int64(lease.chunk.count - position), limit))
    let part = unsafe UnsafeRawBufferPointer(rebasing: lease.chunk.bytes[position..<position + count])
    let bytes = unsafe SharedBytes(part, keptBy: lease)
    advance(count, in: lease.chunk)
    return bytes
  }

  /// What is read now, waiting for it; nil at the end.
  private func next() throws(Failure) -> Lease? {
    if let current { return current }
    enum Next {
      case chunk(Lease)
      case end
      case failure(Failure)
    }
    let shared = shared
    let next: Next = shared.wait {
      if !shared.full.isEmpty { return .chunk(shared.full.removeFirst()) }
      switch shared.ending {
      case .running: return nil
      case .complete: return .end
      case .failed(let error): return .failure(error)
      }
    }
    switch next {
    case .chunk(let lease): (current, position) = (lease, 0)
    case .end: return nil
    case .failure(let error): throw error
    }
    return current
  }

  private func advance(_ count: Int, in chunk: Chunk) {
    position += count
    offset += Int64(count)
    if position == chunk.count { current = nil }
  }

  /// What the stream was; only after `take` has given nil.
  func summary() throws(Failure) -> Summary {
    thread.join()
    switch shared.ending {
    case .complete(let summary): return summary
    case .failed(let error): throw error
    case .running: throw Failure(.invalid, "the layer was not read to its end")
    }
  }

  /// The other thread.
  private final class Producer {
    private let shared: Shared
    private let input: any BlobInput
    private let limits: ExtractionLimits
    private let gzip: GzipDecoder
    private var compressed = SHA256()
    private var hasher: Hasher?
    private var size: Int64 = 0
    private var uncompressedSize: Int64 = 0

    init(_ shared: Shared, _ input: any BlobInput, _ limits: ExtractionLimits, _ gzip: GzipDecoder) {
      (self.shared, self.input, self.limits, self.gzip) = (shared, input, limits, gzip)
    }

    func run() {
      let ending =
        switch Result(catching: produce) {
        case .success(let summary): Ending.complete(summary)
        case .failure(let error): Ending.failed(error)
        }
      hasher = nil
      shared.change { shared.ending = ending }
    }

    private func produce() throws(Failure) -> Summary {
      let buffer = UnsafeMutableRawBufferPointer.allocate(
        byteCount: LayerStream.chunkBytes, alignment: 64)
      defer { unsafe buffer.deallocate() }
      var available = 0
      // Enough to tell the format by.
      while available < 4 {
        let count = unsafe try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[available...]))
        if count == 0 { break }
        available += count
      }
      let format = unsafe pfl_format_of(buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), available)
      if format == PFL_FORMAT_XZ, !limits.readsXZ {
        throw Failure(.invalid, "the layer is packed with xz, which no layer of an image may be")
      }
      guard
        let decoder = unsafe pfl_decoder_make(
          format, gzip == .zlib ? PFL_GZIP_ZLIB : PFL_GZIP_FASTEST, limits.zstdWindowBytes)
      else {
        throw Failure(image: SystemError("malloc", code: ENOMEM))
      }
      defer { unsafe pfl_decoder_free(decoder) }
      if format != PFL_FORMAT_NONE { hasher = try Hasher(shared) }
      var start = 0
      var isBetweenMembers = true
      // Of output that was filled to its end; with the last of the input taken there is still some to come.
      var hasMore = false
      var chunk: Chunk?
      while true {
        if start == available, !hasMore {
          available = unsafe try read(into: buffer)
          start = 0
          if available == 0 { break }
        }
        let filling: Chunk
        if let chunk { filling = chunk } else { filling = try emptyChunk() }
        chunk = filling
        var (taken, given) = (0, 0)
        let status = unsafe pfl_decoder_run(
          decoder, buffer.baseAddress?.advanced(by: start).assumingMemoryBound(to: UInt8.self),
          available - start, &taken,
          filling.bytes.baseAddress?.advanced(by: filling.count).assumingMemoryBound(to: UInt8.self),
          LayerStream.chunkBytes - filling.count, &given)
        start += taken
        filling.count += given
        uncompressedSize += Int64(given)
        try check(status)
        isBetweenMembers = status == PFL_MEMBER_END
        hasMore = filling.count == LayerStream.chunkBytes && given > 0 && !isBetweenMembers
        if filling.count == LayerStream.chunkBytes {
          hand(filling)
          chunk = nil
        }
      }
      guard format == PFL_FORMAT_NONE || isBetweenMembers else {
        throw Failure(.invalid, "the compressed layer is cut off")
      }
      if let chunk, chunk.count > 0 { hand(chunk) }
      let digest = Digest(compressed.finalize())
      return Summary(
        digest: digest, size: size, diffID: hasher?.digest() ?? digest, uncompressedSize: uncompressedSize)
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
      let count = unsafe try input.read(into: buffer)
      unsafe compressed.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      size += Int64(count)
      return count
    }

    private func check(_ status: pfl_status) throws(Failure) {
      switch status {
      case PFL_DAMAGED: throw Failure(.invalid, "the compressed layer is damaged")
      case PFL_TOO_LARGE:
        throw limits.exceeded(
          .window, "the layer needs a window of more than \(limits.zstdWindowBytes) bytes")
      case PFL_NO_MEMORY: throw Failure(image: SystemError("malloc", code: ENOMEM))
      default: break
      }
      if uncompressedSize > limits.bytes {
        throw limits.exceeded(.bytes, "the layer is larger than \(limits.bytes) bytes when uncompressed")
      }
      if uncompressedSize > limits.ratioFreeBytes, uncompressedSize / max(size, 1) > limits.ratio {
        throw limits.exceeded(
          .ratio,
          "the layer grows to more than \(limits.ratio) times its size when uncompressed: \(size) bytes so far"
        )
      }
    }

    private func emptyChunk() throws(Failure) -> Chunk {
      let shared = shared
      let chunk: Chunk? = shared.wait {
        if shared.isAbandoned { return .some(nil) }
        return shared.free.isEmpty ? nil : .some(shared.free.removeLast())
      }
      guard let chunk else { throw Failure(.system, "abandoned") }
      chunk.count = 0
      return chunk
    }

    private func hand(_ chunk: Chunk) {
      let lease = Lease(chunk, shared)
      shared.change {
        if hasher != nil { shared.unhashed.append(lease) }
        shared.full.append(lease)
      }
    }
  }

  /// Hashes the uncompressed bytes.
  private final class Hasher {
    private final class Outcome: @unchecked Sendable { var hash = SHA256() }

    private let shared: Shared
    private let outcome = Outcome()
    private let thread: JoinedThread

    init(_ shared: Shared) throws(Failure) {
      self.shared = shared
      let outcome = outcome
      thread = try Failure.guarding(.ofImages) { () throws(SystemError) in
        try JoinedThread {
          while true {
            let next: Lease? = shared.wait {
              if !shared.unhashed.isEmpty { return .some(shared.unhashed.removeFirst()) }
              return shared.isUnhashedWhole ? .some(nil) : nil
            }
            guard let lease = next else { return }
            withExtendedLifetime(lease) {
              unsafe outcome.hash.update(
                bufferPointer: UnsafeRawBufferPointer(rebasing: lease.chunk.bytes[..<lease.chunk.count]))
            }
          }
        }
      }
    }

    deinit { finish() }

    private func finish() {
      let shared = shared
      shared.change { shared.isUnhashedWhole = true }
      thread.join()
    }

    /// The digest of all that was handed over; nothing may follow.
    func digest() -> Digest {
      finish()
      return Digest(outcome.hash.finalize())
    }
  }
}
