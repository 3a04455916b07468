/// Makes text that came from the checked program harmless for a terminal.
package enum TerminalText {
  /// Returns one line without escape sequences, control characters and what changes or hides the text around it.
  ///
  /// Escape sequences are removed whole (CSI, OSC, DCS and two-byte forms); a tab becomes a space; any other
  /// control character becomes U+FFFD, so that nothing can move the cursor, retitle the window or hide text. Marks of
  /// direction and what has no width are written out, as "\\u{202e}".
  package static func plain(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isHidden) else { return text }
    var result = String.UnicodeScalarView()
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      if scalar == "\u{1B}" {
        rest = afterSequence(rest)
      } else if scalar == "\u{9B}" {
        rest = afterControlSequence(rest)
      } else if scalar == "\t" {
        result.append(" ")
      } else if scalar == "\r" || scalar == "\n" {
        if !rest.isEmpty { result.append(" ") }
      } else if isHidden(scalar) {
        let isControl = scalar.properties.generalCategory == .control
        result.append(
          contentsOf: (isControl ? "\u{FFFD}" : "\\u{\(String(scalar.value, radix: 16))}").unicodeScalars)
      } else {
        result.append(scalar)
      }
    }
    return String(result)
  }

  /// The same of a text of several lines, which stay.
  package static func lines(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isHidden) else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { plain(String($0)) }
      .joined(separator: "\n")
  }

  /// Whether a reader does not see a character as what it is: control characters (C0 and C1), marks and overrides of
  /// direction, separators of lines, and all that has no width (Unicode, Default_Ignorable_Code_Point) but the
  /// selectors of a sign's form, U+FE00 to U+FE0F.
  package static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x7F { return scalar.value < 0x20 }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator: return true
    default:
      return scalar.properties.isDefaultIgnorableCodePoint && !(0xFE00...0xFE0F).contains(scalar.value)
    }
  }

  private static func afterSequence(_ text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView {
    var rest = text
    guard let kind = rest.popFirst() else { return rest }
    switch kind {
    case "[": return afterControlSequence(rest)
    case "]", "P", "X", "^", "_": return afterString(rest)
    case "(", ")", "*", "+", "#", "%", " ": return rest.dropFirst()
    default: return rest
    }
  }

  /// Parameters and intermediates up to one final byte.
  private static func afterControlSequence(
    _ text: Substring.UnicodeScalarView
  ) -> Substring.UnicodeScalarView {
    let rest = text.drop { (0x20...0x3F).contains($0.value) }
    return (0x40...0x7E).contains(rest.first?.value ?? 0) ? rest.dropFirst() : rest
  }

  /// Up to BEL or ST; an unterminated string swallows the rest of the line, as a terminal would.
  private static func afterString(_ text: Substring.UnicodeScalarView) -> Substring.UnicodeScalarView {
    var rest = text
    while let scalar = rest.popFirst() {
      if scalar == "\u{07}" || scalar == "\u{9C}" { return rest }
      if scalar == "\u{1B}", rest.first == "\\" { return rest.dropFirst() }
    }
    return rest
  }
}
