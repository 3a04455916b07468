import FoundationEssentials

/// Renders a report as one JSON document: sorted keys, indented, slashes not escaped.
package enum JSONReport {
  /// Returns the document, ending in a newline.
  ///
  /// - Throws: `EncodingError` when a number has no JSON form.
  package static func render(_ report: Report) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
  }
}
