import Testing

@testable import Analysis

@Suite("A line of the log as evidence")
struct StreamNumberTests {
  /// A traceback on one stream, and lines of the other before and within it.
  private func crashed(_ others: Set<Int>) throws -> Evidence {
    let lines = try Fixture.lines("python-crash")
    var log: [LogLine] = []
    var counts: [LogLine.Stream: Int] = [:]
    func add(_ text: String, _ stream: LogLine.Stream) {
      counts[stream, default: 0] += 1
      log.append(
        LogLine(
          number: log.count + 1, numberInStream: counts[stream], milliseconds: log.count, stream: stream,
          text: text))
    }
    for (index, line) in lines.enumerated() {
      if others.contains(index) { add("a line of the other stream", .stdout) }
      add(line.text, .stderr)
    }
    return Scenario.crashed(log)
  }

  @Test("has the number that it has in its own stream, wherever the other stream's lines fell")
  func same() throws {
    let plain = try crashed([]).findings
    let first = try #require(plain.first?.evidence.first)
    #expect(first.kind == .log && first.stream == .stderr && (first.line ?? 0) > 1)
    for others in [[0], [0, 1, 2], [1, 3]] {
      #expect(try crashed(Set(others)).findings == plain)
    }
  }

  @Test(
    "has no number where several processes write to the stream, as their order is chance",
    arguments: [
      ["[2026-01-01 00:00:00 +0000] [1] [INFO] Starting", "[2026-01-01 00:00:00 +0000] [2] [INFO] Booting"],
      ["INFO:     Started parent process [1]"],
      ["INFO:     Started server process [2]", "INFO:     Started server process [3]"],
    ])
  func shared(_ marks: [String]) throws {
    let lines = try Fixture.lines("python-crash").map(\.text)
    func findings(_ all: [String], _ stream: LogLine.Stream = .stderr) -> [Finding] {
      Scenario.crashed(
        all.enumerated().map { index, text in
          LogLine(
            number: index + 1, numberInStream: index + 1, milliseconds: index,
            stream: marks.contains(text) ? stream : .stderr, text: text)
        }
      ).findings
    }
    let found = findings(marks + lines)
    let proof = try #require(found.first?.evidence.first)
    #expect(proof.kind == .log && proof.line == nil)
    // One process says who it is again and again, and another one writes to the other stream.
    let alone = findings([marks.last ?? "", marks.last ?? ""] + lines)
    #expect(marks.count == 1 || alone.first?.evidence.first?.line != nil)
    #expect(findings(marks + lines, .stdout).first?.evidence.first?.line != nil)
  }

  @Test("has the phase's number where no other is known")
  func unknown() throws {
    let log = try Fixture.lines("python-crash")
    let finding = try #require(Scenario.crashed(log).findings.first)
    let line = try #require(finding.evidence.first?.line)
    #expect(log[line - 1].text.contains(finding.evidence[0].text))
  }
}
