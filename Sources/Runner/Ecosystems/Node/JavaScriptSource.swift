import Formats
import Planning

/// What a JavaScript file says about listening: read from its code, never from comments or texts.
package struct JavaScriptSource: Sendable, Equatable {
  /// The modules it requires or imports, as they are written ("express", "node:http", "./routes").
  package var imports: Set<String> = []
  /// The line of the first call of `.listen(`; nil without one.
  package var listenLine: Int?
  /// The line of the first call of `createServer(`; nil without one.
  package var serverLine: Int?

  /// Reads a source file.
  package static func read(_ text: String) -> JavaScriptSource {
    var lexer = JavaScriptLexer(text)
    let tokens = lexer.tokens()
    var source = JavaScriptSource()
    for (index, token) in tokens.enumerated() {
      let next = index + 1 < tokens.count ? tokens[index + 1] : nil
      let afterNext = index + 2 < tokens.count ? tokens[index + 2] : nil
      switch token.kind {
      case .name("require") where next?.kind == .symbol("("),
        .name("import") where next?.kind == .symbol("("):
        if case .string(let module) = afterNext?.kind { source.imports.insert(module) }
      case .name("from"), .name("import"):
        if case .string(let module) = next?.kind { source.imports.insert(module) }
      case .symbol(".") where next?.kind == .name("listen") && afterNext?.kind == .symbol("("):
        source.listenLine = source.listenLine ?? token.line
      case .name("createServer") where next?.kind == .symbol("("):
        source.serverLine = source.serverLine ?? token.line
      default: break
      }
    }
    return source
  }

  /// Whether it imports a package, or a part of it.
  func imports(_ package: String) -> Bool {
    imports.contains { $0 == package || $0 == "node:" + package || $0.hasPrefix(package + "/") }
  }
}

/// Splits JavaScript into names, strings and symbols.
///
/// A "/" starts a regular expression where a value is expected, that is after an operator, an opening bracket
/// or a keyword; template literals are one string, their `${...}` parts included.
private struct JavaScriptLexer {
  enum Kind: Equatable {
    case name(String)
    case string(String)
    case symbol(String)
  }
  struct Token {
    var kind: Kind
    var line: Int
  }

  private var cursor: DocumentCursor

  init(_ text: String) { cursor = DocumentCursor(text) }

  mutating func tokens() -> [Token] {
    var tokens: [Token] = []
    while let byte = cursor.current {
      let line = cursor.line
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: cursor.advance()
      case UInt8(ascii: "/") where cursor.peek(1) == UInt8(ascii: "/"):
        _ = cursor.take { $0 != 0x0A }
      case UInt8(ascii: "/") where cursor.peek(1) == UInt8(ascii: "*"):
        cursor.advance(2)
        while cursor.current != nil, !cursor.take("*/") { cursor.advance() }
      case UInt8(ascii: "/") where expectsValue(after: tokens.last?.kind):
        skipExpression()
      case UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
        tokens.append(Token(kind: .string(string(byte)), line: line))
      default:
        let word = cursor.take(while: JavaScriptLexer.isWord)
        if word.isEmpty {
          tokens.append(Token(kind: .symbol(String(UnicodeScalar(byte))), line: line))
          cursor.advance()
        } else {
          tokens.append(Token(kind: .name(String(decoding: word, as: UTF8.self)), line: line))
        }
      }
    }
    return tokens
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39, 0x80...:
      true
    default: byte == UInt8(ascii: "_") || byte == UInt8(ascii: "$")
    }
  }

  private func expectsValue(after kind: Kind?) -> Bool {
    switch kind {
    case nil: true
    case .string: false
    case .name(let name):
      ["return", "typeof", "case", "in", "of", "delete", "void", "throw", "new"].contains(name)
    case .symbol(let symbol): symbol != ")" && symbol != "]" && symbol != "}"
    }
  }

  /// Goes over a regular expression; one that is not closed on its line was a division.
  private mutating func skipExpression() {
    cursor.advance()
    var isInClass = false
    while let byte = cursor.current, byte != 0x0A {
      if byte == UInt8(ascii: "\\") { cursor.advance() }
      if byte == UInt8(ascii: "[") { isInClass = true }
      if byte == UInt8(ascii: "]") { isInClass = false }
      cursor.advance()
      if byte == UInt8(ascii: "/") && !isInClass { return }
    }
  }

  private mutating func string(_ quote: UInt8) -> String {
    cursor.advance()
    var content: [UInt8] = []
    while let byte = cursor.current {
      if byte == quote {
        cursor.advance()
        break
      }
      if byte == 0x0A && quote != UInt8(ascii: "`") { break }
      if byte == UInt8(ascii: "\\") {
        content.append(byte)
        cursor.advance()
      }
      if let escaped = cursor.current { content.append(escaped) }
      cursor.advance()
    }
    return String(decoding: content, as: UTF8.self)
  }
}
