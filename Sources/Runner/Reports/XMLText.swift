import Formats

/// Text of others inside of XML 1.0 documents.
enum XMLText {
  /// Text between tags: nothing of it is markup, "]]>" among it, and what XML has no character for is U+FFFD.
  static func content(_ text: String) -> String { escape(TerminalText.lines(text), isAttribute: false) }

  /// The value of an attribute, in double quotes; lines become one (the reader would make them one).
  static func attribute(_ text: String) -> String { escape(TerminalText.plain(text), isAttribute: true) }

  private static func escape(_ text: String, isAttribute: Bool) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"" where isAttribute: result += "&quot;"
      case "\n" where isAttribute: result += "&#10;"
      default: result.unicodeScalars.append(isCharacter(scalar) ? scalar : "\u{FFFD}")
      }
    }
    return result
  }

  /// XML 1.0, production 2 (Char).
  private static func isCharacter(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x9, 0xA, 0xD, 0x20...0xD7FF, 0xE000...0xFFFD, 0x10000...0x10FFFF: true
    default: false
    }
  }
}
