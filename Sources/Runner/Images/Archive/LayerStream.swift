import CDecompression
import Crypto
import Glibc
import Isolate

/// A layer's uncompressed bytes, made on a thread of its own while the consumer writes files: the compressed
/// bytes are read, hashed and decompressed, the result is hashed and handed over in chunks.
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

  private enum Ending: Sendable {
    case running
    case complete(Summary)
    case failed(ImageError)
  }

  /// What both threads share.
  private final class Shared: @unchecked Sendable {
    let condition = PThreadCondition()
    var free: [Chunk] = (0..<LayerStream.chunkCount).map { _ in Chunk() }
    var full: [Chunk] = []
    var ending = Ending.running
    var isAbandoned = false

    func wait<Value>(_ body: () -> Value?) -> Value { condition.wait(body) }
    func change(_ body: () -> Void) { condition.change(body) }
  }

  private let shared = Shared()
  private var thread = pthread_t()
  private var isJoined = false
  private var current: Chunk?
  private var position = 0
  private(set) var offset: Int64 = 0

  /// Begins to read.
  init(_ input: any BlobInput, _ limits: ExtractionLimits) throws(ImageError) {
    let producer = Producer(shared, input, limits)
    let pointer = unsafe Unmanaged.passRetained(producer).toOpaque()
    let status = unsafe pthread_create(
      &thread, nil,
      { pointer in
        guard let pointer = unsafe pointer else { return nil }
        unsafe Unmanaged<Producer>.fromOpaque(pointer).takeRetainedValue().run()
        return nil
      }, pointer)
    if status != 0 {
      unsafe Unmanaged<Producer>.fromOpaque(pointer).release()
      isJoined = true
      throw ImageError(SystemError("pthread_create", code: status))
    }
  }

  deinit {
    shared.change { shared.isAbandoned = true }
    join()
  }

  private func join() {
    if isJoined { return }
    isJoined = true
    pthread_join(thread, nil)
  }

  func take(_ body: (RawSpan) throws(ImageError) -> Int) throws(ImageError) -> Int? {
    if current == nil {
      enum Next {
        case chunk(Chunk)
        case end
        case failure(ImageError)
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
      case .chunk(let chunk): (current, position) = (chunk, 0)
      case .end: return nil
      case .failure(let error): throw error
      }
    }
    guard let chunk = current else { return nil }
    let rest = unsafe UnsafeRawBufferPointer(chunk.bytes)[position..<chunk.count]
    let span = unsafe RawSpan(_unsafeBytes: rest)
    let taken = try body(span)
    position += taken
    offset += Int64(taken)
    if position == chunk.count {
      current = nil
      shared.change { shared.free.append(chunk) }
    }
    return taken
  }

  /// What the stream was; only after `take` has given nil.
  func summary() throws(ImageError) -> Summary {
    join()
    switch shared.ending {
    case .complete(let summary): return summary
    case .failed(let error): throw error
    case .running: throw ImageError(.invalid, "the layer was not read to its end")
    }
  }

  /// The other thread.
  private final class Producer {
    private let shared: Shared
    private let input: any BlobInput
    private let limits: ExtractionLimits
    private var compressed = SHA256()
    private var uncompressed = SHA256()
    private var size: Int64 = 0
    private var uncompressedSize: Int64 = 0

    init(_ shared: Shared, _ input: any BlobInput, _ limits: ExtractionLimits) {
      (self.shared, self.input, self.limits) = (shared, input, limits)
    }

    func run() {
      let ending: Ending
      do throws(ImageError) { ending = .complete(try produce()) } catch { ending = .failed(error) }
      shared.change { shared.ending = ending }
    }

    private func produce() throws(ImageError) -> Summary {
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
      guard let decoder = unsafe pfl_decoder_make(format, limits.zstdWindowBytes) else {
        throw ImageError(SystemError("malloc", code: ENOMEM))
      }
      defer { unsafe pfl_decoder_free(decoder) }
      var start = 0
      var isBetweenMembers = true
      var chunk: Chunk?
      while true {
        if start == available {
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
        if filling.count == LayerStream.chunkBytes {
          hand(filling, hashing: format != PFL_FORMAT_NONE)
          chunk = nil
        }
      }
      guard format == PFL_FORMAT_NONE || isBetweenMembers else {
        throw ImageError(.invalid, "the compressed layer is cut off")
      }
      if let chunk, chunk.count > 0 { hand(chunk, hashing: format != PFL_FORMAT_NONE) }
      let digest = Digest(compressed.finalize())
      let diffID = format == PFL_FORMAT_NONE ? digest : Digest(uncompressed.finalize())
      return Summary(digest: digest, size: size, diffID: diffID, uncompressedSize: uncompressedSize)
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer) throws(ImageError) -> Int {
      let count = unsafe try input.read(into: buffer)
      unsafe compressed.update(bufferPointer: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      size += Int64(count)
      return count
    }

    private func check(_ status: pfl_status) throws(ImageError) {
      switch status {
      case PFL_DAMAGED: throw ImageError(.invalid, "the compressed layer is damaged")
      case PFL_TOO_LARGE:
        throw ImageError(
          .invalid, "the layer needs a zstd window of more than \(limits.zstdWindowBytes) bytes")
      case PFL_NO_MEMORY: throw ImageError(SystemError("malloc", code: ENOMEM))
      default: break
      }
      if uncompressedSize > limits.bytes {
        throw ImageError(.invalid, "the layer is larger than \(limits.bytes) bytes when uncompressed")
      }
      if uncompressedSize > limits.ratioFreeBytes, uncompressedSize / max(size, 1) > limits.ratio {
        throw ImageError(
          .invalid,
          "the layer grows to more than \(limits.ratio) times its size when uncompressed: \(size) bytes so far"
        )
      }
    }

    private func emptyChunk() throws(ImageError) -> Chunk {
      let shared = shared
      let chunk: Chunk? = shared.wait {
        if shared.isAbandoned { return .some(nil) }
        return shared.free.isEmpty ? nil : .some(shared.free.removeLast())
      }
      guard let chunk else { throw ImageError(.system, "abandoned") }
      chunk.count = 0
      return chunk
    }

    private func hand(_ chunk: Chunk, hashing: Bool) {
      if hashing {
        unsafe uncompressed.update(
          bufferPointer: UnsafeRawBufferPointer(rebasing: chunk.bytes[..<chunk.count]))
      }
      shared.change { shared.full.append(chunk) }
    }
  }
}
