import FoundationEssentials
import Reports
import TestSupport
import Testing

@testable import Analysis

@Suite("The page in a browser", .needs(.chromium))
struct HTMLBrowserTests {
  /// What Tests/Harness/open-page saw.
  private struct Sight: Decodable {
    struct Anchor: Decodable {
      var text: String
      var wanted: String
      var inView: Bool
    }
    struct Message: Decodable {}
    struct Faint: Decodable {
      var text: String
      var ratio: Double

      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        text = try list.decode(String.self)
        ratio = try list.decode(Double.self)
      }
    }
    var console: [Message]
    var requests: [String]
    var faint: [Faint]
    var texts: Int
    var wider: Int
    var unnamed: Int
    var anchors: [String]
    var headings: [Int]
    var anchor: Anchor?
    var found: String
    var next: String
    var hit: String?
    var marked: String?
    var lastLine: String?
    var lastInView: Bool?
    var rows: Int?
    var title: String
  }

  private func look(at html: String, _ options: [String]) async throws -> (Sight, String) {
    let folder = try TemporaryDirectory()
    let page = folder.path + "/page.html"
    try Data(html.utf8).write(to: URL(filePath: page))
    let harness = Program(path: Repository.path("Tests", "Harness", "open-page"))
    let outcome = try await harness.run([page] + options)
    #expect(outcome.succeeded, "\(outcome)")
    return (try JSONDecoder().decode(Sight.self, from: Data(outcome.output.utf8)), outcome.output)
  }

  @Test(
    "has no error, no request and no faint text; search and anchors work, however long the log is",
    arguments: [(["--width", "400", "--dark"], 2000), (["--width", "1400"], 650_000)])
  func page(options: [String], lines: Int) async throws {
    let attack = "</script><img src=http://127.0.0.1:9/x onerror=alert(1)> & <b>"
    let evidence = try SampleReport.crashed()
    var report = SampleReport.of(evidence)
    report.project.name = attack
    report.findings.append(report.findings[0])
    report.findings[1].severity = .warning
    report.findings[1].message = attack
    report.phases[1].samples = (0..<50).map {
      ResourceSample(
        milliseconds: $0 * 10, memoryBytes: Int64($0) << 20, cpuMilliseconds: $0 * 7, processes: 2)
    }
    var recording = Recording()
    for number in 1...lines {
      recording.append(
        .init(phase: .install, stream: .stdout, milliseconds: number / 100, text: "l \(number)"))
    }
    for line in evidence.phase(.start)?.log ?? [] {
      recording.append(.init(phase: .start, stream: line.stream, milliseconds: 9500, text: line.text))
    }
    recording.append(.init(phase: .start, stream: .stderr, milliseconds: 9600, text: "the needle: " + attack))
    let html = try HTMLReport.render(report, ReportStyle(recording: recording))
    let (sight, output) = try await look(at: html, options + ["--search", "Needle: </script><img"])
    #expect(sight.console.isEmpty && sight.requests.isEmpty && sight.faint.isEmpty, "\(output)")
    #expect(sight.texts > 100 && sight.wider == 0 && sight.unnamed == 0 && sight.anchors.isEmpty, "\(output)")
    #expect(
      sight.headings.first == 1 && zip(sight.headings, sight.headings.dropFirst()).allSatisfy { $1 <= $0 + 1 }
    )
    let anchor = try #require(sight.anchor)
    #expect(anchor.text.trimmed == anchor.wanted.trimmed && anchor.inView, "\(output)")
    #expect(sight.found == "1 of 1 line" && sight.hit == "the needle: " + attack, "\(output)")
    #expect(sight.marked == "needle: </script><img")
    #expect(sight.lastLine == "\(recording.count)" && sight.lastInView == true, "\(output)")
    // Of all lines only those in view are elements.
    #expect((sight.rows ?? 0) < 80)
    #expect(sight.title.hasSuffix(attack))
  }
}
