package import Analysis
import Glibc
import Isolate

/// Turns the two output streams of a phase into numbered, timed lines, with bounds on both.
package struct LogCollector {
  /// Lines kept from the start and, as a ring, from the end: the first error and the last words.
  private static let headLines = 4000
  private static let tailLines = 1000
  private static let lineBytes = 8192

  private struct Partial {
    var bytes: [UInt8] = []
    var isCut = false
  }

  private(set) var head: [LogLine] = []
  private var tail: [LogLine] = []
  private var count = 0
  private var counts: [LogLine.Stream: Int] = [:]
  private var partial: [LogLine.Stream: Partial] = [:]
  private let startedAt: Int

  /// Puts the usual names for real places.
  private let naming: (String) -> String

  init(startedAt: Int, naming: @escaping (String) -> String = { $0 }) {
    self.startedAt = startedAt
    self.naming = naming
  }

  /// When the last line came, since the start; nil before the first.
  package var lastLineMilliseconds: Int? { (tail.last ?? head.last)?.milliseconds }

  /// All lines kept, in order.
  package var lines: [LogLine] { head + tail }

  /// Adds bytes of one stream; gives the lines that became complete.
  mutating func append(_ bytes: ArraySlice<UInt8>, to stream: LogLine.Stream) -> [LogLine] {
    var fresh: [LogLine] = []
    var rest = partial[stream] ?? Partial()
    for byte in bytes {
      if byte == 0x0a {
        fresh.append(add(rest, stream))
        rest = Partial()
      } else if rest.bytes.count < Self.lineBytes {
        rest.bytes.append(byte)
      } else {
        rest.isCut = true
      }
    }
    partial[stream] = rest
    return fresh
  }

  /// Completes what had no newline at the end of the stream.
  mutating func finish(_ stream: LogLine.Stream) -> [LogLine] {
    guard let rest = partial.removeValue(forKey: stream), !rest.bytes.isEmpty else { return [] }
    return [add(rest, stream)]
  }

  private mutating func add(_ partial: Partial, _ stream: LogLine.Stream) -> LogLine {
    count += 1
    counts[stream, default: 0] += 1
    var bytes = partial.bytes
    if bytes.last == 0x0d { bytes.removeLast() }
    let text = naming(String(decoding: bytes, as: UTF8.self)) + (partial.isCut ? " [cut]" : "")
    let line = LogLine(
      number: count, numberInStream: counts[stream], milliseconds: Clock.milliseconds() - startedAt,
      stream: stream, text: text)
    if head.count < Self.headLines {
      head.append(line)
    } else {
      if tail.count == Self.tailLines { tail.removeFirst() }
      tail.append(line)
    }
    return line
  }
}
