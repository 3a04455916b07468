package import Analysis
import Glibc
import Isolate

/// Turns the two output streams of a phase into numbered, timed lines, with bounds on both.
package struct LogCollector {
  /// Lines kept from the start and, as a ring, from the end: the first error and the last words.
  private static let headLines = 4000
  private static let tailLines = 1000
  private static let lineBytes = 8192

  /// One stream: how many lines it had, and what has come of its next one.
  private struct Source {
    var count = 0
    var bytes: [UInt8] = []
    var isCut = false

    /// Adds a piece of a line, as far as there is room.
    mutating func add(_ piece: ArraySlice<UInt8>) {
      let room = LogCollector.lineBytes - bytes.count
      bytes += piece.prefix(room)
      isCut = isCut || piece.count > room
    }

    /// Begins the next line.
    mutating func clear() {
      bytes.removeAll(keepingCapacity: true)
      isCut = false
    }
  }

  private(set) var head: [LogLine] = []
  private var ring: [LogLine] = []
  /// Where the oldest line of a full ring is.
  private var oldest = 0
  private var count = 0
  private var standardOutput = Source()
  private var standardError = Source()
  private let startedAt: Int

  /// Puts the usual names for real places.
  private let naming: (String) -> String

  init(startedAt: Int, naming: @escaping (String) -> String = { $0 }) {
    self.startedAt = startedAt
    self.naming = naming
  }

  /// When the last line came, since the start; nil before the first.
  package private(set) var lastLineMilliseconds: Int?

  /// All lines kept, in order.
  package var lines: [LogLine] { head + ring[oldest...] + ring[..<oldest] }

  /// Adds bytes of one stream; gives the lines that became complete.
  mutating func append(_ bytes: ArraySlice<UInt8>, to stream: LogLine.Stream) -> [LogLine] {
    var fresh: [LogLine] = []
    let now = Clock.milliseconds() - startedAt
    var rest = bytes
    while let end = Self.newline(in: rest) {
      fresh.append(add(rest[..<end], stream, at: now))
      rest = rest[(end + 1)...]
    }
    if stream == .stdout { standardOutput.add(rest) } else { standardError.add(rest) }
    return fresh
  }

  /// Completes what had no newline at the end of the stream.
  mutating func finish(_ stream: LogLine.Stream) -> [LogLine] {
    let isEmpty = stream == .stdout ? standardOutput.bytes.isEmpty : standardError.bytes.isEmpty
    return isEmpty ? [] : [add([], stream, at: Clock.milliseconds() - startedAt)]
  }

  private static func newline(in bytes: ArraySlice<UInt8>) -> Int? {
    unsafe bytes.withUnsafeBytes { buffer in
      guard let base = buffer.baseAddress, let found = unsafe memchr(base, 0x0a, buffer.count) else {
        return nil
      }
      return unsafe bytes.startIndex + (UnsafeRawPointer(found) - base)
    }
  }

  /// Adds the line that ends with `piece`.
  private mutating func add(_ piece: ArraySlice<UInt8>, _ stream: LogLine.Stream, at time: Int) -> LogLine {
    let line: LogLine
    count += 1
    if stream == .stdout {
      line = Self.line(piece, &standardOutput, count, stream, at: time, naming)
    } else {
      line = Self.line(piece, &standardError, count, stream, at: time, naming)
    }
    lastLineMilliseconds = time
    if head.count < Self.headLines {
      head.append(line)
    } else if ring.count < Self.tailLines {
      ring.append(line)
    } else {
      ring[oldest] = line
      oldest = (oldest + 1) % Self.tailLines
    }
    return line
  }

  private static func line(
    _ piece: ArraySlice<UInt8>, _ source: inout Source, _ number: Int, _ stream: LogLine.Stream, at time: Int,
    _ naming: (String) -> String
  ) -> LogLine {
    source.count += 1
    var isCut = false
    var text: String
    if source.bytes.isEmpty, !source.isCut, piece.count <= lineBytes {
      text = String(decoding: piece.last == 0x0d ? piece.dropLast() : piece, as: UTF8.self)
    } else {
      source.add(piece)
      if source.bytes.last == 0x0d { source.bytes.removeLast() }
      text = String(decoding: source.bytes, as: UTF8.self)
      isCut = source.isCut
    }
    source.clear()
    text = naming(text) + (isCut ? " [cut]" : "")
    return LogLine(
      number: number, numberInStream: source.count, milliseconds: time, stream: stream, text: text)
  }
}
