/// Reads JSON (RFC 8259) and says in which line it is wrong.
package struct JSONReader {
  private var cursor: DocumentCursor
  private var path: [String] = []
  /// Where the members stand; nil where nobody asks.
  private var lines: [[String]: Int]?
  private static let deepest = 64

  /// Reads a whole document.
  package static func read(_ text: String) throws(DocumentError) -> DocumentValue {
    var reader = JSONReader(cursor: DocumentCursor(text))
    return try reader.whole()
  }

  /// Reads a whole document, and tells of each member where it stands.
  package static func readNotingLines(
    _ text: String
  ) throws(DocumentError) -> LocatedDocument {
    var reader = JSONReader(cursor: DocumentCursor(text))
    reader.lines = [:]
    let value = try reader.whole()
    return LocatedDocument(value: value, lines: reader.lines ?? [:])
  }

  private init(cursor: DocumentCursor) { self.cursor = cursor }

  private mutating func whole() throws(DocumentError) -> DocumentValue {
    let value = try value(depth: 0)
    skipSpace()
    guard cursor.current == nil else { throw cursor.error("more text after the document's end") }
    return value
  }

  private mutating func skipSpace() {
    _ = cursor.take { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
  }

  private mutating func value(depth: Int) throws(DocumentError) -> DocumentValue {
    guard depth < JSONReader.deepest else { throw cursor.error("nested too deeply") }
    skipSpace()
    switch cursor.current {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case nil: throw cursor.error("the document ends too early")
    default: break
    }
    let word = cursor.take { byte in
      Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber
        || "+-.".utf8.contains(byte)
    }
    switch String(decoding: word, as: UTF8.self) {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case "null": return .other("null")
    case let number
    where Double(number) != nil && (word.first == 0x2D || (0x30...0x39).contains(word.first ?? 0)):
      return .other(number)
    default: throw cursor.error("expected a value")
    }
  }

  private mutating func object(depth: Int) throws(DocumentError) -> DocumentValue {
    cursor.advance()
    var members: [String: DocumentValue] = [:]
    skipSpace()
    if cursor.take("}") { return .table(members) }
    while true {
      skipSpace()
      guard cursor.current == UInt8(ascii: "\"") else {
        throw cursor.error("expected a name in double quotes")
      }
      let name = try string()
      skipSpace()
      guard cursor.take(":") else { throw cursor.error("expected ':' after \"\(name)\"") }
      // The last of two equal names wins, as in JSON.parse.
      path.append(name)
      lines?[path] = cursor.line
      members[name] = try value(depth: depth + 1)
      path.removeLast()
      skipSpace()
      if cursor.take("}") { return .table(members) }
      guard cursor.take(",") else { throw cursor.error("expected ',' or '}'") }
    }
  }

  private mutating func array(depth: Int) throws(DocumentError) -> DocumentValue {
    cursor.advance()
    var elements: [DocumentValue] = []
    skipSpace()
    if cursor.take("]") { return .array(elements) }
    while true {
      elements.append(try value(depth: depth + 1))
      skipSpace()
      if cursor.take("]") { return .array(elements) }
      guard cursor.take(",") else { throw cursor.error("expected ',' or ']'") }
    }
  }

  private mutating func string() throws(DocumentError) -> String {
    cursor.advance()
    var content: [UInt8] = []
    while let byte = cursor.current {
      switch byte {
      case UInt8(ascii: "\""):
        cursor.advance()
        return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"):
        cursor.advance()
        content.append(contentsOf: try escape())
      case 0..<0x20:
        throw cursor.error("a string is not closed on its line")
      default:
        content.append(byte)
        cursor.advance()
      }
    }
    throw cursor.error("a string is not closed")
  }

  private mutating func escape() throws(DocumentError) -> [UInt8] {
    let byte = cursor.current
    cursor.advance()
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return byte.map { [$0] } ?? []
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "u"):
      var scalar = try cursor.codePoint(digits: 4)
      if (0xD800..<0xDC00).contains(scalar), cursor.take("\\u") {
        scalar = 0x10000 + (scalar - 0xD800) << 10 + (try cursor.codePoint(digits: 4) &- 0xDC00) & 0x3FF
      }
      return Array(String(UnicodeScalar(scalar).map(Character.init) ?? "\u{FFFD}").utf8)
    default: throw cursor.error("unknown escape in a string")
    }
  }
}
