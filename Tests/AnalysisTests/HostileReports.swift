import Reports

@testable import Analysis

/// Reports in which everything that a project supplies is an attack on a reader.
enum HostileReports {
  /// What a project may print, or call its files and variables.
  static let texts = [
    "\u{1B}[31mred\u{1B}]0;owned\u{07}", "::error file=app.py,line=1::injected", "\n::error::injected",
    "  ::set-env name=PATH::/evil", "x ##[set-env name=PATH]/evil", "]]>", "<![CDATA[x]]>", "a\0b",
    "\u{202E}txt.exe",
    "\u{FFFE}\u{FFFF}\u{B}\u{C}\u{1}", "<script>alert(1)</script>", "&amp;\"'<>", "%0A::error::x%25,:",
    "[click](https://evil.example)", "![x](https://evil.example/p.png)", "`````\n# Heading\n@everyone #1",
    "{0} {{1}} \\n \\", "../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "javascript:alert(1)",
    "a b#c?d",
    "日本語 \u{1F600}", "", String(repeating: "long ", count: 500),
  ]

  static func all() -> [Report] { texts.map(report) }

  /// A report in which `text` stands wherever a project may put one.
  static func report(_ text: String) -> Report {
    var evidence = Scenario.crashed(Fixture.log("boom \(text)\n\(text)"))
    evidence.project.name = text
    evidence.egress = [EgressAttempt(host: text, port: 443, phase: .start, allowed: false, count: 1)]
    evidence.filesWritten = [WrittenFile(path: text, bytes: 1, kind: "created")]
    var report = SampleReport.of(evidence)
    report.project.source = text
    report.again = text
    report.summary = text
    report.project.detectedFrom = [text, "requirements.txt"]
    report.findings = Finding.Severity.allCases.flatMap { severity in
      [nil, Finding.Location(file: text, line: 3), Finding.Location(file: text)].map { place in
        Finding(
          rule: "hostile-\(severity.rawValue)", category: .security, severity: severity,
          subject: "\(text) \(place?.line ?? 0)", title: "title \(text)", message: "message \(text)",
          fix: Finding.Fix("fix \(text)", commands: [], patch: text),
          evidence: [
            Finding.Proof(kind: .log, phase: .start, stream: .stderr, line: 1, text: text, file: text)
          ], location: place)
      }
    }
    report.findings[1].process = text
    report.findings[2].blame = .sandbox
    report.findings[5].suppression = Suppression(
      kind: .comment, reason: text, location: Finding.Location(file: text, line: 1))
    report.findings[8].suppression = Suppression(kind: .baseline, reason: text)
    return report
  }
}
