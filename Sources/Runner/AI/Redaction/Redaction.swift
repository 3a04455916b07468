import Formats
import FoundationEssentials

/// Takes out of a text what must not leave this machine: values of variables and files that hold secrets, whatever has
/// the shape or the name of one, mail addresses, and the folders of people.
///
/// It takes out rather too much: a summary does without a checksum, a login that has left does not come back. Each
/// step passes once over the text, for the text is hostile.
package struct Redaction: Sendable {
  /// What a thing is replaced by.
  enum Kind: String, Sendable {
    case secret = "[secret]"
    case mail = "[mail address]"
    case home = "~"
  }

  /// A part of a text that is replaced.
  struct Mark: Equatable {
    var range: Range<Int>
    var kind: Kind
  }

  /// Values that are replaced wherever they stand, in each spelling, by their first bytes.
  private var known: [UInt8: [[UInt8]]] = [:]
  private let home: [UInt8]?

  /// A value shorter than this would be found in the middle of other words.
  private static let shortestValue = 5

  /// Knows the values of the caller's variables and of `variables`, the program's, whose names or values look like
  /// secrets, and what looks so in the caller's files of logins.
  package init(environment: [String: String] = [:], variables: [(name: String, value: String)] = []) {
    let folder = environment["HOME"].flatMap { $0.hasPrefix("/") && $0.utf8.count > 1 ? $0 : nil }
    home = folder.map { Array(($0.hasSuffix("/") ? String($0.dropLast()) : $0).utf8) }
    for (name, value) in environment.map({ (name: $0.key, value: $0.value) }) + variables {
      if SecretName.isSecret(name) { learn(value) }
      learnParts(of: value)
    }
    for text in LoginFiles.texts(environment) { learnParts(of: text) }
  }

  /// Replaces a value wherever it stands from now on, also as base64, percent-encoded and within JSON.
  package mutating func learn(_ value: String) {
    let value = value.trimmingSpace()
    guard value.utf8.count >= Self.shortestValue, !SecretName.isHarmless(value), !Self.isPath(value) else {
      return
    }
    let base64 = Data(value.utf8).base64EncodedString()
    let encoded = value.percentEncoded()
    let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    for form in Set([value, base64, String(base64.prefix { $0 != "=" }), encoded, escaped]) {
      add(Array(form.utf8))
    }
    // Of several lines each by itself: a log has them so.
    let lines = value.split(whereSeparator: \.isNewline)
    if lines.count > 1 { lines.filter { $0.utf8.count >= 8 }.forEach { learn(String($0)) } }
  }

  /// Replaces from now on what is a secret in a text by its form or name, wherever else it stands.
  mutating func learnParts(of text: String) {
    let scanned = ScannedText(text)
    for mark in Self.shaped(scanned) where mark.kind == .secret {
      let value = scanned.string(mark.range)
      learn(value)
      // "user:password" of an address, and the login of a container engine, which is base64 of that.
      let decoded = Data(base64Encoded: value.trimmingSpace()).flatMap {
        String(validating: $0, as: UTF8.self)
      }
      for login in [value, decoded].compactMap({ $0 }) {
        if let colon = login.firstIndex(of: ":") { learn(String(login[login.index(after: colon)...])) }
      }
    }
  }

  private mutating func add(_ value: [UInt8]) {
    guard let first = value.first, known[first]?.contains(value) != true else { return }
    known[first, default: []].append(value)
    // The longest first: one value may begin with another.
    known[first]?.sort { $0.count > $1.count }
  }

  /// The text without all that, its control characters made visible, and how often something was replaced.
  package func apply(_ text: String) -> (text: String, count: Int) {
    let scanned = ScannedText(TerminalText.lines(text))
    let marks = Self.merged(knownMarks(scanned) + Self.shaped(scanned) + scanned.homes(home))
    guard !marks.isEmpty else { return (scanned.text, 0) }
    var result: [UInt8] = []
    var position = 0
    for mark in marks {
      result += scanned.bytes[position..<mark.range.lowerBound]
      result += mark.kind.rawValue.utf8
      position = mark.range.upperBound
    }
    result += scanned.bytes[position...]
    return (String(decoding: result, as: UTF8.self), marks.count)
  }

  /// What is known by its form or its name alone.
  private static func shaped(_ text: ScannedText) -> [Mark] {
    text.keyBlocks + text.shapes + text.namedValues + text.flagValues + text.loginLines + text.addressLogins
      + text.randomWords + text.mails
  }

  private func knownMarks(_ text: ScannedText) -> [Mark] {
    guard !known.isEmpty else { return [] }
    var marks: [Mark] = []
    var position = 0
    while position < text.bytes.count {
      if let value = known[text.bytes[position]]?.first(where: { text.has($0, at: position) }) {
        marks.append(Mark(range: position..<position + value.count, kind: .secret))
        position += value.count
      } else {
        position += 1
      }
    }
    return marks
  }

  /// In order, those that touch as one; what is secret in one of them makes it so as a whole.
  private static func merged(_ marks: [Mark]) -> [Mark] {
    var result: [Mark] = []
    let ordered = marks.filter { !$0.range.isEmpty }.sorted {
      ($0.range.lowerBound, $1.range.upperBound) < ($1.range.lowerBound, $0.range.upperBound)
    }
    for mark in ordered {
      guard let last = result.last, mark.range.lowerBound < last.range.upperBound else {
        result.append(mark)
        continue
      }
      let end = max(last.range.upperBound, mark.range.upperBound)
      let isSecret = last.kind == .secret || mark.kind == .secret
      result[result.count - 1] = Mark(
        range: last.range.lowerBound..<end, kind: isSecret ? .secret : last.kind)
    }
    return result
  }

  /// A folder or socket, as of SSH_AUTH_SOCK: where a secret is, not the secret.
  private static func isPath(_ value: String) -> Bool {
    value.hasPrefix("/") && !value.contains(where: \.isWhitespace) && value.split(separator: "/").count > 1
      && value.utf8.allSatisfy { ScannedText.isWord($0) || "/._-".utf8.contains($0) }
      && value.split(separator: "/").allSatisfy { $0.utf8.count < 24 }
  }
}
