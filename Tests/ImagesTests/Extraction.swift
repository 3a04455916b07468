import Formats
import Foundation
import Glibc
import TestSupport

@testable import Images

/// Bytes in memory, shown a few at a time.
final class MemorySource: ByteSource {
  private let bytes: [UInt8]
  private let step: Int
  private(set) var offset: Int64 = 0

  init(_ bytes: [UInt8], step: Int = 1 << 20) { (self.bytes, self.step) = (bytes, step) }

  func take(_ body: (RawSpan) throws(Failure) -> Int) throws(Failure) -> Int? {
    let start = Int(offset)
    if start == bytes.count { return nil }
    let all = bytes
    let piece = unsafe all.span.bytes.extracting(start..<min(all.count, start + step))
    let taken = try body(piece)
    offset += Int64(taken)
    return taken
  }
}

/// A folder with an unpacked archive in `tree`, its list in `list`, and beside it what an attack would reach for.
struct Extraction: ~Copyable {
  let directory: TemporaryDirectory

  init() throws {
    let directory = try TemporaryDirectory()
    try directory.write("untouched", to: "outside/victim")
    _ = unsafe mkdir(directory.path("tree"), 0o755)
    self.directory = directory
  }

  func extract(_ archive: [UInt8], _ limits: ExtractionLimits = ExtractionLimits(), step: Int = 1 << 20)
    throws
  {
    var extractor = try LayerExtractor(path: directory.path("tree"), list: directory.path("list"), limits)
    try extractor.extract(MemorySource(archive, step: step))
  }

  /// What is wrong with the archive, or nil.
  func refusal(_ archive: [UInt8], _ limits: ExtractionLimits = ExtractionLimits()) -> String? {
    do {
      try extract(archive, limits)
      return nil
    } catch { return "\(error)" }
  }

  func status(_ name: String) -> stat? {
    var information = stat()
    return unsafe lstat(directory.path("tree/\(name)"), &information) == 0 ? information : nil
  }

  /// Whether nothing but the tree was touched.
  var outsideIsUntouched: Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path("outside"))) ?? []
    let top = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
    return names == ["victim"] && (try? directory.read("outside/victim")) == "untouched"
      && Set(top).isSubset(of: ["outside", "tree", "list"])
  }
}
