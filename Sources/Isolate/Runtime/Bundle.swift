/// An OCI bundle: a directory with a config.json (runtime-spec, bundle.md).
public struct Bundle: Sendable {
  /// The directory's absolute path.
  public let path: String
  /// The decoded config.json.
  public var spec: RuntimeSpec
  /// config.json as it was read.
  let configuration: [UInt8]
  /// The filter of a bundle that was opened without reading that section, so that `spec` has none.
  let laterFilter: LaterFilter?

  /// Opens a bundle and decodes its configuration.
  ///
  /// - Throws: `IsolateError` with the path, and for malformed JSON the byte offset.
  public init(path: String) throws(IsolateError) { try self.init(path: path, isOnlyOne: false) }

  /// What was decoded of the only bundle.
  nonisolated(unsafe) private static var kept: JSONValue?

  /// The same; with `isOnlyOne` for a program that starts one container and ends: the filter is left for later, where
  /// it can be, and the decoded text is not taken apart again. `configuration` is another file to be read in place of
  /// the bundle's; its plain name config.json means the bundle's own, as crun has it.
  package init(path: String, configuration other: String? = nil, isOnlyOne: Bool) throws(IsolateError) {
    guard let real = Files.real(path) else {
      throw .unavailable(
        what: "bundle \(path)", why: "no such directory",
        remedy: "make one with `isolate spec --bundle \(path)`")
    }
    var file = "\(real)/config.json"
    if let other, other != "config.json" { file = other }
    let text = try JSONFile.bytes(file, endsAtShortRead: true)
    let json: JSONValue
    if isOnlyOne {
      (json, laterFilter) = try LaterFilter.leave(in: text, of: file)
      unsafe Self.kept = json
    } else {
      do { json = try JSONParser.parse(text) } catch { throw .json(path: file, error) }
      laterFilter = nil
    }
    do { spec = try RuntimeSpec(json: json) } catch { throw .specification(error) }
    configuration = text
    self.path = real
  }
}
