import Formats
import Planning
import Testing
import TestSupport

@testable import AI

@Suite("The settings of an AI")
struct AISettingsTests {
  static func settings(
    _ values: [String: String], project: [String: String] = [:], environment: [String: String] = [:]
  ) throws(AIProblem) -> AISettings {
    var settings = Settings()
    for (key, value) in values { settings.variables.set(key, value, .variable("V")) }
    for (key, value) in project { settings.project.set(key, value, .file("preflight.toml:3")) }
    return try AISettings(settings, environment: environment)
  }

  @Test(
    "find the endpoint and its format by the path, and complete the address of an API",
    arguments: [
      ("https://api.openai.com/v1", nil, "https://api.openai.com/v1/chat/completions", "openai-chat"),
      ("https://api.openai.com/v1/responses", nil, "https://api.openai.com/v1/responses", "openai-responses"),
      ("https://api.anthropic.com", nil, "https://api.anthropic.com/v1/messages", "anthropic-messages"),
      (
        "https://api.anthropic.com/v1/messages", nil, "https://api.anthropic.com/v1/messages",
        "anthropic-messages"
      ),
      ("http://localhost:11434", nil, "http://localhost:11434/v1/chat/completions", "openai-chat"),
      ("http://localhost:1/v1/", "openai-responses", "http://localhost:1/v1/responses", "openai-responses"),
      (
        "https://h/gateway/llm?api-version=1", "anthropic-messages", "https://h/gateway/llm?api-version=1",
        "anthropic-messages"
      ),
      ("https://h/x/chat/completions?v=2", nil, "https://h/x/chat/completions?v=2", "openai-chat"),
    ] as [(String, String?, String, String)])
  func endpoint(address: String, format: String?, url: String, found: String) throws {
    var values = ["ai.url": address, "ai.model": "m"]
    values["ai.format"] = format
    let settings = try Self.settings(values)
    #expect(settings.url == url && settings.format.rawValue == found)
    #expect(settings.tokens == 8000 && settings.timeLimitMilliseconds == 60_000)
  }

  @Test("take the key from a variable alone, and send none unencrypted to another machine")
  func key() throws {
    let values = ["ai.url": "https://h/v1", "ai.model": "m"]
    #expect(try Self.settings(values).key == nil)
    #expect(try Self.settings(values, environment: ["PREFLIGHT_AI_KEY": "k"]).key == "k")
    let other = try Self.settings(
      values.merging(["ai.key-variable": "MINE"]) { $1 }, environment: ["MINE": "a", "PREFLIGHT_AI_KEY": "b"])
    #expect(other.key == "a" && other.keyVariable == "MINE")
    #expect(throws: AIProblem.self) {
      try Self.settings(values, environment: ["PREFLIGHT_AI_KEY": "a\r\nX: y"])
    }
    let plain = ["ai.url": "http://llm.corp.example/v1", "ai.model": "m"]
    #expect(try Self.settings(plain).host == "llm.corp.example")
    #expect(throws: AIProblem.self) { try Self.settings(plain, environment: ["PREFLIGHT_AI_KEY": "k"]) }
    for host in ["localhost:80", "127.0.0.1", "[::1]:9"] {
      let own = ["ai.url": "http://\(host)/v1", "ai.model": "m"]
      #expect(try Self.settings(own, environment: ["PREFLIGHT_AI_KEY": "k"]).key == "k", "\(host)")
    }
  }

  @Test("of a project choose nothing unless the user names the same endpoint")
  func project() throws {
    let project = [
      "ai.url": "https://evil.example/v1/messages", "ai.model": "dear", "ai.format": "openai-chat",
    ]
    let problem = #expect(throws: AIProblem.self) { try Self.settings([:], project: project) }
    #expect(problem?.message.contains("preflight.toml:3 names the endpoint https://evil.example") == true)
    #expect(throws: AIProblem.self) { try Self.settings(["ai.model": "m"], project: project) }
    let own = try Self.settings(["ai.url": "https://own.example/v1", "ai.model": "m"], project: project)
    #expect(own.host == "own.example" && own.model == "m" && own.format == .openAIChat)
    #expect(throws: AIProblem.self) {
      try Self.settings(["ai.url": "https://own.example/v1"], project: project)
    }
    let same = try Self.settings(["ai.url": "https://evil.example/v1/messages"], project: project)
    #expect(same.model == "dear" && same.format == .openAIChat)
    let both = try Self.settings(
      ["ai.url": "https://evil.example/v1/messages", "ai.model": "m"], project: project)
    #expect(both.model == "m")
  }

  @Test("say what is missing")
  func missing() {
    let address = #expect(throws: AIProblem.self) { try Self.settings([:]) }
    #expect(address?.message == "no endpoint is named: set PREFLIGHT_AI_URL")
    let model = #expect(throws: AIProblem.self) { try Self.settings(["ai.url": "https://h"]) }
    #expect(model?.message == "no model is named: set PREFLIGHT_AI_MODEL")
  }

  @Test(
    "become the request of their format, with own headers in the place of ours, and a preview without a key")
  func request() throws {
    let values = [
      "ai.url": "https://h/v1/messages", "ai.model": "m",
      "ai.headers": "X-Tenant: tenant-secret\nanthropic-version: 2099-01-01",
    ]
    let settings = try Self.settings(values, environment: ["PREFLIGHT_AI_KEY": "the-key"])
    let evidence = EvidenceDigest(SampleReport.crashed, redaction: Redaction(), tokens: 8000)
    let request = try AIRequest(settings, evidence: evidence)
    #expect(request.keyHeader?.name == "x-api-key")
    #expect(request.headers.filter { $0.name == "anthropic-version" }.map(\.value) == ["2099-01-01"])
    let preview = request.preview(settings)
    #expect(preview.hasPrefix("POST https://h/v1/messages\n") && preview.hasSuffix("\n\n" + request.body))
    #expect(
      preview.contains("x-api-key: [PREFLIGHT_AI_KEY, not shown]")
        && preview.contains("X-Tenant: [not shown]"))
    #expect(!preview.contains("the-key") && !preview.contains("tenant-secret"))
  }
}
