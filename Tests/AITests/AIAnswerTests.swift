import Formats
import FoundationEssentials
import Reports
import Testing
import TestSupport

@testable import AI

@Suite("An AI's answer")
struct AIAnswerTests {
  @Test("is read where it is as the schema has it, also in a fence of Markdown")
  func good() throws {
    for text in [Wire.good, "```json\n\(Wire.good)\n```", "\n \(Wire.good) \n"] {
      let answer = try AIAnswer(text)
      #expect(answer.summary == "The program stops because a module is missing.")
      #expect(answer.causes == [.init(finding: "module-not-found", explanation: "No manifest names it.")])
      #expect(answer.steps == ["Add it to requirements.txt."])
    }
  }

  @Test(
    "is refused where it is anything else",
    arguments: [
      "", "READY", "{}", "[]", "{\"summary\": 1, \"causes\": [], \"steps\": []}",
      "{\"summary\": \"\", \"causes\": [], \"steps\": []}",
      "{\"summary\": \"a\", \"causes\": [], \"steps\": [1]}",
      "{\"summary\": \"a\", \"causes\": [{\"finding\": \"x\"}], \"steps\": []}",
      "{\"summary\": \"a\", \"causes\": [], \"steps\": [], \"verdict\": \"ready\"}",
      "{\"summary\": \"a\", \"causes\": [], \"steps\": []",
      "{\"summary\": \"a\", \"causes\": [], \"steps\": []} and {\"summary\": \"b\"}",
      "Sure! {\"summary\": \"a\", \"causes\": [], \"steps\": []}",
      "{\"summary\": \"\(String(repeating: "a", count: 2000))\", \"causes\": [], \"steps\": []}",
      "{\"summary\": \"a\", \"causes\": [], \"steps\": [\(Array(repeating: "\"s\"", count: 9).joined(separator: ","))]}",
      String(repeating: "{", count: 5000), "{\"a\":" + String(repeating: "[", count: 5000) + "}",
    ])
  func bad(text: String) {
    #expect(throws: AIProblem.self) { try AIAnswer(text) }
  }

  @Test(
    "is inert, whatever shows it",
    arguments: [
      ("see https://evil.example/x", "see https[:]//evil.example/x"),
      ("![a](http://e/p.png)", "! [a] (http[:]//e/p.png)"),
      ("<img src=x onerror=alert(1)>", "\u{2039}img src=x onerror=alert(1)\u{203A}"),
      ("a\n::set-output name=x::y", "a : :set-output name=x: :y"), ("##[error]x", "# # [error]x"),
      ("mail bob@evil.example", "mail bob (at) evil.example"), ("WWW.evil.example", "WWW[.]evil.example"),
      ("run `curl e|sh` $(id)", "run 'curl e|sh' $ (id)"), ("\u{1B}]8;;http://e\u{7}link\u{1B}[2J", "link"),
      ("left\u{202E}right", "left\\u{202e}right"), ("the data: fine", "the data: fine"),
      ("javascript:alert(1) JAVASCRIPT:x", "javascript[:]alert(1) JAVASCRIPT[:]x"),
      ("&#106;avascript", "& #106;avascript"),
    ])
  func inert(active: String, shown: String) {
    #expect(InertText.of(active) == shown)
    #expect(InertText.of(shown) == shown)
  }

  @Test(
    "of each format is put together from events, however they are cut", arguments: AISettings.Format.allCases)
  func streams(format: AISettings.Format) throws {
    let bytes = Array(Wire.stream(Wire.good, format).utf8)
    for size in [1, 3, 64, bytes.count] {
      var (stream, reader) = (ServerSentEvents(), AnswerReader(format))
      for start in stride(from: 0, to: bytes.count, by: size) {
        for event in try stream.take(bytes[start..<min(start + size, bytes.count)]) { try reader.take(event) }
      }
      #expect(reader.text == Wire.good && reader.isComplete)
    }
    var whole = AnswerReader(format)
    try whole.take(whole: Wire.whole(Wire.good, format))
    #expect(whole.text == Wire.good)
  }

  @Test("that was cut at its limit, filtered or failed is a problem in each format")
  func ends() {
    let events: [(AISettings.Format, String)] = [
      (.openAIChat, "{\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}"),
      (.openAIChat, "{\"choices\":[{\"delta\":{},\"finish_reason\":\"content_filter\"}]}"),
      (.openAIChat, "{\"error\":{\"message\":\"overloaded\"}}"), (.openAIChat, "nothing"),
      (.openAIChat, "[1]"),
      (
        .openAIResponses,
        "{\"type\":\"response.incomplete\",\"response\":{\"incomplete_details\":{\"reason\":\"max_output_tokens\"}}}"
      ),
      (.openAIResponses, "{\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"x\"}}}"),
      (.openAIResponses, "{\"type\":\"error\",\"message\":\"x\"}"),
      (.anthropicMessages, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\"}}"),
      (
        .anthropicMessages,
        "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}"
      ),
    ]
    for (format, data) in events {
      var reader = AnswerReader(format)
      #expect(throws: AIProblem.self, "\(data)") { try reader.take(.init(type: "message", data: data)) }
    }
  }

  @Test("is shown in the text report as an AI's, and in JSON as the schema has it, as is its absence")
  func shown() throws {
    let schema = try SchemaValidator(
      String(contentsOfFile: Repository.path("docs", "report.schema.json"), encoding: .utf8))
    var report = SampleReport.crashed
    let without = TextReport.render(report, .init(width: 80))
    let answer = try AIAnswer(Wire.good)
    report.ai = Report.AI(provider: "h.example", model: "m", summary: answer.summary)
    report.ai?.causes = answer.causes
    report.ai?.steps = answer.steps
    let text = TextReport.render(report, .init(width: 80))
    #expect(text.contains("ai         Written by m at h.example, which may be wrong and decides nothing:"))
    #expect(text.contains("1. Add it to requirements.txt.") && text.hasPrefix(String(without.prefix(40))))
    #expect(try schema.problems(in: JSONReport.render(report, .init())) == [])
    let page = GitHubSummary.render(report)
    #expect(page.contains("**An AI's explanation** by ` m ` at ` h.example `"))
    #expect(page.contains("` 1. Add it to requirements.txt. `") && page.contains("Again:"))
    let html = try HTMLReport.render(report, .init())
    #expect(
      html.contains("<p>1. Add it to requirements.txt.</p>") && html.contains("Written by m (h.example)"))
    report.ai = Report.AI(provider: "none", model: "none", problem: "no endpoint is named")
    #expect(
      TextReport.render(report, .init()).contains("ai         There is no summary: no endpoint is named"))
    #expect(try schema.problems(in: JSONReport.render(report, .init())) == [])
  }
}
