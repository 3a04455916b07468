import Reports
import Testing

@testable import Analysis

/// A command, as the runner of a GitHub workflow reads it out of a line of a log (actions/runner, ActionCommand).
private struct WorkflowCommand {
  var name: String
  var properties: [String: String] = [:]
  var data: String

  private static let names: Set = [
    "error", "warning", "notice", "debug", "group", "endgroup", "add-mask", "add-path", "set-env",
    "set-output",
    "save-state", "stop-commands", "add-matcher", "echo",
  ]

  init?(_ line: Substring) {
    if let command = WorkflowCommand(second: line) ?? WorkflowCommand(first: line) {
      self = command
    } else {
      return nil
    }
  }

  /// "::name a=b,c=d::data", behind any white space.
  private init?(second line: Substring) {
    let text = line.drop { $0.isWhitespace }
    guard text.hasPrefix("::"), let end = text.dropFirst(2).firstRange(of: "::") else { return nil }
    let head = text[text.index(text.startIndex, offsetBy: 2)..<end.lowerBound]
    name = String(head.prefix { $0 != " " })
    guard Self.names.contains(name) else { return nil }
    for pair in head.dropFirst(name.count).drop(while: { $0 == " " }).split(separator: ",") {
      let parts = pair.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { properties[String(parts[0])] = Self.unescape(parts[1], isProperty: true) }
    }
    data = Self.unescape(text[end.upperBound...], isProperty: false)
  }

  /// "##[name a=b]data", anywhere.
  private init?(first line: Substring) {
    guard let start = line.firstRange(of: "##["), let end = line[start.upperBound...].firstIndex(of: "]")
    else {
      return nil
    }
    name = String(line[start.upperBound..<end].prefix { $0 != " " })
    guard Self.names.contains(name) else { return nil }
    data = String(line[line.index(after: end)...])
  }

  private static func unescape(_ text: Substring, isProperty: Bool) -> String {
    let own = isProperty ? text.replacing("%3A", with: ":").replacing("%2C", with: ",") : text
    return String(
      own.replacing("%0D", with: "\r").replacing("%0A", with: "\n").replacing("%25", with: "%"))
  }
}

@Suite("The report for a GitHub workflow")
struct GitHubTests {
  private func commands(_ report: Report, _ style: ReportStyle = ReportStyle()) -> [WorkflowCommand] {
    GitHubReport.render(report, style).split(separator: "\n").compactMap { WorkflowCommand($0) }
  }

  @Test("annotates each finding at its place in the repository, escaped as actions/toolkit does")
  func annotations() throws {
    var report = SampleReport.of(try SampleReport.crashed())
    report.findings[0].title = "100%: a,b"
    report.findings[0].message = "first\nsecond%0A"
    let command = try #require(commands(report, ReportStyle(folder: "services/shop")).first)
    #expect(command.name == "error" && command.properties["title"] == "100%: a,b")
    #expect(command.properties["file"] == "services/shop/requirements.txt")
    #expect(command.data.hasPrefix("first\nsecond%0A\nSeen: ModuleNotFoundError"))
  }

  @Test("has the ten most important findings and the count of the rest")
  func most() throws {
    var report = SampleReport.of(try SampleReport.crashed())
    report.findings = Array(repeating: report.findings[0], count: 25)
    let told = commands(report)
    #expect(told.filter { $0.name == "error" }.count == 10)
    #expect(told.last?.name == "notice" && told.last?.data == "15 more findings, without an annotation")
  }

  @Test("says that nothing could be judged")
  func inconclusive() {
    var report = SampleReport.of(Scenario.healthy())
    report.verdict = .inconclusive
    report.summary = "no\nluck"
    #expect(commands(report).map(\.data) == ["no luck"])
  }

  @Test("lets no text of a project be a command", arguments: HostileReports.texts)
  func hostile(text: String) {
    for width in [40, 200] {
      for detail in [ReportStyle.Detail.usual, .verbose] {
        let told = commands(HostileReports.report(text), ReportStyle(width: width, detail: detail))
        #expect(
          told.map(\.name) == ["error", "error", "error", "warning", "warning", "notice", "notice"], "\(text)"
        )
        for command in told {
          #expect(Set(command.properties.keys).isSubset(of: ["file", "line", "title"]), "\(text)")
          #expect(command.properties["title"]?.hasPrefix("title") == true)
        }
      }
    }
  }

  @Test(
    "takes the sign of a command out of every line",
    arguments: [
      ("::error::x", "| ::error::x"), ("\t ::x", "| \t ::x"), ("a ##[error]x", "a # #[error]x"),
      ("a::b", "a::b"),
      ("", ""), ("\u{2003}::set-env::", "| \u{2003}::set-env::"), ("######[x]", "##### #[x]"),
    ])
  func lines(line: String, harmless: String) { #expect(WorkflowText.harmless(line) == harmless) }

  @Test("fits the page of a step into what GitHub takes, with the count of what is left out")
  func summary() throws {
    var report = HostileReports.report(String(repeating: "`\u{1F600}", count: 1000))
    report.findings = Array(repeating: report.findings[0], count: 100)
    let page = GitHubSummary.render(report, limit: 200_000)
    #expect(page.utf8.count <= 200_000 && page.utf8.count > 150_000)
    #expect(page.contains("more findings do not fit here."))
    #expect(GitHubSummary.mostBytes == 1 << 20)
    #expect(GitHubSummary.render(report, limit: 20_000).utf8.count <= 20_000)
    #expect(GitHubSummary.render(report, limit: 100) == "")
  }

  @Test("lets nothing of a project out of its code spans and blocks", arguments: HostileReports.texts)
  func markdown(text: String) {
    var outside = ""
    var fence: Substring?
    for line in GitHubSummary.render(HostileReports.report(text)).split(separator: "\n") {
      let ticks = line.prefix { $0 == "`" }
      if let open = fence {
        if ticks.count >= open.count, ticks == line { fence = nil }
      } else if ticks.count >= 3, line == ticks + "text" {
        fence = ticks
      } else {
        // Code spans: from a run of ticks to the next of the same length.
        var rest = line
        while let start = rest.firstIndex(of: "`") {
          outside += rest[..<start]
          let run = rest[start...].prefix { $0 == "`" }
          rest = rest[run.endIndex...]
          guard let end = Self.closing(run.count, in: rest) else { break }
          rest = rest[end...]
        }
        outside += rest + "\n"
      }
    }
    #expect(fence == nil)
    for sign in ["evil", "<", "@", "](", "script", "passwd", "Heading"] {
      #expect(!outside.contains(sign), "\(text): \(outside)")
    }
  }

  private static func closing(_ length: Int, in text: Substring) -> Substring.Index? {
    var rest = text
    while let start = rest.firstIndex(of: "`") {
      let run = rest[start...].prefix { $0 == "`" }
      if run.count == length { return run.endIndex }
      rest = rest[run.endIndex...]
    }
    return nil
  }
}
