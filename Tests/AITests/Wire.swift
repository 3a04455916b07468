import FoundationEssentials
import Planning
import TestSupport

@testable import AI

/// How each wire format says things.
enum Wire {
  static let good = """
    {"summary": "The program stops because a module is missing.", "causes": [{"finding": "module-not-found", \
    "explanation": "No manifest names it."}], "steps": ["Add it to requirements.txt."]}
    """

  /// A string as JSON.
  static func quoted(_ text: String) -> String {
    let data = try? JSONEncoder().encode(text)
    return data.map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }

  static let events = AIServer.Step.head(200, ["Content-Type": "text/event-stream; charset=utf-8"])

  /// A whole streamed answer, its text in pieces of a few characters.
  static func stream(_ text: String, _ format: AISettings.Format, isWhole: Bool = true) -> String {
    var pieces: [String] = []
    var rest = text[...]
    while !rest.isEmpty {
      pieces.append(String(rest.prefix(7)))
      rest = rest.dropFirst(7)
    }
    switch format {
    case .openAIChat:
      return
        "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
        + pieces.map {
          "data: {\"choices\":[{\"delta\":{\"content\":\(quoted($0))},\"finish_reason\":null}]}\n\n"
        }.joined()
        + (isWhole
          ? "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n" : "")
    case .openAIResponses:
      return "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{}}\n\n"
        + pieces.map {
          "event: response.output_text.delta\n"
            + "data: {\"type\":\"response.output_text.delta\",\"delta\":\(quoted($0))}\n\n"
        }.joined()
        + (isWhole
          ? "event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{}}\n\n" : "")
    case .anthropicMessages:
      return
        "event: message_start\r\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":9}}}\r\n\r\n"
        + "event: ping\ndata: {\"type\": \"ping\"}\n\n"
        + "event: content_block_start\n"
        + "data: {\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
        + pieces.map {
          "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
            + "\"delta\":{\"type\":\"text_delta\",\"text\":\(quoted($0))}}\n\n"
        }.joined()
        + (isWhole
          ? "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n"
            + "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n" : "")
    }
  }

  /// The same in one document.
  static func whole(_ text: String, _ format: AISettings.Format) -> String {
    switch format {
    case .openAIChat: "{\"choices\":[{\"message\":{\"content\":\(quoted(text))},\"finish_reason\":\"stop\"}]}"
    case .openAIResponses:
      "{\"output\":[{\"content\":[{\"type\":\"output_text\",\"text\":\(quoted(text))}]}]}"
    case .anthropicMessages:
      "{\"content\":[{\"type\":\"text\",\"text\":\(quoted(text))}],\"stop_reason\":\"end_turn\"}"
    }
  }

  /// How a model of each format refuses.
  static func refusal(_ format: AISettings.Format) -> String {
    switch format {
    case .openAIChat:
      "data: {\"choices\":[{\"delta\":{\"refusal\":\"I cannot\"},\"finish_reason\":null}]}\n\n"
    case .openAIResponses:
      "event: response.refusal.delta\ndata: {\"type\":\"response.refusal.delta\",\"delta\":\"I cannot\"}\n\n"
    case .anthropicMessages:
      "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"refusal\"}}\n\n"
    }
  }

  /// Settings that ask a server. On a busy machine all takes its time.
  static func settings(
    _ server: AIServer, _ format: AISettings.Format, key: String? = "the-key-of-the-test",
    timeout: String = "30m",
    path: String? = nil, headers: String = ""
  ) throws -> AISettings {
    var settings = Settings()
    settings.variables.set("ai.url", server.url + (path ?? "/v1" + format.path), .byDefault)
    settings.variables.set("ai.model", "a-model", .byDefault)
    settings.variables.set("ai.timeout", timeout, .byDefault)
    if !headers.isEmpty { settings.variables.set("ai.headers", headers, .byDefault) }
    return try AISettings(settings, environment: key.map { ["PREFLIGHT_AI_KEY": $0] } ?? [:])
  }
}
