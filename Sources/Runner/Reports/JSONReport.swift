import Analysis
import Formats

/// Renders a report as one JSON document: sorted keys, indented, slashes not escaped.
package enum JSONReport {
  /// Returns the document, ending in a newline.
  ///
  /// - Throws: `EncodingError` when a number has no JSON form.
  package static func render(_ report: Report) throws -> String { try JSONText.encode(report) }
}
