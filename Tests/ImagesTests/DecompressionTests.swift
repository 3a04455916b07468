import Formats
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Images

/// Bytes in memory as a blob, a few at a time.
private final class MemoryInput: BlobInput, @unchecked Sendable {
  private let blob: [UInt8]
  private let step: Int
  private var position = 0

  init(_ blob: [UInt8], step: Int) { (self.blob, self.step) = (blob, step) }

  func read(into buffer: UnsafeMutableRawBufferPointer) throws(Failure) -> Int {
    let count = min(buffer.count, step, blob.count - position)
    unsafe buffer.copyBytes(from: blob[position..<(position + count)])
    position += count
    return count
  }
}

extension MachineRequirement {
  fileprivate static let fasterGzip = MachineRequirement("ISA-L (libisal2)") {
    LayerStream.hasFasterGzip ? nil : "libisal.so.2 cannot be opened, or was not known to the build"
  }
}

@Suite("Decompression")
struct DecompressionTestsAsAnyUser {
  /// What comes out, or nil where the blob is refused.
  private static func bytes(
    _ blob: [UInt8], _ gzip: LayerStream.GzipDecoder = .fastest, step: Int = 1 << 20
  ) throws -> [UInt8]? {
    var limits = ExtractionLimits()
    limits.bytes = 16 << 20
    let stream = try LayerStream(MemoryInput(blob, step: step), limits, gzip: gzip)
    var result: [UInt8] = []
    do throws(Failure) {
      while let piece = try stream.share(atMost: .max) {
        try unsafe piece.withUnsafeBytes { unsafe result += $0 }
      }
      let summary = try stream.summary()
      #expect(summary.digest == Digest(of: blob) && summary.size == blob.count)
      #expect(summary.diffID == Digest(of: result) && summary.uncompressedSize == result.count)
      return result
    } catch { return nil }
  }

  private static func compressed(_ program: String, _ options: [String], _ bytes: [UInt8]) async throws
    -> [UInt8]
  {
    let directory = try TemporaryDirectory()
    try Data(bytes).write(to: URL(filePath: directory.path("file")))
    let program = try #require(Program(onPath: program))
    return try await program.run(options + ["-c", directory.path("file")]).standardOutput
  }

  /// Text that compresses, and noise that does not.
  private static func sample(_ count: Int, _ generator: inout some RandomNumberGenerator) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      if Bool.random(using: &generator) {
        bytes += Array(
          repeating: UInt8.random(in: 97...122, using: &generator),
          count: Int.random(in: 1...300, using: &generator))
      } else {
        for _ in 0..<100 { bytes.append(.random(in: 0...255, using: &generator)) }
      }
    }
    return Array(bytes.prefix(count))
  }

  @Test("of gzip and zstd gives what was compressed, in pieces of any size", .needs(.gzip, .program("zstd")))
  func ordinary() async throws {
    var generator = SeededGenerator(seed: 4)
    // Sizes around a chunk, so that the end of the output falls together with the end of the input, or does not.
    for size in [0, 1, LayerStream.chunkBytes - 1, LayerStream.chunkBytes, LayerStream.chunkBytes * 2 + 77] {
      let bytes = Self.sample(size, &generator)
      for (program, options) in [
        ("gzip", ["-1"]), ("gzip", ["-9"]), ("zstd", ["-1", "--no-check"]), ("zstd", ["-9"]),
      ] {
        let blob = try await Self.compressed(program, options, bytes)
        // Another one behind it belongs to the stream.
        for members in [1, 2] {
          let whole = Array(Array(repeating: blob, count: members).joined())
          let expected = Array(Array(repeating: bytes, count: members).joined())
          for step in [1 << 20, 1000] {
            for gzip in [LayerStream.GzipDecoder.fastest, .zlib] {
              let isSame = try Self.bytes(whole, gzip, step: step) == expected
              #expect(isSame, "\(program) \(options) \(size) bytes, \(members) times, by \(step)")
            }
          }
        }
        let cut = try Self.bytes(Array(blob.dropLast()))
        #expect(cut == nil, "\(program) \(size): cut off")
        let longer = try Self.bytes(blob + [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])
        #expect(longer == nil, "\(program) \(size): something behind it")
      }
    }
  }

  @Test(
    "of gzip by ISA-L and by zlib is the same for hostile streams too: the same bytes, or both refuse",
    .needs(.fasterGzip, .gzip))
  func hostile() async throws {
    let seed = UInt64.random(in: 0..<1 << 32)
    var generator = SeededGenerator(seed: seed)
    var samples: [[UInt8]] = []
    for (size, options) in [(600, ["-9"]), (5000, ["-1"]), (0, []), (40_000, ["-6"])] {
      samples.append(try await Self.compressed("gzip", ["-n"] + options, Self.sample(size, &generator)))
    }
    // With a name, a comment, an extra field and the sum of the header (RFC 1952, 2.3).
    var fields = samples[0]
    fields[3] = 0x1c
    fields.insert(contentsOf: [3, 0, 1, 2, 3] + Array("name\0comment\0".utf8), at: 10)
    samples += [fields, samples[0] + samples[2] + samples[1], samples[0] + [0], samples[0] + [0x1f, 0x8b]]
    for flags in 0...255 { samples.append(samples[0].prefix(3) + [UInt8(flags)] + samples[0].dropFirst(4)) }
    let rounds = Int(ProcessInfo.processInfo.environment["ISOLATE_TEST_FUZZ"] ?? "") ?? 1000
    var accepted = 0
    for round in 0..<(rounds + samples.count) {
      var blob = round < samples.count ? samples[round] : samples[Int.random(in: 0..<8, using: &generator)]
      if round >= samples.count {
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
          let most = Bool.random(using: &generator) ? blob.count : min(blob.count, 40)
          blob[Int.random(in: 0..<most, using: &generator)] ^= 1 << UInt8.random(in: 0...7, using: &generator)
        }
        if Int.random(in: 0..<4, using: &generator) == 0 {
          blob.removeLast(Int.random(in: 0..<(blob.count - 4), using: &generator))
        }
      }
      // Else it is no gzip to begin with.
      (blob[0], blob[1]) = (0x1f, 0x8b)
      let step = [1, 7, 300, 1 << 20].randomElement(using: &generator) ?? 1
      let ours = try Self.bytes(blob, .fastest, step: step)
      let theirs = try Self.bytes(blob, .zlib)
      if ours != nil { accepted += 1 }
      let isSame = ours == theirs
      #expect(
        isSame, "seed \(seed), round \(round), step \(step): \(ours?.count ?? -1) and \(theirs?.count ?? -1)")
    }
    #expect(accepted > rounds / 20 && accepted < rounds)
  }
}
