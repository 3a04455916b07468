/// Finds the interpreter version a project asks for.
enum RuntimeVersion {
  /// Python's, from the most explicit file to the least: `.python-version`, `.tool-versions`, `runtime.txt`,
  /// `requires-python`.
  static func python(in snapshot: ProjectSnapshot, pyproject: PyProject?) -> Plan.RuntimeRequest? {
    if let version = firstLine(of: ".python-version", in: snapshot) {
      return Plan.RuntimeRequest(version: withoutPrefix("python-", version), source: ".python-version")
    }
    if let version = toolVersion("python", in: snapshot) { return version }
    if let line = firstLine(of: "runtime.txt", in: snapshot), line.hasPrefix("python-") {
      return Plan.RuntimeRequest(version: withoutPrefix("python-", line), source: "runtime.txt")
    }
    return pyproject?.requiresPython.map {
      Plan.RuntimeRequest(version: $0, source: "pyproject.toml requires-python")
    }
  }

  /// Node's: `engines.node`, `.nvmrc`, `.node-version`, `.tool-versions`.
  static func node(in snapshot: ProjectSnapshot, engine: String?) -> Plan.RuntimeRequest? {
    if let engine { return Plan.RuntimeRequest(version: engine, source: "package.json engines.node") }
    for file in [".nvmrc", ".node-version"] {
      if let version = firstLine(of: file, in: snapshot) {
        return Plan.RuntimeRequest(version: withoutPrefix("v", version), source: file)
      }
    }
    return toolVersion("nodejs", in: snapshot) ?? toolVersion("node", in: snapshot)
  }

  private static func toolVersion(_ tool: String, in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    for line in lines(of: ".tool-versions", in: snapshot) {
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.count >= 2, words[0] == tool {
        return Plan.RuntimeRequest(version: String(words[1]), source: ".tool-versions")
      }
    }
    return nil
  }

  private static func firstLine(of path: String, in snapshot: ProjectSnapshot) -> String? {
    lines(of: path, in: snapshot).first
  }

  /// The lines with content, without comments.
  private static func lines(of path: String, in snapshot: ProjectSnapshot) -> [String] {
    (snapshot.text(of: path) ?? "").split(whereSeparator: \.isNewline)
      .map { String($0.prefix { $0 != "#" }).trimmingSpace() }.filter { !$0.isEmpty }
  }

  private static func withoutPrefix(_ prefix: String, _ text: String) -> String {
    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
  }
}
