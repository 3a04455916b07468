import Ecosystems
import Formats
import Foundation

import Testing

@testable import Analysis
@testable import Reports

@Suite("A suppressed finding")
struct SuppressionTests {
  private func judged(_ texts: [String: String], baseline: [BaselineEntry] = []) throws -> (
    Judgement, Evidence
  ) {
    let evidence = try Scenario.crashed("python-module-import-name")
    return (
      Judgement(of: evidence).suppressing(commentsIn: texts, baseline: baseline, phases: evidence.phases),
      evidence
    )
  }

  private func rule() throws -> String { try judged([:]).0.findings[0].rule }

  @Test("does not count, is reported behind the others with its reason, and the verdict is no plain ready")
  func comment() throws {
    let rule = try rule()
    let (judgement, evidence) = try judged([
      "requirements.txt": "flask\n# preflight: ignore[\(rule)] not used in production"
    ])
    #expect(judgement.verdict == .readyWithWarnings)
    #expect(judgement.findings.count == 1)
    let suppression = try #require(judgement.findings.last?.suppression)
    #expect(suppression.kind == .comment && suppression.reason == "not used in production")
    #expect(suppression.location == Finding.Location(file: "requirements.txt", line: 2))
    let summary = Summary.sentence(judgement, evidence: evidence)
    #expect(summary == "shop has nothing new wrong; 1 finding is suppressed.")
  }

  @Test(
    "is one only where a comment names its rule, gives a reason, and stands in its file",
    arguments: [
      ("main.py", "# preflight: ignore[RULE] in another file"),
      ("requirements.txt", "# preflight: ignore[RULE]"),
      ("requirements.txt", "# preflight: ignore[other-rule] why"),
      ("requirements.txt", "# preflight: ignore[*] why"),
      ("requirements.txt", "x = 'preflight: ignore[RULE] in a text'"),
      ("requirements.txt", "# preflight: ignore RULE why"),
    ])
  func notSuppressed(file: String, text: String) throws {
    let (judgement, _) = try judged([file: text.replacing("RULE", with: try rule())])
    #expect(judgement.verdict == .notReady)
    #expect(judgement.findings.allSatisfy { $0.suppression == nil })
  }

  @Test("is one for the whole project where preflight.toml says so")
  func project() throws {
    let (judgement, _) = try judged(["preflight.toml": "port = 1 # preflight: ignore[\(try rule())] known"])
    #expect(judgement.findings.first?.suppression?.reason == "known")
  }

  @Test(
    "is at the comment's line or the next one",
    arguments: [(1, true), (2, true), (3, false), (nil, true)] as [(Int?, Bool)])
  func lines(line: Int?, isSuppressed: Bool) throws {
    var evidence = try SampleReport.crashed()
    evidence.phases[0].status = .passed
    var finding = Judgement(of: evidence).findings[0]
    finding.location = Finding.Location(file: "a.py", line: line)
    let judgement = Judgement(findings: [finding], phases: evidence.phases).suppressing(
      commentsIn: ["a.py": "// preflight: ignore[\(finding.rule)] why -->\n\n"], baseline: [],
      phases: evidence.phases)
    #expect((judgement.findings[0].suppression != nil) == isSuppressed)
    if isSuppressed { #expect(judgement.findings[0].suppression?.reason == "why") }
  }

  @Test("is one that the baseline knows, and a new one beside it counts")
  func baseline() throws {
    let known = try judged([:]).0.findings[0]
    let (judgement, evidence) = try judged([:], baseline: [BaselineEntry(known, reason: "ticket 7")])
    #expect(judgement.findings.map(\.suppression?.reason) == ["ticket 7"])
    var new = known
    new.fingerprint = "0123456789abcdef"
    let both = Judgement(findings: [known, new], phases: evidence.phases).suppressing(
      commentsIn: [:], baseline: [BaselineEntry(known)], phases: evidence.phases)
    #expect(both.verdict == .notReady && both.findings.first?.fingerprint == new.fingerprint)
  }

  @Test("is none that the sandbox or a service outside caused")
  func outside() throws {
    var finding = try judged([:]).0.findings[0]
    for (blame, isTransient) in [(Finding.Blame.sandbox, false), (.upstream, true)] {
      finding.blame = blame
      finding.isTransient = isTransient
      let judgement = Judgement(findings: [finding], phases: []).suppressing(
        commentsIn: ["preflight.toml": "# preflight: ignore[\(finding.rule)] hide it"],
        baseline: [BaselineEntry(finding)], phases: [])
      #expect(judgement.verdict == .inconclusive && judgement.findings[0].suppression == nil)
    }
  }

  @Test("leaves a note where nothing is there to suppress, and an interrupted check inconclusive")
  func unused() throws {
    let entry = BaselineEntry(try judged([:]).0.findings[0])
    var evidence = Scenario.healthy()
    func judge() -> Judgement {
      Judgement(of: evidence).suppressing(
        commentsIn: ["app.py": "# preflight: ignore[gone] why\n# preflight: ignore[\(entry.rule)]"],
        baseline: [entry], phases: evidence.phases)
    }
    #expect(judge().verdict == .ready)
    #expect(judge().findings.map(\.rule) == ["suppression-unused", "suppression-unused"])
    #expect(judge().findings.map(\.severity) == [.note, .note])
    #expect(judge().findings[0].title == "2 comments suppress nothing")
    #expect(judge().findings[1].title == "One entry of the baseline suppresses nothing")
    evidence.phases[1].endedBy = .interrupt
    #expect(judge().verdict == .inconclusive)
  }

  @Test("of a million comments costs no more than of a thousand")
  func many() {
    let text = String(repeating: "# preflight: ignore[x] y\n", count: 200_000)
    let evidence = Scenario.healthy()
    let judgement = Judgement(of: evidence).suppressing(
      commentsIn: ["a.py": text], baseline: [], phases: evidence.phases)
    #expect(judgement.findings[0].title == "1000 comments suppress nothing")
    #expect(judgement.findings[0].evidence.count == 20)
  }

  @Test("is in every report with its reason")
  func everywhere() throws {
    var report = SampleReport.of(try SampleReport.crashed())
    report.findings[0].suppression = Suppression(kind: .baseline, reason: "ticket-seven")
    for format in ReportFormats.all {
      #expect(try format.render(report, ReportStyle(width: 200)).contains("ticket-seven"), "\(format.name)")
    }
    #expect(GitHubSummary.render(report).contains("ticket-seven"))
    #expect(!GitHubReport.render(report, ReportStyle()).contains("::error"))
  }
}

@Suite("A baseline")
struct BaselineTests {
  @Test("holds what a report found, in an order of its own, and keeps the reasons of what it knew")
  func write() throws {
    let report = SampleReport.of(try SampleReport.crashed())
    let first = Baseline(of: report, reason: "because")
    #expect(first.findings.map(\.reason) == ["because"])
    #expect(try Baseline.read(Array(try first.text().utf8), named: "b") == first)
    let second = Baseline(of: report, reason: "other", keeping: first)
    #expect(second == first)
    var suppressed = report
    suppressed.findings[0].suppression = Suppression(kind: .comment, reason: "here")
    #expect(Baseline(of: suppressed).findings == [])
  }

  @Test(
    "that cannot be read is refused with what is wrong and where",
    arguments: [
      ("{", "is no JSON"), ("[]", "is JSON, but no baseline"),
      ("{\"verdict\": 1}", "is a report, not a baseline"),
      ("{\"schemaVersion\": \"9\", \"findings\": []}", "has the schema version \"9\""),
      ("{\"schemaVersion\": \"1\", \"findings\": [{}]}", "each finding needs fingerprint"),
      ("\u{0}", "is no JSON"),
    ])
  func refused(text: String, message: String) {
    let failure = #expect(throws: Failure.self) { try Baseline.read(Array(text.utf8), named: "b.json") }
    #expect(
      failure?.description.contains(message) == true && failure?.description.hasPrefix("b.json") == true)
    #expect(failure?.exitStatus == .usage)
  }
}

@Suite("A report that is read back")
struct ReportReaderTests {
  @Test("is the one that was written")
  func same() throws {
    for report in HostileReports.all() {
      #expect(try ReportReader.read(Array(try JSONReport.render(report).utf8), named: "r") == report)
    }
  }

  @Test("is refused where it is none, with what is wrong and where")
  func refused() throws {
    let good = try JSONReport.render(SampleReport.of(Scenario.healthy()))
    func message(_ text: String) -> String {
      let failure = #expect(throws: Failure.self) { try ReportReader.read(Array(text.utf8), named: "r.json") }
      #expect(failure?.exitStatus == .usage && failure?.remedy != nil)
      return failure?.headline ?? ""
    }
    #expect(message("").contains("is no JSON"))
    #expect(message("hello").hasPrefix("r.json:1: is no JSON"))
    #expect(message(String(good.prefix(good.count / 2))).contains("r.json:"))
    #expect(message(String(good.dropLast(3))).contains("is cut off"))
    #expect(message("{}") == "r.json: is JSON, but no report of a check")
    #expect(message(good + good).contains("more text after the document's end"))
    for (version, told) in [("1", "\"1\""), ("3", "\"3\"")] {
      let other = good.replacing("\"schemaVersion\" : \"2\"", with: "\"schemaVersion\" : \"\(version)\"")
      #expect(message(other) == "r.json: has the schema version \(told), and this preflight reads \"2\"")
    }
    #expect(message(good.replacing("\"again\"", with: "\"agian\"")).contains(".again is missing"))
    #expect(message(good.replacing("\"ready\"", with: "\"maybe\"")).contains(".verdict: "))
    #expect(message(good.replacing("\"schemaVersion\"", with: "\"schema\"")).contains("has no schemaVersion"))
    let invalid = #expect(throws: Failure.self) { try ReportReader.read([0xFF, 0xFE], named: "r") }
    #expect(invalid?.message == "is no text in UTF-8")
    #expect(message(String(repeating: "[", count: 1_000_000)).contains("nested too deeply"))
  }
}
