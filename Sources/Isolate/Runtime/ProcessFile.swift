/// The document of `exec --process`: the `process` object of a config.json by itself.
public enum ProcessFile {
  /// Reads and decodes one, and tells whether it says anything of capabilities.
  ///
  /// - Throws: `IsolateError` naming the file and the place.
  public static func read(
    _ path: String
  ) throws(IsolateError) -> (process: RuntimeSpec.Process, namesCapabilities: Bool) {
    let json = try JSONFile.read(path)
    do {
      let process = try RuntimeSpec.Process(SpecDecoder(value: json, path: "process"))
      return (process, json["capabilities"] != nil)
    } catch { throw .specification(error) }
  }
}

/// The document of `update --resources`: the `linux.resources` object of a config.json by itself.
public enum ResourcesFile {
  /// Reads and decodes one; "-" is standard input.
  ///
  /// - Throws: `IsolateError` naming the file and the place.
  public static func read(_ path: String) throws(IsolateError) -> RuntimeSpec.Resources {
    let json = try JSONFile.read(path == "-" ? "/dev/stdin" : path)
    do { return try RuntimeSpec.Resources(SpecDecoder(value: json, path: "linux.resources")) } catch {
      throw .specification(error)
    }
  }
}

/// A JSON document in a file.
enum JSONFile {
  /// Reads and parses one of at most 16 MiB.
  static func read(_ path: String) throws(IsolateError) -> JSONValue {
    let bytes = try bytes(path)
    do { return try JSONParser.parse(bytes) } catch { throw .json(path: path, error) }
  }

  /// The bytes of one.
  static func bytes(_ path: String, endsAtShortRead: Bool = false) throws(IsolateError) -> [UInt8] {
    do { return try Files.read(path, limit: 16 << 20, endsAtShortRead: endsAtShortRead) } catch {
      throw .system(error)
    }
  }
}
