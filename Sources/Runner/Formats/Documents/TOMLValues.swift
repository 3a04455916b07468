extension TOMLReader {
  /// Reads the value after "=" or inside an array.
  mutating func value(depth: Int) throws(DocumentError) -> DocumentValue {
    guard depth < TOMLReader.deepest else { throw cursor.error("nested too deeply") }
    skipSpace()
    switch cursor.current {
    case UInt8(ascii: "\""):
      return .string(cursor.take("\"\"\"") ? try multilineBasicString() : try basicString())
    case UInt8(ascii: "'"):
      return .string(cursor.take("'''") ? try multilineLiteralString() : try literalString())
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "{"): return try inlineTable(depth: depth)
    default: break
    }
    let word = String(
      decoding: cursor.take { byte in
        !(byte <= 0x20) && !",]}#".utf8.contains(byte)
      }, as: UTF8.self)
    switch word {
    case "true": return .boolean(true)
    case "false": return .boolean(false)
    case let number where number.first.map { $0.isNumber || "+-in".contains($0) } ?? false:
      return .other(number)
    default: throw cursor.error("expected a value")
    }
  }

  private mutating func array(depth: Int) throws(DocumentError) -> DocumentValue {
    cursor.advance()
    var elements: [DocumentValue] = []
    while true {
      skipSpaceAndLines()
      if cursor.take("]") { return .array(elements) }
      elements.append(try value(depth: depth + 1))
      skipSpaceAndLines()
      if cursor.take("]") { return .array(elements) }
      guard cursor.take(",") else { throw cursor.error("expected ',' or ']' in an array") }
    }
  }

  private mutating func skipSpaceAndLines() {
    while let byte = cursor.current {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: cursor.advance()
      case UInt8(ascii: "#"): skipComment()
      default: return
      }
    }
  }

  private mutating func inlineTable(depth: Int) throws(DocumentError) -> DocumentValue {
    cursor.advance()
    var members: [String: DocumentValue] = [:]
    skipSpace()
    if cursor.take("}") { return .table(members) }
    while true {
      let path = try key()
      guard cursor.take("=") else { throw cursor.error("expected '=' in an inline table") }
      let member = try value(depth: depth + 1)
      try set(member, at: path, in: &members)
      skipSpace()
      if cursor.take("}") { return .table(members) }
      guard cursor.take(",") else { throw cursor.error("expected ',' or '}' in an inline table") }
    }
  }

  /// Reads "..." on one line.
  mutating func basicString() throws(DocumentError) -> String {
    cursor.advance()
    var content: [UInt8] = []
    while let byte = cursor.current, byte != 0x0A {
      cursor.advance()
      switch byte {
      case UInt8(ascii: "\""): return String(decoding: content, as: UTF8.self)
      case UInt8(ascii: "\\"): content.append(contentsOf: try escape())
      default: content.append(byte)
      }
    }
    throw cursor.error("a string is not closed on its line")
  }

  /// Reads '...' on one line.
  mutating func literalString() throws(DocumentError) -> String {
    cursor.advance()
    let content = cursor.take { $0 != UInt8(ascii: "'") && $0 != 0x0A }
    guard cursor.take("'") else { throw cursor.error("a string is not closed on its line") }
    return String(decoding: content, as: UTF8.self)
  }

  private mutating func multilineBasicString() throws(DocumentError) -> String {
    skipFirstLineEnd()
    var content: [UInt8] = []
    while let byte = cursor.current {
      if cursor.take("\"\"\"") {
        // One or two quotes may stand directly before the closing three.
        while cursor.take("\"") { content.append(UInt8(ascii: "\"")) }
        return String(decoding: content, as: UTF8.self)
      }
      cursor.advance()
      if byte != UInt8(ascii: "\\") {
        content.append(byte)
      } else if [0x0A, 0x0D, 0x20, 0x09].contains(cursor.current) {
        // A backslash at the end of a line swallows the line end and the space after it.
        _ = cursor.take { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
      } else {
        content.append(contentsOf: try escape())
      }
    }
    throw cursor.error("a string is not closed")
  }

  private mutating func multilineLiteralString() throws(DocumentError) -> String {
    skipFirstLineEnd()
    var content: [UInt8] = []
    while let byte = cursor.current {
      if cursor.take("'''") {
        while cursor.take("'") { content.append(UInt8(ascii: "'")) }
        return String(decoding: content, as: UTF8.self)
      }
      content.append(byte)
      cursor.advance()
    }
    throw cursor.error("a string is not closed")
  }

  private mutating func skipFirstLineEnd() {
    if !cursor.take("\r\n") { _ = cursor.take("\n") }
  }

  private mutating func escape() throws(DocumentError) -> [UInt8] {
    let byte = cursor.current
    cursor.advance()
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): return byte.map { [$0] } ?? []
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "u"), UInt8(ascii: "U"):
      let scalar = try cursor.codePoint(digits: byte == UInt8(ascii: "u") ? 4 : 8)
      guard let character = UnicodeScalar(scalar) else { throw cursor.error("no such character") }
      return Array(String(Character(character)).utf8)
    default: throw cursor.error("unknown escape in a string")
    }
  }
}
