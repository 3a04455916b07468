/// A value of a JSON or TOML document.
package enum DocumentValue: Equatable {
  case string(String)
  case boolean(Bool)
  /// A number, a date or a null, as it is written: no rule needs its value.
  case other(String)
  case array([DocumentValue])
  case table([String: DocumentValue])

  /// The member at a path of keys; nil when a part is missing or no table.
  package subscript(_ path: String...) -> DocumentValue? {
    var value = self
    for key in path {
      guard case .table(let members) = value, let member = members[key] else { return nil }
      value = member
    }
    return value
  }

  /// The string, when it is one.
  package var string: String? {
    if case .string(let value) = self { value } else { nil }
  }

  /// The boolean, when it is one.
  package var boolean: Bool? {
    if case .boolean(let value) = self { value } else { nil }
  }

  /// The members, when it is a table.
  package var table: [String: DocumentValue]? {
    if case .table(let value) = self { value } else { nil }
  }

  /// The elements, when it is an array.
  package var array: [DocumentValue]? {
    if case .array(let value) = self { value } else { nil }
  }

  /// The elements, when it is an array of nothing but strings.
  package var strings: [String]? {
    guard let array else { return nil }
    let strings = array.compactMap(\.string)
    return strings.count == array.count ? strings : nil
  }
}

extension DocumentValue {
  /// The value as JSON (RFC 8259), with the members of tables in the order of their names.
  package var json: String {
    switch self {
    case .string(let text): Self.quoted(text)
    case .boolean(let value): value ? "true" : "false"
    case .other(let text): text
    case .array(let values): "[" + values.map(\.json).joined(separator: ", ") + "]"
    case .table(let members):
      "{"
        + members.sorted { $0.key < $1.key }.map { "\(Self.quoted($0.key)): \($0.value.json)" }
        .joined(separator: ", ") + "}"
    }
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case _ where scalar.value < 0x20:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// Why a document could not be read.
package struct DocumentError: Error, Equatable {
  /// One-based.
  package var line: Int
  /// What was expected or found there.
  package var message: String

  package init(line: Int, message: String) { (self.line, self.message) = (line, message) }
}

/// A position in a document's bytes.
package struct DocumentCursor {
  private let bytes: [UInt8]
  package private(set) var position = 0
  package private(set) var line = 1

  package init(_ text: String) { bytes = Array(text.utf8) }

  /// The byte at the position; nil at the end.
  package var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// The byte `offset` further on; nil past the end.
  package func peek(_ offset: Int) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  /// Goes on by some bytes and counts the lines.
  package mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where position < bytes.count {
      if bytes[position] == UInt8(ascii: "\n") { line += 1 }
      position += 1
    }
  }

  /// Goes on over a text if it stands here.
  package mutating func take(_ text: StaticString) -> Bool {
    let expected = Array(text.description.utf8)
    guard bytes.count - position >= expected.count,
      bytes[position..<(position + expected.count)].elementsEqual(expected)
    else { return false }
    advance(expected.count)
    return true
  }

  /// Goes on while the bytes satisfy a condition, and returns them.
  package mutating func take(while condition: (UInt8) -> Bool) -> [UInt8] {
    let start = position
    while let byte = current, condition(byte) { advance() }
    return Array(bytes[start..<position])
  }

  /// An error at this place.
  package func error(_ message: String) -> DocumentError { DocumentError(line: line, message: message) }

  /// Reads hexadecimal digits as the number of a character.
  package mutating func codePoint(digits: Int) throws(DocumentError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<digits {
      guard let byte = current, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw error("expected \(digits) hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      advance()
    }
    return value
  }
}
