import Formats
import FoundationEssentials
import Planning
import Testing

@testable import Analysis
@testable import Reports

/// A page taken apart, as far as its safety goes.
private struct Page {
  let html: String

  init(_ report: Report, _ recording: Recording? = nil) throws {
    html = try HTMLReport.render(report, ReportStyle(recording: recording))
  }

  /// What stands in elements of a kind, with the rest of their start tags.
  func elements(_ name: String) -> [(attributes: String, content: String)] {
    html.components("<\(name)").dropFirst().compactMap { rest in
      let parts = rest.components(">")
      guard let first = parts.first, first.isEmpty || first.hasPrefix(" ") else { return nil }
      let content = String(rest.dropFirst(first.count + 1)).components("</\(name)>")
      return (first, content[0])
    }
  }

  /// The page without what is in script and style elements.
  var markup: String {
    var result = html
    for name in ["script", "style"] {
      let parts = result.components("<\(name)")
      result = parts[0] + parts.dropFirst().map { $0.components("</\(name)>").dropFirst().joined() }.joined()
    }
    return result
  }

  /// All start tags outside of scripts and styles.
  var tags: [String] {
    markup.components("<").dropFirst().filter { !$0.hasPrefix("/") }.map { $0.components(">")[0] }
  }

  /// The lines of the log as the page's script reads them.
  var lines: [(isError: Bool, milliseconds: Int, text: String)] {
    get throws {
      let data = try #require(elements("script").first { $0.attributes.contains("log-data") })
      let parts = try JSONDecoder().decode(Parts.self, from: Data(data.content.utf8)).parts
      var lines: [(Bool, Int, String)] = []
      for (part, known) in zip(elements("script").filter { $0.attributes.contains("log-part") }, parts) {
        let raw = part.content.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(raw.count == known[0])
        var time = known[1]
        for line in raw {
          let head = line.prefix { $0 != " " }
          time += Int(head.dropFirst(), radix: 36) ?? 0
          let text = String(line.dropFirst(head.count + 1)).replacing("&lt;", with: "<")
            .replacing("&Tab;", with: "\t").replacing("&amp;", with: "&")
          lines.append((head.hasPrefix("e"), time, text))
        }
      }
      return lines
    }
  }

  struct Parts: Decodable {
    var parts: [[Int]]
    var sources: [[String]]
    var marks: [[Int]]
    var gap: [Int]
    var timed: Bool
  }

  var data: Parts {
    get throws {
      let element = try #require(elements("script").first { $0.attributes.contains("log-data") })
      return try JSONDecoder().decode(Parts.self, from: Data(element.content.utf8))
    }
  }
}

extension String {
  fileprivate func components(_ separator: String) -> [String] {
    split(separator: separator, omittingEmptySubsequences: false).map(String.init)
  }
}

@Suite("The page of a report")
struct HTMLReportTests {
  private static let attacks = [
    "</script><script>alert(1)</script>", "<!--<script>", "]]>--><img src=x onerror=alert(1)>",
    "\"' onmouseover=alert(1) style=x href=javascript:alert(1) \u{2028}\u{2029}\u{202E}",
    "</style><svg onload=x>",
    "\u{1B}]8;;http://x\u{1B}\\&lt;&amp;amp;", "</textarea></title></noscript><base href=//x>",
  ]

  /// A report in which everything that a project or a host can choose is an attack.
  private static func hostile(_ attack: String) throws -> Report {
    var evidence = try SampleReport.crashed()
    evidence.listening = [ListeningSocket(address: "::", port: 80, process: attack)]
    evidence.filesWritten = [WrittenFile(path: attack, bytes: 1, kind: "created")]
    var report = SampleReport.of(evidence, ai: .init(provider: attack, model: attack, summary: attack))
    report.project = .init(
      name: attack, source: attack, ecosystem: attack, framework: attack, packageManager: attack,
      runtimeVersion: attack, detectedFrom: [attack])
    report.egress = [EgressAttempt(host: attack, port: 443, phase: .start, allowed: false, count: 1)]
    report.plan.install = [attack]
    report.plan.start = attack
    report.plan.healthPath = attack
    report.plan.notes = [attack]
    report.plan.image = .init(reference: attack, digest: attack, reason: attack)
    report.plan.environment = [.init(name: attack, set: true, source: attack)]
    report.plan.sources = [.init("start", attack)]
    report.isolation.degraded = [.init(what: attack, why: attack, remedy: attack)]
    report.summary = attack
    report.again = attack
    for index in report.phases.indices {
      report.phases[index].command = [attack]
      report.phases[index].stdoutTail = [attack]
      report.phases[index].stderrTail = [attack]
      report.phases[index].samples = [ResourceSample(milliseconds: 1, memoryBytes: 1, processes: 1)]
    }
    report.findings[0].title = attack
    report.findings[0].message = attack
    report.findings[0].rule = attack
    report.findings[0].location = .init(file: attack, line: 1)
    report.findings[0].fix.summary = attack
    report.findings[0].fix.commands = [attack]
    report.findings[0].fix.patch = "+\(attack)\n-\(attack)"
    report.findings[0].evidence = [.init(kind: .log, phase: .start, stream: .stderr, line: 1, text: attack)]
    report.processes = [
      .init(OtherProcessEvidence(name: attack, run: nil, notRun: attack, isNeeded: true))
    ]
    return report
  }

  private static func recording(_ attack: String) -> Recording {
    Recording(lines: [
      .init(phase: .install, stream: .stdout, milliseconds: 5, text: attack),
      .init(phase: .start, process: attack, stream: .stderr, milliseconds: 7, text: attack),
    ])
  }

  @Test("makes nothing of a project's text a part of the page", arguments: attacks)
  func hostile(attack: String) throws {
    let plain = try Page(try Self.hostile("x"), Self.recording("x"))
    let page = try Page(try Self.hostile(attack), Self.recording(attack))
    // The same elements as a page that has nothing to fear, with the same attributes but those that hold text.
    func shape(_ tag: String) -> String {
      tag.components(" ")[0] + (tag.contains(" href=\"#") ? " link" : "")
    }
    #expect(page.tags.map(shape).filter { $0 != "span" } == plain.tags.map(shape).filter { $0 != "span" })
    #expect(page.elements("script").map(\.attributes) == plain.elements("script").map(\.attributes))
    #expect(page.html.components("<script").count == plain.html.components("<script").count)
    #expect(page.html.components("<!--").count == 1)
    for tag in page.tags {
      let outside = tag.components("\"").enumerated().filter { $0.offset.isMultiple(of: 2) }.map(\.element)
        .joined()
      for word in ["onerror", "onload", "onmouseover", "style=", "src=", "javascript:"] {
        #expect(!outside.contains(word), "\(tag)")
      }
    }
    #expect(!page.html.unicodeScalars.contains { $0 != "\n" && TerminalText.isHidden($0) })
    #expect(try page.lines.map(\.text) == [TerminalText.plain(attack), TerminalText.plain(attack)])
  }

  @Test("embeds the report as the document it is, also when its texts would end the script")
  func document() throws {
    let report = try Self.hostile(Self.attacks[0] + Self.attacks[3])
    let page = try Page(report)
    let json = try #require(page.elements("script").first { $0.attributes.contains("id=\"report\"") })
    #expect(!json.content.contains("<") && !json.content.contains("\u{2028}"))
    #expect(try JSONDecoder().decode(Report.self, from: Data(json.content.utf8)) == report)
  }

  @Test("allows its own style sheet and script by their hashes, and nothing else")
  func policy() throws {
    let page = try Page(SampleReport.of(Scenario.healthy()))
    let policy = try #require(page.html.components("Content-Security-Policy\" content=\"").dropFirst().first)
      .components("\">")[0]
    let script = try #require(page.elements("script").last)
    let style = try #require(page.elements("style").first)
    func source(_ text: String) -> String {
      "'sha256-\(Data(SHA256.bytes(of: text.utf8)).base64EncodedString())'"
    }
    #expect(
      policy == """
        default-src 'none'; style-src \(source(style.content)); script-src \(source(script.content)); \
        base-uri 'none'; form-action 'none'
        """)
    #expect(page.elements("script").filter { !$0.attributes.contains("type=") }.count == 1)
    // FIPS 180-4's own example.
    #expect(
      Data(SHA256.bytes(of: "abc".utf8)).base64EncodedString()
        == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=")
  }

  @Test("names nothing outside of itself, for every recorded failure")
  func selfContained() throws {
    for name in try Fixture.names() {
      let page = try Page(SampleReport.of(try Scenario.crashed(name)))
      for tag in page.tags {
        #expect(!tag.contains("src=") && !tag.hasPrefix("link") && !tag.contains("style="), "\(name): \(tag)")
        if tag.contains("href=") { #expect(tag.contains("href=\"#"), "\(name): \(tag)") }
      }
      let ids = page.tags.compactMap { tag in tag.components(" id=\"").dropFirst().first?.components("\"")[0]
      }
      #expect(Set(ids).count == ids.count, "\(name): an id twice")
    }
  }

  @Test("shows the verdict first, then the first finding with its fix, then the rest")
  func order() throws {
    let page = try Page(SampleReport.of(try SampleReport.crashed()))
    var rest = page.markup[...]
    for part in [
      "<h1>", "Not ready to deploy</h1>", "What to fix first",
      "Python module &#39;yaml&#39; is not installed",
      "ModuleNotFoundError", "Fix", "PyYAML", "Timeline", "Resources", "Log", "Network", "api.stripe.com",
      "refused", "Files written", "/app/data.db", "Plan", "Environment", "Isolation L3",
    ] {
      let place = try #require(rest.firstRange(of: part), "\(part) is missing or misplaced")
      rest = rest[place.upperBound...]
    }
  }

  @Test("a log's lines are there with stream, time and who wrote, and a finding leads to its own")
  func lines() throws {
    let evidence = try SampleReport.crashed()
    let report = SampleReport.of(evidence)
    let proof = try #require(report.findings[0].evidence.first { $0.kind == .log })
    var lines: [Recording.Line] = (1...3).map {
      .init(phase: .install, stream: .stdout, milliseconds: $0 * 40, text: "Collecting \($0)\t<x> & y")
    }
    lines += try #require(evidence.phase(.start)).log.map {
      .init(phase: .start, stream: $0.stream, milliseconds: 1000 + $0.milliseconds, text: $0.text)
    }
    let page = try Page(report, Recording(lines: lines))
    #expect(try page.lines.map(\.text) == lines.map(\.text))
    #expect(try page.lines.map(\.milliseconds) == lines.map(\.milliseconds))
    #expect(try page.lines.map(\.isError) == lines.map { $0.stream == .stderr })
    #expect(try page.data.sources == [["0", "install"], ["3", "start"]])
    let mark = try #require(try page.data.marks.first)
    #expect(mark[1] == 1 && lines[mark[0] - 1].text.trimmed == proof.text)
    #expect(page.markup.contains("<a href=\"#log-\(mark[0])\">"))
  }

  @Test("without a recording it shows what the report has, and finds a finding's line by its text")
  func excerpt() throws {
    let page = try Page(SampleReport.of(try SampleReport.crashed()))
    #expect(try !page.data.timed)
    let mark = try #require(try page.data.marks.first)
    #expect(try page.lines[mark[0] - 1].text.contains("No module named 'yaml'"))
  }

  @Test("what could not be kept of a log is told, and the numbers after it are right")
  func gap() throws {
    var recording = Recording(limitInBytes: 4 << 20)
    let text = String(repeating: "x", count: 1000)
    for number in 1...10_000 {
      recording.append(.init(phase: .start, stream: .stdout, milliseconds: number, text: "\(number) \(text)"))
    }
    var report = SampleReport.of(Scenario.healthy())
    report.findings = [
      Finding(
        rule: "r", category: .health, subject: "s", title: "t", message: "m", fix: .init("f"),
        evidence: [.init(kind: .log, phase: .stop, stream: .stdout, line: 9_999, text: "9999")])
    ]
    let page = try Page(report, recording)
    let data = try page.data
    #expect(recording.linesLeftOut > 4000 && data.gap[1] == recording.linesLeftOut)
    let lines = try page.lines
    #expect(lines[data.gap[0]].text.hasPrefix("\(data.gap[0] + 1 + data.gap[1]) "))
    #expect(data.marks == [[9_999, 1]])
    #expect(page.markup.contains("in the middle were not kept"))
  }

  @Test("tells of a finding that does not count last, closed, and why; nothing is to be fixed first then")
  func suppressed() throws {
    var report = SampleReport.of(try SampleReport.crashed())
    report.findings = [report.findings[0]]
    report.findings[0].suppression = Suppression(
      kind: .comment, reason: "<known>", location: .init(file: "app.py", line: 3))
    let page = try Page(report)
    let part = try #require(
      page.markup.components("<section id=\"findings\" aria-label=\"").dropFirst().first)
    #expect(part.hasPrefix("One finding that does not count\""))
    #expect(part.contains("Does not count, by a comment (app.py:3): &lt;known&gt;"))
    #expect(!page.markup.contains("What to fix first"))
    report.findings.append(report.findings[0])
    report.findings[1].suppression = nil
    let both = try Page(report).markup
    let open = try #require(both.components("What to fix first").dropFirst().first)
    #expect(open.components("id=\"suppressed\"")[0].contains("finding-2"))
  }

  @Test("shows a release command before the program that it prepares, and other processes where they ran")
  func processes() {
    var report = SampleReport.of(Scenario.healthy())
    report.startedAt = "2025-11-23T04:00:00.000Z"
    for index in report.phases.indices {
      report.phases[index].startedAt = "2025-11-23T04:00:0\(index * 2).000Z"
    }
    report.processes = [(1, "release"), (9, "worker")].map { second, name in
      var process = Report.Process(OtherProcessEvidence(name: name, run: nil, isNeeded: true))
      process.startedAt = "2025-11-23T04:00:0\(second).000Z"
      return process
    }
    #expect(
      HTMLSpan.all(of: report).map(\.name) == ["install", "release", "start", "probe", "stop", "worker"])
  }

  @Test("says of a project that is ready what it has shown, and of another one nothing of the kind")
  func seen() throws {
    var evidence = Scenario.healthy()
    evidence.listening = [ListeningSocket(address: "::", port: 8080)]
    evidence.settling = Settling(answeredAt: 450, milliseconds: 2000)
    let page = try Page(SampleReport.of(evidence)).markup
    for sentence in [
      "Its dependencies were installed in 3.2 s.", "It listened on [::]:8080 after 420 ms.",
      "It answered /healthz, and again after 2.0 s.", "It stopped within 210 ms",
    ] {
      #expect(page.contains(sentence))
    }
    #expect(page.contains("href=\"#seen\""))
    #expect(!(try Page(SampleReport.of(try SampleReport.crashed())).markup.contains("id=\"seen\"")))
  }

  @Test("is made of any numbers that a report may have, also of those nobody measured")
  func numbers() throws {
    for number in [Int.max, Int.min, -1, 0] {
      var report = SampleReport.of(try SampleReport.crashed())
      report.durationMilliseconds = number
      report.settlingMilliseconds = number
      report.plan.limits = .init(
        memoryBytes: Int64(number), cpus: number > 0 ? 1e308 : -1e308, pids: number,
        timeoutMilliseconds: number,
        diskBytes: Int64(number))
      report.plan.port = number
      report.filesystem.written = [WrittenFile(path: "x", bytes: Int64(number), kind: "created")]
      for index in report.phases.indices {
        report.phases[index].durationMilliseconds = number
        report.phases[index].startedAt = index == 0 ? "no time" : "9999-12-31T23:59:59.999Z"
        report.phases[index].resources = ResourceUse(
          cpuMilliseconds: number, memoryPeakBytes: Int64(number), processesPeak: number)
        report.phases[index].samples = [0, number, 5].map {
          ResourceSample(
            milliseconds: $0, memoryBytes: Int64($0), cpuMilliseconds: $0, processes: $0,
            writtenBytes: Int64($0))
        }
      }
      #expect(try Page(report).html.hasSuffix("</html>\n"))
    }
  }

  @Test("says in words what a report without anything has")
  func empty() throws {
    var report = SampleReport.of(Scenario.healthy(), full: false)
    report.phases = []
    report.findings = []
    report.listening = []
    let page = try Page(report)
    for words in [
      "Nothing was written.", "Nothing was sampled", "It listened on no port.", "It left no files",
    ] {
      #expect(page.markup.contains(words))
    }
    #expect(!page.html.contains("log-data\">"))
  }
}

@Suite("Markup")
struct MarkupTests {
  @Test("escapes what is interpolated as text, and nothing else")
  func escaping() {
    let part: Markup = "<b>\("<&>\"'")</b>"
    #expect(part.html == "<b>&lt;&amp;&gt;&quot;&#39;</b>")
    let none: Markup? = nil
    #expect(("\(part)\(none)\([part])\(5)" as Markup).html == part.html + part.html + "5")
    #expect(Markup.escaped("a\u{202E}b\u{1B}[31mc\nd") == "a\\u{202e}bc\nd")
  }
}
