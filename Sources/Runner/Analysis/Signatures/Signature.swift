import Formats

/// One cause that a tool names in its own words: data, read from TOML.
///
/// A signature has no blame and no transience: text that a project can print never moves either.
package struct Signature: Sendable {
  /// How much a match matters.
  enum Weight: String, Sendable, CaseIterable {
    /// An error where the phase or the program failed; of a program that went on a warning.
    case errorIfFailed = "error-if-failed"
    /// Silent unless the phase or the program failed.
    case onlyIfFailed = "only-if-failed"
    case warning, note
  }

  var id: String
  var summary: String
  var since: String
  var phases: Set<PhaseEvidence.Name>
  var category: Finding.Category
  var weight: Weight
  var confidence: Finding.Confidence
  /// One of these lines.
  var any: [LinePattern]
  /// And for each of these some line of the phase.
  var all: [LinePattern]
  var when: [SignatureFact]
  var unless: [SignatureFact]
  var subject: String
  var title: String
  var why: String
  var fix: String
  var commands: [String]
  /// What is added to the start command for the check.
  var changeStart: String?
  /// The first that is found.
  var places: [SignaturePlace]

  private static let keys: Set<String> = [
    "id", "summary", "since", "phases", "category", "severity", "confidence", "any", "all", "when", "unless",
    "subject", "title", "why", "fix", "commands", "change-start", "at",
  ]

  /// Names that every text may use beside its captures.
  static let given: Set<String> = ["manifest", "start", "start-place", "runtime", "port"]

  /// Reads one table of a signature file.
  ///
  /// - Throws: `SignatureError` with the key that is wrong.
  init(_ value: DocumentValue) throws(SignatureError) {
    guard let table = value.table else { throw SignatureError(key: "signature", "is no table") }
    if let key = table.keys.sorted().first(where: { !Signature.keys.contains($0) }) {
      throw SignatureError(key: key, "no such key")
    }
    let reader = SignatureReader(table: table)
    id = try reader.text("id")
    guard id.utf8.allSatisfy({ (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }), !id.isEmpty
    else { throw SignatureError(key: "id", "is lower case letters, digits and dashes") }
    summary = try reader.text("summary")
    since = try reader.text("since")
    phases = Set(try reader.choices("phases", PhaseEvidence.Name.init(rawValue:)))
    category = try reader.choice("category", Finding.Category.init(rawValue:))
    weight = try reader.choice("severity", Weight.init(rawValue:))
    confidence =
      table["confidence"] == nil ? .high : try reader.choice("confidence", Finding.Confidence.init(rawValue:))
    any = try reader.patterns("any")
    all = table["all"] == nil ? [] : try reader.patterns("all")
    when = table["when"] == nil ? [] : try reader.choices("when", SignatureFact.init(rawValue:))
    unless = table["unless"] == nil ? [] : try reader.choices("unless", SignatureFact.init(rawValue:))
    subject = try reader.text("subject")
    title = try reader.text("title")
    why = try reader.text("why")
    fix = try reader.text("fix")
    commands = table["commands"] == nil ? [] : try reader.texts("commands")
    changeStart = table["change-start"] == nil ? nil : try reader.text("change-start")
    places = []
    if table["at"] != nil {
      for text in try reader.texts("at") {
        places.append(
          try PatternError.caught(try SignaturePlace(text)) {
            SignatureError(key: "at", $0.message)
          })
      }
    }
    guard !any.isEmpty else { throw SignatureError(key: "any", "has no pattern") }
    guard !phases.isEmpty else { throw SignatureError(key: "phases", "names no phase") }
    try checkCaptures()
  }

  /// Every name that a text uses is bound by each of the lines that may match.
  private func checkCaptures() throws(SignatureError) {
    let bound = any.dropFirst().reduce(any[0].names) { $0.intersection($1.names) }
    let texts =
      [
        ("subject", subject), ("title", title), ("why", why), ("fix", fix),
        ("change-start", changeStart ?? ""),
      ] + commands.map { ("commands", $0) } + places.map { ("at", $0.template) }
    for (key, text) in texts {
      guard let names = SignatureText.names(in: text) else {
        throw SignatureError(key: key, "has a brace that is not closed")
      }
      if let name = names.first(where: { !bound.contains($0) && !Signature.given.contains($0) }) {
        throw SignatureError(key: key, "uses {\(name)}, which not every pattern binds")
      }
    }
  }
}

/// Why a signature cannot be used.
package struct SignatureError: Error, Equatable, CustomStringConvertible {
  /// "gunicorn.toml"; empty until the file is known.
  package var file = ""
  /// One-based; nil until it is known.
  package var line: Int?
  package var key: String
  package var message: String

  init(key: String, _ message: String) {
    self.key = key
    self.message = message
  }

  package var description: String {
    "\(file)\(line.map { " line \($0)" } ?? ""): \(key): \(message)"
  }
}

/// Reads the values of one table.
private struct SignatureReader {
  let table: [String: DocumentValue]

  func text(_ key: String) throws(SignatureError) -> String {
    guard let text = table[key]?.string, !text.isEmpty else {
      throw SignatureError(key: key, table[key] == nil ? "is missing" : "is no text")
    }
    return text
  }

  func texts(_ key: String) throws(SignatureError) -> [String] {
    guard let texts = table[key]?.strings else { throw SignatureError(key: key, "is no list of texts") }
    return texts
  }

  func choice<Value>(_ key: String, _ make: (String) -> Value?) throws(SignatureError) -> Value {
    let text = try text(key)
    guard let value = make(text) else { throw SignatureError(key: key, "'\(text)' is not known") }
    return value
  }

  func choices<Value>(_ key: String, _ make: (String) -> Value?) throws(SignatureError) -> [Value] {
    var values: [Value] = []
    for text in try texts(key) {
      guard let value = make(text) else { throw SignatureError(key: key, "'\(text)' is not known") }
      values.append(value)
    }
    return values
  }

  func patterns(_ key: String) throws(SignatureError) -> [LinePattern] {
    var patterns: [LinePattern] = []
    for text in try texts(key) {
      patterns.append(
        try PatternError.caught(try LinePattern(text)) {
          SignatureError(key: key, $0.message)
        })
    }
    return patterns
  }
}
