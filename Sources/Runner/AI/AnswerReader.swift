import Formats

/// Puts the text of an answer together from the events of one of the wire formats, or from a document where a server
/// does not stream.
struct AnswerReader {
  let format: AISettings.Format
  private(set) var text = ""
  /// Whether the server said that this is all.
  private(set) var isComplete = false

  /// What a summary may have at most, before it is looked at.
  private static let longest = 64 << 10

  init(_ format: AISettings.Format) { self.format = format }

  /// Takes an event.
  ///
  /// - Throws: what the server or the model refuses, or what is no answer of this format.
  mutating func take(_ event: ServerSentEvents.Event) throws(AIProblem) {
    if event.data.trimmingSpace() == "[DONE]" {
      isComplete = true
      return
    }
    let value = try Self.document(event.data)
    try Self.refuseError(value)
    switch format {
    case .openAIChat: try takeChunk(value)
    case .openAIResponses: try takeResponse(value, value["type"]?.string ?? event.type)
    case .anthropicMessages: try takeMessage(value, value["type"]?.string ?? event.type)
    }
  }

  /// Takes a whole answer that was not streamed.
  mutating func take(whole document: String) throws(AIProblem) {
    let value = try Self.document(document)
    try Self.refuseError(value)
    switch format {
    case .openAIChat:
      let choice = value["choices"]?.array?.first
      if let refusal = choice?["message", "refusal"]?.string { throw Self.refusal(refusal) }
      try append(choice?["message", "content"]?.string)
      try end(choice?["finish_reason"]?.string)
    case .openAIResponses:
      for item in value["output"]?.array ?? [] {
        for part in item["content"]?.array ?? [] {
          if let refusal = part["refusal"]?.string { throw Self.refusal(refusal) }
          try append(part["text"]?.string)
        }
      }
      try end(value["incomplete_details", "reason"]?.string)
    case .anthropicMessages:
      for part in value["content"]?.array ?? [] { try append(part["text"]?.string) }
      try end(value["stop_reason"]?.string)
    }
    isComplete = true
  }

  // MARK: Formats

  private mutating func takeChunk(_ value: DocumentValue) throws(AIProblem) {
    guard let choice = value["choices"]?.array?.first else { return }
    if let refusal = choice["delta", "refusal"]?.string, !refusal.isEmpty { throw Self.refusal(refusal) }
    try append(choice["delta", "content"]?.string)
    if let reason = choice["finish_reason"]?.string {
      try end(reason)
      isComplete = true
    }
  }

  private mutating func takeResponse(_ value: DocumentValue, _ type: String) throws(AIProblem) {
    switch type {
    case "response.output_text.delta": try append(value["delta"]?.string)
    case "response.refusal.delta", "response.refusal.done":
      throw Self.refusal(value["refusal"]?.string ?? value["delta"]?.string ?? "")
    case "response.completed": isComplete = true
    case "response.incomplete":
      try end(value["response", "incomplete_details", "reason"]?.string ?? "incomplete")
    case "response.failed":
      throw Self.told("the AI failed", value["response", "error", "message"]?.string)
    case "error": throw Self.told("the AI failed", value["message"]?.string)
    default: break
    }
  }

  private mutating func takeMessage(_ value: DocumentValue, _ type: String) throws(AIProblem) {
    switch type {
    case "content_block_start": try append(value["content_block", "text"]?.string)
    case "content_block_delta": try append(value["delta", "text"]?.string)
    case "message_delta": try end(value["delta", "stop_reason"]?.string)
    case "message_stop": isComplete = true
    default: break
    }
  }

  // MARK: Parts

  private mutating func append(_ part: String?) throws(AIProblem) {
    text += part ?? ""
    if text.utf8.count > Self.longest { throw AIProblem("the answer is longer than 64 KiB") }
  }

  private func end(_ reason: String?) throws(AIProblem) {
    switch reason {
    case "length", "max_tokens", "max_output_tokens", "incomplete", "model_context_window_exceeded":
      throw AIProblem("the answer was cut off at its limit of tokens")
    case "content_filter", "refusal": throw AIProblem("the AI refuses to answer")
    default: break
    }
  }

  private static func document(_ text: String) throws(AIProblem) -> DocumentValue {
    let value = try DocumentError.caught(try JSONReader.read(text)) { _ in
      AIProblem("the endpoint sends what is no JSON")
    }
    guard value.table != nil else { throw AIProblem("the endpoint sends what is no answer of this format") }
    return value
  }

  private static func refuseError(_ value: DocumentValue) throws(AIProblem) {
    if let message = value["error", "message"]?.string ?? value["error"]?.string {
      throw told("the AI failed", message)
    }
  }

  private static func refusal(_ text: String) -> AIProblem { told("the AI refuses to answer", text) }

  /// What an endpoint says, cut and made inert.
  static func told(_ what: String, _ message: String?) -> AIProblem {
    let text = InertText.of(String((message ?? "").prefix(300)))
    return AIProblem(text.isEmpty ? what : "\(what): \(text)")
  }
}
