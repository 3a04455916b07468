/// An OCI bundle: a directory with a config.json (runtime-spec, bundle.md).
public struct Bundle: Sendable {
  /// The directory's absolute path.
  public let path: String
  /// The decoded config.json.
  public var spec: RuntimeSpec
  /// config.json as it was read.
  let configuration: [UInt8]

  /// Opens a bundle and decodes its configuration.
  ///
  /// - Throws: `IsolateError` with the path, and for malformed JSON the byte offset.
  public init(path: String) throws(IsolateError) {
    guard let real = Files.real(path) else {
      throw .unavailable(
        what: "bundle \(path)", why: "no such directory",
        remedy: "make one with `isolate spec --bundle \(path)`")
    }
    let (text, json) = try JSONFile.readText("\(real)/config.json", endsAtShortRead: true)
    do { spec = try RuntimeSpec(json: json) } catch { throw .specification(error) }
    configuration = text
    self.path = real
  }
}
