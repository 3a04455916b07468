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
  public init(path: String) throws(IsolateError) { try self.init(path: path, postponesFilter: false) }

  /// The same; with `postponesFilter` the filter is left for later, where it can be.
  package init(path: String, postponesFilter: Bool) throws(IsolateError) {
    guard let real = Files.real(path) else {
      throw .unavailable(
        what: "bundle \(path)", why: "no such directory",
        remedy: "make one with `isolate spec --bundle \(path)`")
    }
    let file = "\(real)/config.json"
    let text = try JSONFile.bytes(file, endsAtShortRead: true)
    var later: LaterFilter?
    let json: JSONValue
    do {
      if postponesFilter {
        // With an agent somebody else takes part in a start, who has to be asked before.
        let (value, section) = try JSONParser.parse(
          text, postponing: "linux", "seccomp", without: "listenerPath")
        json = value
        later = section.map { LaterFilter(path: file, text: text, section: $0) }
      } else {
        json = try JSONParser.parse(text)
      }
    } catch { throw .json(path: file, error) }
    do { spec = try RuntimeSpec(json: json) } catch { throw .specification(error) }
    laterFilter = later
    configuration = text
    self.path = real
  }
}
