/// Finds the interpreter version a project asks for.
enum RuntimeVersion {
  /// Python's, from the most explicit file to the least: `.python-version`, `.tool-versions`, `runtime.txt`,
  /// `requires-python`, the image that the Dockerfile begins with.
  static func python(in snapshot: ProjectSnapshot, pyproject: PyProject?) -> Plan.RuntimeRequest? {
    if let version = firstLine(of: ".python-version", in: snapshot) {
      return Plan.RuntimeRequest(version: withoutPrefix("python-", version), source: ".python-version")
    }
    if let version = toolVersion("python", in: snapshot) { return version }
    if let line = firstLine(of: "runtime.txt", in: snapshot), line.hasPrefix("python-") {
      return Plan.RuntimeRequest(version: withoutPrefix("python-", line), source: "runtime.txt")
    }
    if let range = pyproject?.requiresPython {
      return Plan.RuntimeRequest(version: range, source: "pyproject.toml requires-python")
    }
    return baseImage("python", in: snapshot)
  }

  /// Node's: `engines.node`, `.nvmrc`, `.node-version`, `.tool-versions`, the Dockerfile.
  static func node(in snapshot: ProjectSnapshot, engine: String?) -> Plan.RuntimeRequest? {
    if let engine { return Plan.RuntimeRequest(version: engine, source: "package.json engines.node") }
    for file in [".nvmrc", ".node-version"] {
      if let version = firstLine(of: file, in: snapshot) {
        return Plan.RuntimeRequest(version: withoutPrefix("v", version), source: file)
      }
    }
    return toolVersion("nodejs", in: snapshot) ?? toolVersion("node", in: snapshot)
      ?? baseImage("node", in: snapshot)
  }

  /// The version in the tag of the last `FROM NAME:TAG` of a Dockerfile: "FROM python:3.11-slim" asks for 3.11.
  private static func baseImage(_ name: String, in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    var found: String?
    for line in lines(of: "Dockerfile", in: snapshot) {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.first?.uppercased() == "FROM",
        let image = words.dropFirst().first(where: { !$0.hasPrefix("--") }),
        let last = image.split(separator: "/").last
      else { continue }
      let parts = last.split(separator: "@")[0].split(separator: ":")
      guard parts.count == 2, parts[0] == name else { continue }
      let version = parts[1].prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      if version.first?.isNumber == true, version.last != "." { found = String(version) }
    }
    return found.map { Plan.RuntimeRequest(version: $0, source: "Dockerfile FROM") }
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
