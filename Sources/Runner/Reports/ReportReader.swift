import Analysis
package import Formats
import FoundationEssentials

/// Reads the JSON form of a report back.
package enum ReportReader {
  /// The longest document that is read, in bytes.
  package static let limitInBytes = 64 << 20

  /// Returns the report of a document; `name` is what messages call it.
  ///
  /// - Throws: `Failure`, a wrong use, that says what is wrong and where: no text, no JSON, cut off, another kind of
  ///   document, another schema version, a member that is missing or of the wrong type.
  package static func read(_ bytes: [UInt8], named name: String) throws(Failure) -> Report {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.usage, "is no text in UTF-8", subject: name, remedy: remedy)
    }
    let document: DocumentValue
    do throws(DocumentError) { document = try JSONReader.read(text) } catch {
      let isCut = text.hasPrefix("{") && text.last { !$0.isWhitespace } != "}"
      throw Failure(
        .usage, "\(isCut ? "is cut off" : "is no JSON"): \(error.message)", subject: "\(name):\(error.line)",
        remedy: remedy)
    }
    guard let members = document.table, members["verdict"] != nil || members["findings"] != nil else {
      throw Failure(.usage, "is JSON, but no report of a check", subject: name, remedy: remedy)
    }
    try expectVersion(members["schemaVersion"], name)
    do {
      return try JSONDecoder().decode(Report.self, from: Data(bytes))
    } catch let error as DecodingError {
      throw Failure(
        .usage, "is no report of schema version \(Report.currentSchemaVersion): \(describe(error))",
        subject: name, remedy: remedy)
    } catch {
      throw Failure(.usage, "cannot be read as a report: \(error)", subject: name, remedy: remedy)
    }
  }

  private static let remedy = "Give it what `preflight check --output json=FILE` wrote."

  private static func expectVersion(_ value: DocumentValue?, _ name: String) throws(Failure) {
    let current = Report.currentSchemaVersion
    guard let version = value?.text else {
      throw Failure(.usage, "has no schemaVersion", subject: name, remedy: remedy)
    }
    if version == current { return }
    let isNewer = (Int(version) ?? 0) > (Int(current) ?? 0)
    throw Failure(
      .usage, "has the schema version \"\(version.prefix(40))\", and this preflight reads \"\(current)\"",
      subject: name,
      remedy: isNewer
        ? "Use the preflight that wrote it, or a newer one." : "Check the project anew with this preflight.")
  }

  private static func describe(_ error: DecodingError) -> String {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
    }
    switch error {
    case .keyNotFound(let key, let context): return "\(path(context)).\(key.stringValue) is missing"
    case .typeMismatch(_, let context): return "\(path(context)) is of another type"
    case .valueNotFound(_, let context): return "\(path(context)) is null"
    case .dataCorrupted(let context): return "\(path(context)): \(context.debugDescription)"
    @unknown default: return "\(error)"
    }
  }
}
