import Analysis
package import Formats

/// Renders a report as one JSON document: sorted keys, indented, slashes not escaped (docs/report.schema.json).
package enum JSONReport: ReportFormat {
  package static let name = "json"
  package static let mediaType = "application/json"
  package static let summary = "the whole report, by docs/report.schema.json"

  package static func render(_ report: Report, _ style: ReportStyle) throws(Failure) -> String {
    do { return try JSONText.encode(report) } catch {
      throw Failure(.internalError, "the report has no JSON form: \(error)")
    }
  }

  /// Renders a report; this format has no style.
  ///
  /// - Throws: `Failure` when a number has no JSON form.
  package static func render(_ report: Report) throws(Failure) -> String {
    try render(report, ReportStyle())
  }
}
