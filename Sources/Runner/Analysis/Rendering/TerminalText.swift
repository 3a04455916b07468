/// Makes text that came from the checked program harmless for a terminal.
package enum TerminalText {
  /// Returns one line without escape sequences, control characters and direction overrides.
  ///
  /// Escape sequences are removed whole (CSI, OSC, DCS and two-byte forms); a tab becomes a space; any other
  /// control character becomes U+FFFD, so that nothing can move the cursor, retitle the window or hide text.
  package static func plain(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
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
      } else {
        result.append(isUnsafe(scalar) ? "\u{FFFD}" : scalar)
      }
    }
    return String(result)
  }

  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7F..<0xA0: true
    case 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0x2028, 0x2029: true
    default: false
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
