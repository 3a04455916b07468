import Analysis
import Formats

/// The log of the page: its lines lie in script elements that are no scripts, as text, and only those in view become
/// elements.
///
/// A part holds some thousand lines, each `o` or `e` for its stream, the milliseconds since the line before in base 36,
/// a space and its text. `&`, `<` and tabs are written as in HTML, so that nothing of it ends the element.
struct HTMLLog {
  private static let partBytes = 256 << 10

  private let report: Report
  private let recording: Recording
  /// Whether it is only what the report has of it.
  private let isExcerpt: Bool
  /// Of each finding, of each of its proofs, the number of the line in the page.
  private let anchors: [[Int?]]

  init(_ report: Report, _ recording: Recording?) {
    self.report = report
    isExcerpt = recording == nil
    self.recording = recording ?? Self.excerpt(of: report)
    anchors = Self.find(report.findings, in: self.recording, isExcerpt: isExcerpt)
  }

  /// The line that a proof of a finding is known from, one-based; nil when the log does not have it.
  func anchor(ofFinding finding: Int, proof: Int) -> Int? { anchors[finding][proof] }

  // MARK: What there is

  /// The last lines of each phase and process, which is all that a report has.
  private static func excerpt(of report: Report) -> Recording {
    var recording = Recording()
    func add(_ lines: [String], _ stream: LogLine.Stream, _ phase: PhaseEvidence.Name, _ process: String?) {
      for text in lines {
        recording.append(.init(phase: phase, process: process, stream: stream, milliseconds: 0, text: text))
      }
    }
    for phase in report.phases {
      add(phase.stdoutTail, .stdout, phase.name, nil)
      add(phase.stderrTail, .stderr, phase.name, nil)
    }
    for process in report.processes ?? [] {
      add(process.stdoutTail, .stdout, .start, process.name)
      add(process.stderrTail, .stderr, .start, process.name)
    }
    return recording
  }

  private struct Place: Hashable {
    var source: Recording.Source
    var stream: LogLine.Stream
    var number: Int
  }

  private static func find(
    _ findings: [Finding], in recording: Recording, isExcerpt: Bool
  ) -> [[Int?]] {
    var byNumber: [Place: [(Int, Int)]] = [:]
    var byText: [String: [(Int, Int)]] = [:]
    for (index, finding) in findings.enumerated() {
      for (item, proof) in finding.evidence.enumerated() where proof.kind == .log {
        guard let phase = proof.phase else { continue }
        // A program is one process from its start to its stop.
        let run: PhaseEvidence.Name = phase == .probe || phase == .stop ? .start : phase
        if let line = proof.line, let stream = proof.stream, !isExcerpt {
          let source = Recording.Source(phase: run, process: finding.process)
          byNumber[Place(source: source, stream: stream, number: line), default: []].append((index, item))
        } else {
          byText[proof.text, default: []].append((index, item))
        }
      }
    }
    var found = findings.map { [Int?](repeating: nil, count: $0.evidence.count) }
    if byNumber.isEmpty, byText.isEmpty { return found }
    recording.forEach { number, block, index in
      let entry = block.entries[index]
      if !byNumber.isEmpty {
        let place = Place(
          source: recording.sources[Int(entry.source)], stream: entry.isError ? .stderr : .stdout,
          number: Int(entry.number))
        for (finding, proof) in byNumber[place] ?? [] { found[finding][proof] = number }
      }
      guard !byText.isEmpty else { return }
      let text = String(decoding: block.bytes(of: index), as: UTF8.self).trimmed
      for (finding, proof) in byText[String(text.prefix(600))] ?? [] where found[finding][proof] == nil {
        found[finding][proof] = number
      }
    }
    return found
  }

  // MARK: What is shown

  var section: Markup {
    guard recording.count > 0 else {
      return """
        <section id="log" aria-labelledby="h-log">
        <h2 id="h-log">Log</h2>
        <p class="about">Nothing was written.</p>
        </section>
        """
    }
    let left = recording.linesLeftOut
    let lines = Self.grouped(recording.count)
    let about =
      isExcerpt
      ? "The last lines of each phase, as the report has them. The page that a check writes itself has all."
      : left == 0
        ? "\(lines) lines, with the time since the check began."
        : "\(lines) lines, with the time since the check began; \(Self.grouped(left)) in the middle were not kept."
    return """
      <section id="log" aria-labelledby="h-log">
      <h2 id="h-log">Log</h2>
      <p class="about">\(about)</p>
      <div class="log-tools" id="log-tools" role="search" aria-label="Search the log" hidden>
      <label for="find" class="hidden">Search the log</label>
      <input id="find" type="search" placeholder="Search the log" autocomplete="off" spellcheck="false" aria-describedby="found">
      <button type="button" id="previous" aria-label="Previous match">↑</button><button type="button" id="next" aria-label="Next match">↓</button>
      <output id="found" role="status"></output>
      <label for="jump" class="hidden">Go to a phase</label><select id="jump"></select>
      </div>
      <div id="log-view" class="log-view" role="region" tabindex="0" aria-label="Lines of the log" hidden><div class="log-space"></div><ol class="log-rows"></ol></div>
      <div id="log-line" class="log-line" hidden></div>
      <noscript>\(withoutScript)</noscript>
      </section>
      """
  }

  private var withoutScript: Markup {
    let parts = report.phases.flatMap { phase in
      [("stdout", phase.stdoutTail), ("stderr", phase.stderrTail)].filter { !$0.1.isEmpty }.map {
        stream, lines in
        """
        <h3>\(phase.name.rawValue), \(stream)</h3>
        <pre tabindex="0">\(lines.map { String($0.prefix(1000)) }.joined(separator: "\n"))</pre>

        """ as Markup
      }
    }
    return "<p class=\"about\">Without its script the page shows the last lines of each phase.</p>\(parts)"
  }

  // MARK: The lines

  /// Adds the elements that hold the lines, and the one that tells of them.
  func write(to html: inout String) {
    guard recording.count > 0 else { return }
    var parts: [[Int]] = []
    var sources: [(Int, UInt16)] = []
    var buffer: [UInt8] = []
    var (count, first, last) = (0, 0, 0)
    func finish() {
      guard count > 0 else { return }
      html += "<script type=\"text/plain\" class=\"log-part\">"
      html += String(decoding: buffer, as: UTF8.self)
      html += "</script>\n"
      parts.append([count, first])
      buffer.removeAll(keepingCapacity: true)
      count = 0
    }
    let gap = recording.linesLeftOut > 0 ? recording.gap : -1
    var before = 0
    for (position, block) in recording.blocks.enumerated() {
      if position == gap { finish() }
      for (index, entry) in block.entries.enumerated() {
        if buffer.count > Self.partBytes { finish() }
        let time = Int(entry.milliseconds)
        if count == 0 { (first, last) = (time, time) }
        if sources.last?.1 != entry.source { sources.append((before, entry.source)) }
        buffer.append(entry.isError ? 0x65 : 0x6f)
        if time > last { buffer += String(time - last, radix: 36).utf8 }
        last = max(last, time)
        buffer.append(0x20)
        Self.add(block.bytes(of: index), to: &buffer)
        buffer.append(0x0a)
        count += 1
        before += 1
      }
    }
    finish()
    let marks = anchors.enumerated().flatMap { finding, lines in
      lines.compactMap { $0.map { [$0, finding + 1] } }
    }
    var names: [[String]] = []
    for (line, source) in sources {
      let source = recording.sources[Int(source)]
      names.append([String(line), source.process ?? source.phase.rawValue])
    }
    let gapAt = gap < 0 ? [] : [recording.blocks.prefix(gap).reduce(0) { $0 + $1.entries.count }]
    let data = LogData(
      parts: parts, sources: names, marks: marks, gap: gapAt + (gap < 0 ? [] : [recording.linesLeftOut]),
      timed: !isExcerpt)
    html += "<script type=\"application/json\" id=\"log-data\">\(Markup.script(data.json).html)</script>\n"
  }

  /// Adds a line's text, with nothing in it that a reader does not see or that has a meaning in HTML.
  private static func add(_ text: ArraySlice<UInt8>, to buffer: inout [UInt8]) {
    let isPlain = text.allSatisfy { $0 >= 0x20 && $0 < 0x7f && $0 != 0x26 && $0 != 0x3c }
    if isPlain {
      buffer += text
      return
    }
    // A tab stays what it is: columns are made of it.
    let cells = String(decoding: text, as: UTF8.self).split(separator: "\t", omittingEmptySubsequences: false)
    let plain = cells.map { TerminalText.plain(String($0)) }.joined(separator: "\t")
    for byte in plain.utf8 {
      switch byte {
      case 0x26: buffer += "&amp;".utf8
      case 0x3c: buffer += "&lt;".utf8
      case 0x09: buffer += "&Tab;".utf8
      default: buffer.append(byte)
      }
    }
  }

  /// "12,345".
  private static func grouped(_ number: Int) -> String {
    let digits = Array(String(number))
    return digits.indices.map { index in
      let isFirst = (digits.count - index) % 3 == 0 && index > 0
      return (isFirst ? "," : "") + String(digits[index])
    }.joined()
  }
}

/// What the page's script is told of the lines.
private struct LogData: Encodable {
  /// Of each part the number of its lines, and the time of the first.
  var parts: [[Int]]
  /// From which line on (counted from 0) who wrote.
  var sources: [[String]]
  /// Lines (by their numbers) that findings are known from, with the findings' numbers.
  var marks: [[Int]]
  /// The index of the line before which lines were left out, and how many.
  var gap: [Int]
  /// Whether the lines have times.
  var timed: Bool

  var json: String { (try? JSONText.encode(self)) ?? "{}" }
}

extension Recording {
  /// Calls `body` with each line's number in the page, its block and its index there. What was left out has numbers.
  fileprivate func forEach(_ body: (Int, Block, Int) -> Void) {
    var number = 0
    for (position, block) in blocks.enumerated() {
      if position == gap { number += linesLeftOut }
      for index in block.entries.indices {
        number += 1
        body(number, block, index)
      }
    }
  }
}

extension Recording.Block {
  /// The text of a line.
  func bytes(of index: Int) -> ArraySlice<UInt8> {
    text[(index == 0 ? 0 : Int(entries[index - 1].end))..<Int(entries[index].end)]
  }
}
