import FoundationEssentials

/// JSON for people and programs: keys in order, indented, slashes as they are, and nothing in it that a reader does
/// not see.
package enum JSONText {
  /// Returns the document, ending in a newline.
  ///
  /// - Throws: `EncodingError` when a number has no JSON form.
  package static func encode(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return visible(String(decoding: try encoder.encode(value), as: UTF8.self)) + "\n"
  }

  /// Returns the document in one line, without a newline at its end.
  ///
  /// - Throws: `EncodingError` when a number has no JSON form.
  package static func line(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return visible(String(decoding: try encoder.encode(value), as: UTF8.self))
  }

  /// The same of a value that is no type of ours.
  package static func line(_ value: DocumentValue) -> String { visible(value.json) }

  /// Escapes what `TerminalText` finds hidden, as \\uXXXX in UTF-16 (RFC 8259, section 7). Outside of its strings a
  /// document has nothing of the kind but newlines.
  static func visible(_ document: String) -> String {
    func isHidden(_ scalar: Unicode.Scalar) -> Bool { scalar != "\n" && TerminalText.isHidden(scalar) }
    guard document.unicodeScalars.contains(where: isHidden) else { return document }
    var result = String.UnicodeScalarView()
    for scalar in document.unicodeScalars {
      guard isHidden(scalar) else {
        result.append(scalar)
        continue
      }
      for unit in UTF16.encode(scalar) ?? .init() {
        let digits = String(unit, radix: 16)
        result.append(
          contentsOf: "\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".unicodeScalars)
      }
    }
    return String(result)
  }
}
