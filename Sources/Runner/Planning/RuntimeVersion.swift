import Documents

/// Finds the interpreter version a project asks for.
enum RuntimeVersion {
  /// Python's, from the most explicit file to the least: those of version managers, of platforms, the project's own
  /// metadata, the image that the Dockerfile begins with.
  static func python(in snapshot: ProjectSnapshot, pyproject: PyProject?) -> Plan.RuntimeRequest? {
    if let version = firstLine(of: ".python-version", in: snapshot) {
      return Plan.RuntimeRequest(version: release(version), source: ".python-version")
    }
    if let version = toolVersion(["python"], in: snapshot) { return version }
    if let line = firstLine(of: "runtime.txt", in: snapshot), line.hasPrefix("python-") {
      return Plan.RuntimeRequest(version: release(line), source: "runtime.txt")
    }
    if let version = pipfile(in: snapshot) { return version }
    if let range = pyproject?.requiresPython {
      let isPoetry = pyproject?.requiresPythonIsPoetrys ?? false
      return Plan.RuntimeRequest(
        version: range, source: "pyproject.toml " + (isPoetry ? "tool.poetry python" : "requires-python"))
    }
    return setuptools(in: snapshot) ?? conda(in: snapshot) ?? baseImage("python", in: snapshot)
  }

  /// Node's: `engines.node`, `.nvmrc`, `.node-version`, `.tool-versions`, `volta.node`, the Dockerfile.
  static func node(in snapshot: ProjectSnapshot, manifest: PackageManifest?) -> Plan.RuntimeRequest? {
    if let engine = manifest?.nodeEngine {
      return Plan.RuntimeRequest(version: engine, source: "package.json engines.node")
    }
    for file in [".nvmrc", ".node-version"] {
      if let version = firstLine(of: file, in: snapshot) {
        return Plan.RuntimeRequest(version: withoutPrefix("v", version), source: file)
      }
    }
    if let version = toolVersion(["nodejs", "node"], in: snapshot) { return version }
    if let version = manifest?.voltaNode {
      return Plan.RuntimeRequest(version: version, source: "package.json volta.node")
    }
    return baseImage("node", in: snapshot)
  }

  /// The version in the tag of the last `FROM NAME:TAG` of a Dockerfile: "FROM python:3.11-slim" asks for 3.11.
  private static func baseImage(_ name: String, in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    for file in ["Dockerfile", "Containerfile"] where snapshot.contains(file) {
      var found: String?
      for line in lines(of: file, in: snapshot) {
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
      return found.map { Plan.RuntimeRequest(version: $0, source: "\(file) FROM") }
    }
    return nil
  }

  /// asdf's `.tool-versions`, and mise's files.
  private static func toolVersion(_ tools: [String], in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    for line in lines(of: ".tool-versions", in: snapshot) {
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.count >= 2, tools.contains(String(words[0])) {
        return Plan.RuntimeRequest(version: String(words[1]), source: ".tool-versions")
      }
    }
    for file in ["mise.toml", ".mise.toml"] {
      guard let text = snapshot.text(of: file), let document = try? TOMLReader.read(text) else { continue }
      for tool in tools {
        let value = document["tools", tool]
        if let version = value?.string ?? value?.strings?.first ?? value?["version"]?.string {
          return Plan.RuntimeRequest(version: version, source: file)
        }
      }
    }
    return nil
  }

  private static func pipfile(in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    guard let text = snapshot.text(of: "Pipfile"), let document = try? TOMLReader.read(text) else {
      return nil
    }
    for key in ["python_full_version", "python_version"] {
      if let version = document["requires", key]?.string {
        return Plan.RuntimeRequest(version: version, source: "Pipfile \(key)")
      }
    }
    return nil
  }

  /// `python_requires` where setuptools reads it: a line of setup.cfg, an argument in setup.py.
  private static func setuptools(in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    for file in ["setup.cfg", "setup.py"] {
      for line in lines(of: file, in: snapshot) where line.hasPrefix("python_requires") {
        let value = line.drop { $0 != "=" }.dropFirst()
        let version = value.filter { !"\"' \t".contains($0) }
        let range = version.hasSuffix(",") ? version.dropLast() : version[...]
        if range.contains(where: \.isNumber) {
          return Plan.RuntimeRequest(version: String(range), source: "\(file) python_requires")
        }
      }
    }
    return nil
  }

  /// "- python=3.11" among the dependencies of a conda environment.
  private static func conda(in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
    for file in ["environment.yml", "environment.yaml"] {
      for line in lines(of: file, in: snapshot) where line.hasPrefix("- python") {
        let version = line.dropFirst("- python".count).filter { $0 != " " }
        if let first = version.first, "=<>!~".contains(first) {
          return Plan.RuntimeRequest(version: version, source: "\(file) python")
        }
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

  /// "python-3.11.4" and uv's "cpython-3.12" name a release of the same language.
  private static func release(_ text: String) -> String {
    withoutPrefix("python-", withoutPrefix("cpython-", text))
  }

  private static func withoutPrefix(_ prefix: String, _ text: String) -> String {
    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
  }
}
