import FoundationEssentials
import Glibc
import Testing

@testable import Analysis

/// A recorded log of a tool, and the signature it shows.
struct RecordedLog: CustomStringConvertible {
  var tool: String
  var file: String
  var text: String
  /// "gunicorn-usage.2.log" is the second of "gunicorn-usage".
  var id: String { String(file.prefix { $0 != "." }) }
  var description: String { "\(tool)/\(file)" }

  static func all() throws -> [RecordedLog] {
    let tools = try Fixture.folder("signatures").filter { $0.hasSuffix(".toml") }.map {
      String($0.dropLast(5))
    }
    return try tools.flatMap { tool in
      try Fixture.folder("signatures/\(tool)").filter { $0.hasSuffix(".log") }.map {
        RecordedLog(tool: tool, file: $0, text: try Fixture.file("signatures/\(tool)/\($0)"))
      }
    }
  }
}

@Suite("A signature")
struct SignatureTests {
  static func evidence(of log: String, for signature: Signature) -> Evidence {
    let lines = Fixture.log(log)
    var evidence =
      signature.phases.contains(.install) && !signature.phases.contains(.start)
      ? Scenario.installFailed(lines) : Scenario.crashed(lines)
    evidence.project.startLine = "gunicorn app:app"
    if signature.weight == .warning, signature.phases.contains(.install) {
      evidence.phases[0].status = .passed
    }
    return evidence
  }

  @Test("is embedded with all its files, and each has a log that shows it")
  func files() throws {
    let names = try Fixture.folder("signatures").filter { $0.hasSuffix(".toml") }.sorted()
    #expect(try names.map { try Fixture.file("signatures/\($0)") } == SignatureFilesText.all)
    let shown = Set(try RecordedLog.all().map(\.id))
    let all = Set(SignatureBook.standard.signatures.map(\.id))
    #expect(all.subtracting(shown).sorted() == [], "signatures without a log")
    #expect(shown.subtracting(all).sorted() == [], "logs without a signature")
  }

  @Test("finds what its log shows", arguments: try RecordedLog.all())
  func recorded(log: RecordedLog) throws {
    let signature = try #require(SignatureBook.standard.signatures.first { $0.id == log.id })
    let findings = Self.evidence(of: log.text, for: signature).findings
    let finding = try #require(findings.first { $0.rule == log.id }, "\(findings.map(\.rule))")
    #expect(finding.blame == .project && !finding.isTransient)
    #expect(finding.category == signature.category)
    for text in [finding.title, finding.message, finding.fix.summary] + finding.fix.commands {
      #expect(!text.contains("{") && !text.contains("}"), "\(text)")
    }
  }

  @Test("is silent in a log of a program that is well", arguments: try RecordedLog.all())
  func outlived(log: RecordedLog) throws {
    let signature = try #require(SignatureBook.standard.signatures.first { $0.id == log.id })
    var evidence = Scenario.healthy()
    evidence.phases[1].log = Fixture.log(log.text)
    #expect(evidence.errors.isEmpty)
    if signature.weight == .onlyIfFailed { #expect(evidence.finding(log.id) == nil) }
  }

  @Test("says nothing of logs of other failures", arguments: try Fixture.names())
  func otherLogs(fixture: String) throws {
    let log = try Fixture.lines(fixture)
    for phase in [PhaseEvidence.Name.install, .start] {
      let hits = SignatureBook.standard.hits(in: PhaseEvidence(name: phase, status: .failed, log: log))
      #expect(
        hits.map(\.signature.id)
          == Self.known[fixture, default: []].filter { id in
            SignatureBook.standard.signatures.first { $0.id == id }?.phases.contains(phase) == true
          })
    }
  }

  /// What signatures find in the logs of the rules.
  private static let known = [
    "npm-ci-no-lock": ["npm-lock-missing"], "pip-no-file": ["pip-requirements-missing"],
    "pip-invalid-requirement": ["pip-invalid-requirement"],
  ]

  @Test("of a file that is wrong is refused with the line and the key")
  func refused() throws {
    let good = """
      [[signature]]
      id = "a"
      summary = "s"
      since = "1"
      phases = ["start"]
      category = "health"
      severity = "error-if-failed"
      any = ["boom {what}"]
      subject = "x"
      title = "t {what}"
      why = "w"
      fix = "f"
      """
    func error(_ change: (String, String)) -> String {
      let text = good.replacingOccurrences(of: change.0, with: change.1)
      do throws(SignatureError) { _ = try SignatureBook(files: [("x.toml", text)]) } catch {
        return "\(error)"
      }
      return "accepted"
    }
    #expect(error(("", "")) == "accepted")
    #expect(error(("fix = ", "fixx = ")) == "x.toml line 12: fixx: no such key")
    #expect(
      error(("t {what}", "t {who}")) == "x.toml line 10: title: uses {who}, which not every pattern binds")
    #expect(error(("boom {what}", "{what}")).hasPrefix("x.toml line 8: any: "))
    #expect(error(("boom {what}", "*{what} x")).hasPrefix("x.toml line 8: any: two gaps touch"))
    #expect(error(("\"health\"", "\"wealth\"")) == "x.toml line 6: category: 'wealth' is not known")
    #expect(error(("\"start\"", "\"begin\"")) == "x.toml line 5: phases: 'begin' is not known")
    #expect(error(("why = \"w\"", "")) == "x.toml line 1: why: is missing")
    #expect(error(("why = \"w\"", "blame = \"sandbox\"")) == "x.toml line 11: blame: no such key")
    #expect(
      error(("why = \"w\"", "why = \"w\"\nunless = [\"rain\"]")).contains("unless: 'rain' is not known"))
    #expect(error(("why = \"w\"", "why = ")).hasPrefix("x.toml line 11: TOML: "))
    #expect(error((good, good + "\n" + good)) == "x.toml: id: 'a' stands twice")
  }

  @Test("takes the shortest text for a word, and no space in it")
  func patterns() throws {
    let pattern = try LinePattern("*uri '{name}' not found: {rest*}")
    #expect(pattern.match("Error: uri 'a.b' not found: c d") == ["name": "a.b", "rest": "c d"])
    #expect(pattern.match("Error: uri 'a b' not found: c") == nil)
    #expect(pattern.match("Error: uri '' not found: c") == nil)
    #expect(pattern.match("Error: uri 'a' not found: ") == nil)
    #expect(try LinePattern("full line").match("full line.") == nil)
    #expect(try LinePattern("a \\* {b} \\{c").match("a * x {c") == ["b": "x"])
    #expect(throws: PatternError.self) { try LinePattern("{a} and {a} here") }
    #expect(throws: PatternError.self) { try LinePattern("open {a") }
  }

  @Test("is found as by searching for each literal alone")
  func search() {
    var state: UInt64 = 42
    func random(_ limit: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % limit
    }
    func text(_ length: Int) -> String { String((0..<length).map { _ in "ab\u{e9}"[random(3)] }) }
    for _ in 0..<200 {
      let literals = (0..<6).map { _ in text(1 + random(4)) }
      let line = text(30)
      var found: Set<Int> = []
      LiteralSearch(literals.map { Array($0.utf8) }).scan(line) { found.insert($0) }
      #expect(found == Set(literals.indices.filter { line.has(literals[$0]) }))
    }
  }

  @Test("of all kinds is looked for in 100,000 lines within 50 ms of one processor")
  func speed() throws {
    let texts = try RecordedLog.all().flatMap { $0.text.split(separator: "\n").map(String.init) }
    let lines = (0..<100_000).map {
      LogLine(number: $0 + 1, milliseconds: 0, stream: .stderr, text: texts[$0 % texts.count])
    }
    let phase = PhaseEvidence(name: .start, status: .failed, log: lines)
    _ = SignatureBook.standard.hits(in: phase)
    let times = (0..<5).map { _ in
      let begun = Self.processorMilliseconds()
      _ = SignatureBook.standard.hits(in: phase)
      return Self.processorMilliseconds() - begun
    }
    #if DEBUG
      #expect(times.min() ?? 0 < 5000, "\(times)")
    #else
      #expect(times.min() ?? 0 < 50, "\(times)")
    #endif
  }

  /// What this thread has used of a processor: other tests run meanwhile (clock_gettime(2)).
  private static func processorMilliseconds() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1000 + Double(time.tv_nsec) / 1e6
  }
}

extension String {
  fileprivate subscript(_ offset: Int) -> Character { self[index(startIndex, offsetBy: offset)] }

  fileprivate func replacingOccurrences(of text: String, with other: String) -> String {
    guard !text.isEmpty else { return self }
    var result = ""
    var rest = self[...]
    while let range = rest.place(of: text) {
      result += rest[..<range.lowerBound] + other
      rest = rest[range.upperBound...]
    }
    return result + rest
  }
}
