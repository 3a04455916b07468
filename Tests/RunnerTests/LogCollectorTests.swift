import Analysis
import Testing

@testable import Sandbox

@Suite("The collector of log lines")
struct LogCollectorTests {
  private var collector = LogCollector(startedAt: 0)

  private mutating func add(_ text: String, _ stream: LogLine.Stream = .stdout) -> [String] {
    collector.append(Array(text.utf8)[...], to: stream).map(\.text)
  }

  @Test("a line is given when it is complete, however it was cut, and streams are kept apart")
  mutating func pieces() {
    #expect(add("one\ntw") == ["one"])
    #expect(add("error\n", .stderr) == ["error"])
    #expect(add("o\n\nthree") == ["two", ""])
    #expect(collector.finish(.stdout).map(\.text) == ["three"])
    #expect(collector.finish(.stdout).isEmpty && collector.finish(.stderr).isEmpty)
    #expect(collector.lines.map(\.number) == [1, 2, 3, 4, 5])
    #expect(collector.lines.map(\.stream) == [.stdout, .stderr, .stdout, .stdout, .stdout])
    #expect(collector.lines.map(\.numberInStream) == [1, 1, 2, 3, 4])
  }

  @Test("a carriage return at the end of a line is not part of it")
  mutating func carriageReturns() { #expect(add("dos\r\n\r\nin\rside\n") == ["dos", "", "in\rside"]) }

  @Test("bytes that are not UTF-8 are replaced, and a character cut by a read is not")
  mutating func encoding() {
    let bytes = Array("ü".utf8)
    #expect(collector.append([0xff, 0x41, 0x0a], to: .stdout).map(\.text) == ["\u{fffd}A"])
    #expect(collector.append(bytes[..<1], to: .stdout).isEmpty)
    #expect(collector.append(bytes[1...] + [0x0a], to: .stdout).map(\.text) == ["ü"])
    #expect(collector.append([0x00, 0x0a], to: .stdout).map(\.text) == ["\0"])
  }

  @Test("a very long line is cut and says so, also without an end")
  mutating func longLines() throws {
    let line = try #require(add(String(repeating: "x", count: 100_000) + "\n").first)
    #expect(line.hasSuffix(" [cut]") && line.utf8.count == 8192 + 6)
    for _ in 0..<100 { #expect(add(String(repeating: "y", count: 10_000)).isEmpty) }
    #expect(collector.finish(.stdout).map(\.text.utf8.count) == [8192 + 6])
    #expect(add(String(repeating: "z", count: 8192) + "\n") == [String(repeating: "z", count: 8192)])
  }

  @Test("of many lines the first and the last are kept, with their numbers")
  mutating func manyLines() {
    for number in 1...20_000 { _ = add("\(number)\n") }
    #expect(collector.lines.count == 5000)
    #expect(collector.lines.allSatisfy { $0.text == String($0.number) })
    #expect(collector.lines[3999].number == 4000 && collector.lines[4000].number == 19_001)
    #expect(collector.lines.last?.number == 20_000)
  }
}
