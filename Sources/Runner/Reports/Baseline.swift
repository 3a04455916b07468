package import Analysis
package import Formats
import FoundationEssentials

/// The findings that a caller knows and accepts, as a file to be committed: only what is not in it counts.
package struct Baseline: Sendable, Codable, Equatable {
  /// The version of the file's form.
  package static let currentSchemaVersion = "1"
  /// The longest file that is read, in bytes.
  package static let limitInBytes = 16 << 20

  package var schemaVersion = currentSchemaVersion
  package var findings: [BaselineEntry]

  /// Takes over all of a report but what a comment suppresses; what `earlier` knows of keeps its reason.
  ///
  /// `reason` is why new ones are accepted. The order depends on the findings only, so that files can be compared.
  package init(of report: Report, reason: String? = nil, keeping earlier: Baseline? = nil) {
    let known = Dictionary(
      (earlier?.findings ?? []).map { ($0.fingerprint, $0.reason) }, uniquingKeysWith: { first, _ in first })
    findings = report.findings.filter { $0.suppression?.kind != .comment && $0.blame != .sandbox }
      .map { BaselineEntry($0, reason: known[$0.fingerprint] ?? reason) }
      .sorted {
        ($0.rule, $0.file ?? "", $0.process ?? "", $0.fingerprint)
          < ($1.rule, $1.file ?? "", $1.process ?? "", $1.fingerprint)
      }
  }

  /// The file's text.
  ///
  /// - Throws: `Failure` when it has no JSON form.
  package func text() throws(Failure) -> String {
    do { return try JSONText.encode(self) } catch {
      throw Failure(.internalError, "the baseline has no JSON form: \(error)")
    }
  }

  /// Reads a file's bytes; `name` is what messages call it.
  ///
  /// - Throws: `Failure`, a wrong use, that says what is wrong and where.
  package static func read(_ bytes: [UInt8], named name: String) throws(Failure) -> Baseline {
    let remedy = "Write it with `preflight baseline write`."
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.usage, "is no text in UTF-8", subject: name, remedy: remedy)
    }
    let document: DocumentValue
    do throws(DocumentError) { document = try JSONReader.read(text) } catch {
      throw Failure(
        .usage, "is no JSON: \(error.message)", subject: "\(name):\(error.line)", remedy: remedy)
    }
    if document["verdict"] != nil {
      throw Failure(.usage, "is a report, not a baseline", subject: name, remedy: remedy)
    }
    guard let version = document["schemaVersion"]?.text, document["findings"] != nil else {
      throw Failure(.usage, "is JSON, but no baseline", subject: name, remedy: remedy)
    }
    guard version == currentSchemaVersion else {
      throw Failure(
        .usage,
        "has the schema version \"\(version.prefix(40))\", and this preflight reads \"\(currentSchemaVersion)\"",
        subject: name, remedy: remedy)
    }
    do { return try JSONDecoder().decode(Baseline.self, from: Data(bytes)) } catch {
      throw Failure(
        .usage, "is no baseline: each finding needs fingerprint, rule and title, each a text", subject: name,
        remedy: remedy)
    }
  }
}
