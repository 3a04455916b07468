import Planning

/// One logical line of Python source: its tokens, without comments, joined over brackets.
struct PythonStatement: Equatable {
  enum Token: Equatable {
    case name(String)
    /// A string literal's content, escapes as they are written.
    case string(String)
    case number(String)
    case symbol(String)

    /// The identifier, when it is one.
    var name: String? {
      if case .name(let name) = self { name } else { nil }
    }

    /// The literal's content, when it is a string.
    var string: String? {
      if case .string(let content) = self { content } else { nil }
    }
  }
  /// One-based; where the statement starts.
  var line: Int
  /// Columns of white space before it; 0 is the module's own level.
  var indentation: Int
  var tokens: [Token]
}

/// Splits Python source into logical lines, so that what stands in comments and texts is not taken for code.
///
/// It does not check the grammar: what it cannot make sense of becomes symbols.
struct PythonLexer {
  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  private var depth = 0
  private var statements: [PythonStatement] = []
  private var current: PythonStatement?

  private init(_ text: String) { bytes = Array(text.utf8) }

  /// The logical lines of a source file.
  static func statements(in text: String) -> [PythonStatement] {
    var lexer = PythonLexer(text)
    lexer.run()
    return lexer.statements
  }

  private mutating func run() {
    var indentation = measureIndentation()
    while let byte = peek(0) {
      switch byte {
      case 0x0A:
        advance()
        // Inside brackets a line end is white space.
        if depth > 0 { continue }
        finish()
        indentation = measureIndentation()
      case 0x20, 0x09, 0x0D, 0x0C:
        advance()
      case UInt8(ascii: "\\") where peek(1) == 0x0A:
        advance(2)
      case UInt8(ascii: "\\") where peek(1) == 0x0D && peek(2) == 0x0A:
        advance(3)
      case UInt8(ascii: "#"):
        while let next = peek(0), next != 0x0A { advance() }
      case UInt8(ascii: ";") where depth == 0:
        advance()
        finish()
      default:
        if current == nil { current = PythonStatement(line: line, indentation: indentation, tokens: []) }
        let next = token(byte)
        current?.tokens.append(next)
      }
    }
    finish()
  }

  private func peek(_ offset: Int) -> UInt8? {
    position + offset < bytes.count ? bytes[position + offset] : nil
  }

  private mutating func advance(_ count: Int = 1) {
    for _ in 0..<count where position < bytes.count {
      if bytes[position] == 0x0A { line += 1 }
      position += 1
    }
  }

  private mutating func finish() {
    if let current { statements.append(current) }
    current = nil
  }

  private mutating func measureIndentation() -> Int {
    var columns = 0
    while let byte = peek(0) {
      switch byte {
      case 0x20: columns += 1
      case 0x09: columns = (columns / 8 + 1) * 8
      default: return columns
      }
      advance()
    }
    return columns
  }

  private mutating func token(_ byte: UInt8) -> PythonStatement.Token {
    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { return .string(string()) }
    if isNameStart(byte) {
      let start = position
      while let next = peek(0), isNameStart(next) || isDigit(next) { advance() }
      let name = String(decoding: bytes[start..<position], as: UTF8.self)
      if let quote = peek(0), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'"),
        name.count <= 2, name.lowercased().allSatisfy({ "rbfut".contains($0) })
      {
        return .string(string())
      }
      return .name(name)
    }
    if isDigit(byte) {
      let start = position
      while let next = peek(0), isNameStart(next) || isDigit(next) || next == UInt8(ascii: ".") { advance() }
      return .number(String(decoding: bytes[start..<position], as: UTF8.self))
    }
    if "([{".utf8.contains(byte) { depth += 1 }
    if ")]}".utf8.contains(byte) { depth = max(0, depth - 1) }
    if byte == UInt8(ascii: "="), peek(1) == UInt8(ascii: "=") {
      advance(2)
      return .symbol("==")
    }
    advance()
    return .symbol(String(UnicodeScalar(byte)))
  }

  private func isNameStart(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
      0x80...:
      true
    default: false
    }
  }

  private func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// Reads a string from its opening quote; one that is not closed ends with its line, or with the file.
  private mutating func string() -> String {
    guard let quote = peek(0) else { return "" }
    let isTriple = peek(1) == quote && peek(2) == quote
    advance(isTriple ? 3 : 1)
    let start = position
    while let byte = peek(0) {
      if byte == UInt8(ascii: "\\") {
        // Also in raw strings a backslash keeps the next quote from closing.
        advance(2)
      } else if byte == quote && !isTriple {
        defer { advance() }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      } else if byte == quote && peek(1) == quote && peek(2) == quote {
        defer { advance(3) }
        return String(decoding: bytes[start..<position], as: UTF8.self)
      } else if byte == 0x0A && !isTriple {
        break
      } else {
        advance()
      }
    }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }
}
