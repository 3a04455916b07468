import Formats

/// Where projects of several ecosystems say which version of the language they ask for.
package enum RuntimeVersion {
  /// The version in the tag of the last `FROM NAME:TAG` of a Dockerfile: "FROM python:3.11-slim" asks for 3.11.
  package static func baseImage(_ name: String, in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
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
  package static func toolVersion(_ tools: [String], in snapshot: ProjectSnapshot) -> Plan.RuntimeRequest? {
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

  /// The first line with content.
  package static func firstLine(of path: String, in snapshot: ProjectSnapshot) -> String? {
    lines(of: path, in: snapshot).first
  }

  /// The lines with content, without comments.
  package static func lines(of path: String, in snapshot: ProjectSnapshot) -> [String] {
    (snapshot.text(of: path) ?? "").split(whereSeparator: \.isNewline)
      .map { String($0.prefix { $0 != "#" }).trimmingSpace() }.filter { !$0.isEmpty }
  }

  /// A text without what it begins with.
  package static func withoutPrefix(_ prefix: String, _ text: String) -> String {
    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : text
  }
}
