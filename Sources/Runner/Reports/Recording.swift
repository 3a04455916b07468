package import Analysis

/// What a run recorded that is too large for the report: every line that was written, with its time.
///
/// Kept close together, a few bytes beside the text of a line, and bounded: of more than `limitInBytes` the first and
/// the last half are kept, and what was between is counted.
package struct Recording: Sendable, Equatable {
  /// One line of a program's output.
  package struct Line: Sendable, Equatable {
    /// The phase it was written in; the whole run of a program is its start phase.
    package var phase: PhaseEvidence.Name
    /// The process that wrote it, where that is not the one of the start command ("worker").
    package var process: String?
    package var stream: LogLine.Stream
    /// Since the check started.
    package var milliseconds: Int
    /// As it was written: escape it.
    package var text: String

    /// Makes a line.
    package init(
      phase: PhaseEvidence.Name, process: String? = nil, stream: LogLine.Stream, milliseconds: Int,
      text: String
    ) {
      self.phase = phase
      self.process = process
      self.stream = stream
      self.milliseconds = milliseconds
      self.text = text
    }
  }

  /// Who wrote lines.
  package struct Source: Sendable, Hashable {
    package var phase: PhaseEvidence.Name
    package var process: String?

    /// Makes a source.
    package init(phase: PhaseEvidence.Name, process: String? = nil) {
      self.phase = phase
      self.process = process
    }
  }

  /// What is known of a line besides its text.
  package struct Entry: Sendable, Equatable {
    /// Where its text ends in the bytes of its block; it begins where that of the line before ends.
    package var end: UInt32
    package var milliseconds: UInt32
    /// One-based within its stream of its source.
    package var number: UInt32
    /// Which of `sources` wrote it.
    package var source: UInt16
    package var isError: Bool
  }

  /// Lines that lie together.
  package struct Block: Sendable, Equatable {
    package var text: [UInt8] = []
    package var entries: [Entry] = []

    fileprivate static let bytes = 1 << 20

    fileprivate var size: Int { text.count + entries.count * MemoryLayout<Entry>.stride }
  }

  /// What all blocks may hold together, in bytes; at least four mebibytes.
  package let limitInBytes: Int
  /// In the order of their times.
  package private(set) var blocks: [Block] = []
  package private(set) var sources: [Source] = []
  /// Lines that were not kept; they were written before the block `blocks[gap]`.
  package private(set) var linesLeftOut = 0
  private var counts: [[UInt32]] = []

  /// The usual bound: of lines of usual length about a million.
  package static let usualLimit = 64 << 20

  /// Makes a recording of lines that are in the order of their times.
  package init(lines: [Line] = [], limitInBytes: Int = usualLimit) {
    self.limitInBytes = limitInBytes
    for line in lines { append(line) }
  }

  /// The index of the first block after the lines that were not kept.
  package var gap: Int { max(2, limitInBytes / Block.bytes / 2) }

  /// How many lines are kept.
  package var count: Int { blocks.reduce(0) { $0 + $1.entries.count } }

  /// All lines kept, in order, made one by one.
  package var lines: some Sequence<Line> {
    blocks.lazy.flatMap { block in
      block.entries.indices.lazy.map { index in
        let entry = block.entries[index]
        let begin = index == 0 ? 0 : Int(block.entries[index - 1].end)
        return Line(
          phase: sources[Int(entry.source)].phase, process: sources[Int(entry.source)].process,
          stream: entry.isError ? .stderr : .stdout, milliseconds: Int(entry.milliseconds),
          text: String(decoding: block.text[begin..<Int(entry.end)], as: UTF8.self))
      }
    }
  }

  /// Adds a line that is not earlier than those before.
  package mutating func append(_ line: Line) {
    let source = index(of: Source(phase: line.phase, process: line.process))
    let isError = line.stream == .stderr
    counts[source][isError ? 1 : 0] &+= 1
    if blocks.last.map({ $0.size >= Block.bytes }) ?? true { begin() }
    let last = blocks.count - 1
    blocks[last].text += line.text.utf8
    blocks[last].entries.append(
      Entry(
        end: UInt32(blocks[last].text.count), milliseconds: UInt32(clamping: line.milliseconds),
        number: counts[source][isError ? 1 : 0], source: UInt16(source), isError: isError))
  }

  /// Adds the lines of a phase whose evidence was kept from an earlier run, at a time of this one.
  package mutating func append(_ phase: PhaseEvidence, at milliseconds: Int) {
    for line in phase.log {
      append(
        Line(phase: phase.name, stream: line.stream, milliseconds: milliseconds, text: line.text))
    }
  }

  private mutating func begin() {
    if blocks.count >= 2 * gap {
      linesLeftOut += blocks[gap].entries.count
      blocks.remove(at: gap)
    }
    blocks.append(Block())
  }

  private mutating func index(of source: Source) -> Int {
    if sources.last == source { return sources.count - 1 }
    if let index = sources.firstIndex(of: source) { return index }
    // A project has a few dozen processes at most; more than that write as the last one.
    if sources.count == Int(UInt16.max) { return sources.count - 1 }
    sources.append(source)
    counts.append([0, 0])
    return sources.count - 1
  }
}
