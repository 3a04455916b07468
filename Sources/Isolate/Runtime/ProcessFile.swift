/// The document of `exec --process`: the `process` object of a config.json by itself.
public enum ProcessFile {
  /// Reads and decodes one.
  ///
  /// - Throws: `IsolateError` naming the file and the place.
  public static func read(_ path: String) throws(IsolateError) -> RuntimeSpec.Process {
    let bytes: [UInt8]
    do { bytes = try Files.read(path, limit: 16 << 20) } catch { throw .system(error) }
    let json: JSONValue
    do { json = try JSONParser.parse(bytes) } catch { throw .json(path: path, error) }
    do { return try RuntimeSpec.Process(SpecDecoder(value: json, path: "process")) } catch {
      throw .specification(error)
    }
  }
}
