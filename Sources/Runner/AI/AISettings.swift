import Egress
package import Planning

/// Why there is no summary of an AI: a note for the report and for standard error, never a failure of a check.
package struct AIProblem: Error, Equatable, Sendable {
  /// One clause, without anything that the endpoint may have sent to act on a reader.
  package var message: String

  package init(_ message: String) { self.message = message }
}

/// Which AI is asked, and what it may cost.
package struct AISettings: Sendable {
  /// The wire formats.
  package enum Format: String, Sendable, CaseIterable {
    case openAIChat = "openai-chat"
    case openAIResponses = "openai-responses"
    case anthropicMessages = "anthropic-messages"

    /// The end of the path of its endpoint.
    var path: String {
      switch self {
      case .openAIChat: "/chat/completions"
      case .openAIResponses: "/responses"
      case .anthropicMessages: "/messages"
      }
    }
  }

  package static let usualTokens = 8000
  package static let usualMilliseconds = 60_000
  package static let usualKeyVariable = "PREFLIGHT_AI_KEY"

  /// The whole address of the endpoint.
  package var url: String
  package var format: Format
  package var model: String
  /// Sent, and shown nowhere.
  package var key: String?
  /// The name of the variable that holds it.
  package var keyVariable: String
  package var headers: [(name: String, value: String)]
  /// How many tokens the evidence may have, as estimated.
  package var tokens: Int
  package var timeLimitMilliseconds: Int

  /// The host, with its port where one is written.
  package var host: String { Self.authority(of: url) }

  /// Reads the settings of `ai`, of which a project's own file decides none by itself (`Settings.effective`), and the
  /// key, which only a variable of the caller's holds.
  ///
  /// - Throws: what is missing, or why the key cannot be sent there.
  package init(_ settings: Settings, environment: [String: String]) throws(AIProblem) {
    let effective = settings.effective
    func text(_ name: String) -> String? { effective["ai.\(name)"]?.value }
    guard let address = text("url") else { throw Self.noAddress(settings.unconfirmedAddress) }
    guard let model = text("model") else { throw AIProblem("no model is named: set PREFLIGHT_AI_MODEL") }
    self.model = model
    (url, format) = Self.endpoint(address, text("format").flatMap(Format.init))
    keyVariable = text("key-variable") ?? Self.usualKeyVariable
    key = environment[keyVariable].flatMap { $0.isEmpty ? nil : $0 }
    headers = Self.headers(text("headers") ?? "")
    tokens = text("tokens").flatMap { Int($0) } ?? Self.usualTokens
    timeLimitMilliseconds = text("timeout").flatMap(SettingKey.milliseconds) ?? Self.usualMilliseconds
    if let key, !key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) {
      throw AIProblem("the key in \(keyVariable) holds what no key holds, such as a blank or a line break")
    }
    if key != nil || !headers.isEmpty, url.lowercased().hasPrefix("http:"), !Self.isThisMachine(host) {
      throw AIProblem("a key is not sent to \(host) unencrypted: name it with https, or send none")
    }
  }

  /// The same for a look at what would be sent: what is missing is named in its place.
  package init(previewing settings: Settings, environment: [String: String]) throws(AIProblem) {
    var complete = settings
    for (key, text) in [
      ("ai.url", "http://localhost/NO-ENDPOINT-IS-NAMED"), ("ai.model", "NO-MODEL-IS-NAMED"),
    ]
    where settings.effective[key] == nil {
      complete.flags.set(key, text, .byDefault)
    }
    try self.init(complete, environment: environment)
  }

  private static func noAddress(_ unconfirmed: Setting?) -> AIProblem {
    guard let unconfirmed else { return AIProblem("no endpoint is named: set PREFLIGHT_AI_URL") }
    return AIProblem(
      "\(unconfirmed.origin.displayed) names the endpoint \(unconfirmed.value), and a project's file does not decide where"
        + " evidence is sent: set PREFLIGHT_AI_URL to it if it is yours")
  }

  /// The endpoint of an address: one that ends before the format's path, as ".../v1", has it added.
  static func endpoint(_ address: String, _ said: Format?) -> (url: String, format: Format) {
    let query = address.firstIndex(of: "?").map { address[$0...] } ?? ""
    var base = address.dropLast(query.count)
    while base.hasSuffix("/") { base = base.dropLast() }
    let host = authority(of: address)
    let path = base.firstRange(of: "://").map { base[$0.upperBound...].dropFirst(host.count) } ?? ""
    let isAnthropic = host == "api.anthropic.com"
    let seen = Format.allCases.first { path.hasSuffix($0.path) }
    let format = said ?? seen ?? (isAnthropic ? .anthropicMessages : .openAIChat)
    guard seen == nil, path.isEmpty || path.hasSuffix("/v1") else { return (String(base + query), format) }
    return (String(base + (path.isEmpty ? "/v1" : "") + format.path + query), format)
  }

  private static func authority(of address: String) -> String {
    guard let separator = address.firstRange(of: "://") else { return "" }
    return String(address[separator.upperBound...].prefix { !"/?#".contains($0) })
  }

  private static func headers(_ text: String) -> [(name: String, value: String)] {
    text.split(whereSeparator: \.isNewline).compactMap { line in
      let name = line.prefix { $0 != ":" }
      guard name.count < line.count else { return nil }
      let value = line.dropFirst(name.count + 1)
      return (String(name), String(value.drop { $0 == " " || $0 == "\t" }))
    }
  }

  private static func isThisMachine(_ host: String) -> Bool {
    guard let authority = Authority(host, defaultPort: 80) else { return false }
    let name = authority.host.text
    return name == "localhost" || name == "::1" || name.hasPrefix("127.")
  }
}
