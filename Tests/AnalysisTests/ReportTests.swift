import Ecosystems
import Formats
import FoundationEssentials
import Reports
import Testing
import TestSupport

@testable import Analysis

enum SampleReport {
  /// A report with every optional part filled in.
  static func of(_ evidence: Evidence, ai: Report.AI? = nil, full: Bool = true) -> Report {
    Report(
      tool: Report.Tool(version: "0.1.0"), startedAt: 1_763_870_400.25, durationMilliseconds: 12_430,
      evidence: evidence,
      judgement: Judgement(of: evidence),
      project: Report.Project(
        name: evidence.project.name, source: ".", ecosystem: evidence.project.ecosystem,
        framework: full ? "Flask" : nil,
        packageManager: full ? "pip" : nil, runtimeVersion: evidence.project.runtimeVersion,
        detectedFrom: ["requirements.txt"]),
      plan: full
        ? Report.Plan(
          image: Report.Plan.Image(reference: "python:3.11", digest: "sha256:00"),
          install: ["pip install -r requirements.txt"],
          start: "python main.py", port: 8080, healthPath: "/healthz",
          environment: [Report.Plan.Variable(name: "PORT", set: true, source: "platform")],
          limits: Report.Plan.Limits(
            memoryBytes: 512 << 20, cpus: 1.5, pids: 128, timeoutMilliseconds: 600_000), network: "registries"
        )
        : Report.Plan(network: "none"),
      isolation: Report.Isolation(
        level: "L3", userNamespace: true, cgroup: full ? "none" : "v2", seccomp: true, landlock: false,
        network: "own namespace, allow-list proxy",
        degraded: full
          ? [
            Report.Isolation.Degradation(
              what: "memory limit by watchdog", why: "no cgroup is delegated to this user",
              remedy: "run under systemd-run --user --scope -p Delegate=yes")
          ] : []),
      logFiles: [.start: "/home/me/.cache/preflight/logs/start.log"], ai: ai)
  }

  static func crashed() throws -> Evidence {
    var evidence = try Scenario.crashed("python-module-import-name")
    evidence.egress = [
      EgressAttempt(host: "pypi.org", port: 443, phase: .install, allowed: true, count: 3),
      EgressAttempt(host: "api.stripe.com", port: nil, phase: .start, allowed: false, count: 1),
    ]
    evidence.filesWritten = [WrittenFile(path: "/app/data.db", bytes: 4096, kind: "created")]
    evidence.phases[1].resources = ResourceUse(
      cpuMilliseconds: 100, memoryPeakBytes: 40 << 20, processesPeak: 2, oomKills: 0, bytesWritten: 0)
    return evidence
  }
}

@Suite("The JSON report")
struct JSONReportTests {
  private func validator() throws -> SchemaValidator {
    try SchemaValidator(try Fixture.file("docs/report.schema.json"))
  }

  @Test("is valid by the published schema, with and without its optional parts")
  func schema() throws {
    let validator = try validator()
    let reports = [
      SampleReport.of(try SampleReport.crashed(), ai: Report.AI(provider: "p", model: "m", summary: "s")),
      SampleReport.of(Scenario.healthy(), full: false), SampleReport.of(Scenario.healthy(Scenario.node)),
    ]
    for report in reports {
      #expect(try validator.problems(in: try JSONReport.render(report)) == [])
    }
  }

  @Test("is valid for every recorded failure")
  func everyFixture() throws {
    let validator = try validator()
    for name in try Fixture.names() {
      for evidence in [try Scenario.installFailed(name), try Scenario.crashed(name)] {
        #expect(try validator.problems(in: try JSONReport.render(SampleReport.of(evidence))) == [], "\(name)")
      }
    }
  }

  @Test("is refused by the schema when it is not as promised")
  func schemaBites() throws {
    let validator = try validator()
    let document = try JSONReport.render(SampleReport.of(try SampleReport.crashed()))
    for (good, bad) in [
      ("\"not-ready\"", "\"bad\""), ("\"schemaVersion\" : \"2\"", "\"schemaVersion\" : \"3\""),
      ("\"blame\"", "\"blamed\""),
      ("\"durationMilliseconds\" : 12430", "\"durationMilliseconds\" : -1"),
      ("\"dependency-missing\"", "\"other\""),
      ("\"fingerprint\" : \"", "\"fingerprint\" : \"x"),
    ] {
      let broken = document.replacing(good, with: bad, maxReplacements: 1)
      #expect(broken != document)
      #expect(try !validator.problems(in: broken).isEmpty, "\(bad)")
    }
  }

  @Test("lists in the schema exactly the values the program knows")
  func enumerations() throws {
    let schema = try Fixture.file("docs/report.schema.json")
    let values =
      Finding.Category.allCases.map(\.rawValue) + Finding.Blame.allCases.map(\.rawValue)
      + Finding.Severity.allCases.map(\.rawValue)
      + Finding.Confidence.allCases.map(\.rawValue) + Finding.Proof.Kind.allCases.map(\.rawValue)
      + Verdict.allCases.map(\.rawValue)
      + PhaseEvidence.Name.allCases.map(\.rawValue)
    for value in values { #expect(schema.contains("\"\(value)\""), "\(value)") }
  }

  @Test("is one document with sorted keys and plain slashes, and reads back as the same report")
  func form() throws {
    let report = SampleReport.of(try SampleReport.crashed())
    let text = try JSONReport.render(report)
    #expect(text.hasPrefix("{\n") && text.hasSuffix("}\n"))
    #expect(!text.contains("\\/"))
    #expect(text.contains("\"startedAt\" : \"2025-11-23T04:00:00.250Z\""))
    #expect(try JSONDecoder().decode(Report.self, from: Data(text.utf8)) == report)
  }

  @Test("keeps the last twenty lines of each stream")
  func tails() throws {
    var evidence = Scenario.healthy()
    evidence.phases[1].log = (1...50).map {
      LogLine(
        number: $0, milliseconds: 0, stream: $0.isMultiple(of: 2) ? .stdout : .stderr, text: "line \($0)")
    }
    let phase = SampleReport.of(evidence).phases[1]
    #expect(
      phase.stdoutTail.count == 20 && phase.stdoutTail.last == "line 50"
        && phase.stdoutTail.first == "line 12")
    #expect(phase.stderrTail.last == "line 49")
    #expect(SampleReport.of(evidence).phases[0].stdoutTail.isEmpty)
  }

  @Test("sums up in one sentence")
  func summary() throws {
    #expect(SampleReport.of(Scenario.healthy()).summary == "shop is ready to deploy.")
    let failed = SampleReport.of(try Scenario.crashed("python-module-missing")).summary
    #expect(failed == "shop is not ready to deploy: Python module 'requests' is not installed.")
  }
}

@Suite("The text report")
struct TextReportTests {
  @Test("shows verdict, cause, place, fix, isolation, egress and what to run next, in this order")
  func order() throws {
    let text = TextReport.render(
      SampleReport.of(try SampleReport.crashed()), ReportStyle(width: 100, color: false))
    let expected = [
      "NOT READY", "Python module 'yaml' is not installed", "start:7",
      "ModuleNotFoundError: No module named 'yaml'", "requirements.txt",
      "fix", "PyYAML", "isolation", "degraded", "systemd-run", "egress", "pypi.org",
      "REFUSED: api.stripe.com", "again", "preflight check",
    ]
    var rest = text[...]
    for part in expected {
      let place = try #require(rest.firstRange(of: part), "\(part) is missing or misplaced")
      rest = rest[place.upperBound...]
    }
  }

  @Test("keeps to the width", arguments: [40, 60, 80, 100, 200])
  func width(columns: Int) throws {
    for name in try Fixture.names() {
      let text = TextReport.render(
        SampleReport.of(try Scenario.crashed(name)), ReportStyle(width: columns, color: false))
      for line in text.split(separator: "\n") { #expect(line.columns <= columns, "\(name): \(line)") }
    }
    for report in HostileReports.all() {
      for detail in ReportStyle.Detail.allCases {
        let text = TextReport.render(report, ReportStyle(width: columns, detail: detail))
        for line in text.split(separator: "\n") { #expect(line.columns <= columns, "\(line)") }
      }
    }
  }

  @Test("tells less when quiet, and all that it knows when verbose")
  func detail() throws {
    let report = SampleReport.of(try SampleReport.crashed())
    func render(_ detail: ReportStyle.Detail) -> String {
      TextReport.render(report, ReportStyle(width: 100, detail: detail))
    }
    #expect(render(.quiet).split(separator: "\n").count <= 5)
    #expect(render(.quiet).contains("NOT READY") && render(.quiet).contains("fix "))
    #expect(!render(.usual).contains("/app/data.db"))
    for part in [
      "/app/data.db created", "PORT set", "start: api.stripe.com refused", "40 MiB of memory at most",
    ] {
      #expect(render(.verbose).contains(part), "\(part)")
    }
    #expect(render(.verbose).contains("stderr     Traceback"))
  }

  @Test("keeps a label and its text apart, however long the log was")
  func longLog() throws {
    var report = SampleReport.of(try SampleReport.crashed())
    report.findings[0].evidence[0].line = 10_240_001
    #expect(TextReport.render(report, ReportStyle(width: 100, color: false)).contains("start:10240001\n   "))
  }

  @Test("uses colours only when asked to")
  func colour() throws {
    let report = SampleReport.of(try SampleReport.crashed())
    #expect(!TextReport.render(report, ReportStyle(width: 80, color: false)).contains("\u{1B}"))
    #expect(
      TextReport.render(report, ReportStyle(width: 80, color: true)).contains(
        "\u{1B}[1;31mNOT READY\u{1B}[0m"))
  }

  @Test("lets nothing the program wrote act on the terminal")
  func hostile() throws {
    let attack = "\u{1B}]0;owned\u{07}\u{1B}[2J\u{1B}[1;1Hready\r\u{9B}31m\u{202E}txt\u{08}\u{0}"
    let log = Fixture.log(
      "Traceback (most recent call last):\n  File \"/app/ma\u{1B}[31min.py\", line 1, in <module>\nValueError: \(attack)"
    )
    var evidence = Scenario.crashed(log)
    evidence.project.name = "shop\u{1B}[2J"
    evidence.egress = [
      EgressAttempt(host: "evil\u{1B}[31m.example", port: 443, phase: .start, allowed: false, count: 1)
    ]
    var report = SampleReport.of(evidence)
    report.project.source = "a\u{1B}[2Jb; rm -rf /"
    let text = TextReport.render(report, ReportStyle(width: 100, color: false))
    let isHarmless = text.unicodeScalars.allSatisfy {
      $0 == "\n" || ($0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value) && $0.value != 0x202E)
    }
    #expect(isHarmless)
    #expect(text.contains("ready"))
    #expect(!text.contains("owned"))
  }

  @Test("quotes a source that a shell would read otherwise")
  func quoting() {
    var report = SampleReport.of(Scenario.healthy())
    report.again = ShellWords.join(Invocation(source: "my app/it's").words())
    #expect(
      TextReport.render(report, ReportStyle(width: 100, color: false)).contains(
        #"preflight check 'my app/it'\''s'"#))
  }

  @Test("says ready in few lines")
  func ready() {
    let text = TextReport.render(
      SampleReport.of(Scenario.healthy(), full: false), ReportStyle(width: 100, color: false))
    #expect(text.hasPrefix("READY"))
    #expect(text.split(separator: "\n").count <= 8)
  }
}

@Suite("Text for a terminal")
struct TerminalTextTests {
  @Test(
    "loses escape sequences and control characters",
    arguments: [
      ("plain", "plain"), ("\u{1B}[1;31mred\u{1B}[0m", "red"), ("a\tb", "a b"),
      ("\u{1B}]8;;http://x\u{1B}\\link\u{1B}]8;;\u{1B}\\", "link"),
      ("\u{1B}(Bx", "x"), ("bell\u{07}", "bell\u{FFFD}"), ("50%\r100%", "50% 100%"), ("line\r", "line"),
      ("\u{1B}", ""), ("\u{1B}[", ""),
      ("\u{1B}]0;unterminated", ""), ("über 日本", "über 日本"), ("\u{9B}2Jx", "x"),
    ])
  func plain(input: String, output: String) { #expect(TerminalText.plain(input) == output) }

  @Test(
    "shows marks of direction, C1 controls and what has no width, of every plane",
    arguments: [
      ("admin\u{202E}gpj.exe", "admin\\u{202e}gpj.exe", #"admin\u202egpj.exe"#),
      ("re\u{200B}quests", "re\\u{200b}quests", #"re\u200bquests"#),
      ("\u{FEFF}a\u{2060}b\u{AD}c", "\\u{feff}a\\u{2060}b\\u{ad}c", #"\ufeffa\u2060b\u00adc"#),
      ("\u{61C}\u{2066}x\u{2069}", "\\u{61c}\\u{2066}x\\u{2069}", #"\u061c\u2066x\u2069"#),
      ("tag\u{E0041}", "tag\\u{e0041}", #"tag\udb40\udc41"#),
      ("\u{3164}\u{115F}", "\\u{3164}\\u{115f}", #"\u3164\u115f"#),
      ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}", #"a\u2028b\u2029"#),
      ("a\u{85}b\u{8D}", "a\u{FFFD}b\u{FFFD}", #"a\u0085b\u008d"#),
      ("\u{9D}0;title\u{9C}x\u{7F}", "\u{FFFD}0;title\u{FFFD}x\u{FFFD}", #"\u009d0;title\u009cx\u007f"#),
      ("ok \u{26A0}\u{FE0F} é 日本 שלום", "ok \u{26A0}\u{FE0F} é 日本 שלום", "ok \u{26A0}\u{FE0F} é 日本 שלום"),
    ])
  func hidden(text: String, plain: String, json: String) throws {
    #expect(TerminalText.plain(text) == plain)
    #expect(TerminalText.lines("\(text)\n\(text)\n") == "\(plain)\n\(plain)\n")
    let document = try JSONText.encode([text: [text, "plain"]])
    #expect(document == "{\n  \"\(json)\" : [\n    \"\(json)\",\n    \"plain\"\n  ]\n}\n")
    #expect(
      try JSONDecoder().decode([String: [String]].self, from: Data(document.utf8)) == [text: [text, "plain"]])
  }

  @Test("a report has nothing hidden in it, whatever the project's names are")
  func report() throws {
    var report = SampleReport.of(Scenario.healthy(), full: false)
    report.project.name = "shop\u{202E}\u{200B}\u{9B}2J"
    let documents = [
      try JSONReport.render(report), TextReport.render(report, ReportStyle(width: 100, color: false)),
    ]
    for document in documents {
      #expect(!document.unicodeScalars.contains { $0 != "\n" && TerminalText.isHidden($0) }, "\(document)")
    }
    #expect(documents[0].contains(#"shop\u202e\u200b\u009b2J"#))
    #expect(documents[1].contains("shop\\u{202e}\\u{200b}"))
  }

  @Test(
    "counts the columns of wide characters, marks and pictures",
    arguments: [
      ("abc", 3), ("日本", 4), ("e\u{301}", 1), ("\u{1F600}", 2), ("\u{26A0}\u{FE0F}", 2), ("ｆ", 2), ("한", 2),
      ("שלום", 4), ("", 0), ("\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", 2),
    ])
  func columns(text: String, columns: Int) {
    #expect(text.columns == columns)
    #expect(
      TextColumns.wrap(String(repeating: text + " ", count: 20), to: 10).allSatisfy { $0.columns <= 10 })
  }

  @Test("wraps at spaces and cuts what is longer than a line")
  func wrapping() {
    #expect(TextColumns.wrap("one two three", to: 7) == ["one two", "three"])
    #expect(TextColumns.wrap("abcdefghij", to: 4) == ["abcd", "efgh", "ij"])
    #expect(TextColumns.wrap("one two three four", to: 8, limit: 2) == ["one two", "three..."])
    #expect(TextColumns.wrap("", to: 8) == [""])
  }
}
