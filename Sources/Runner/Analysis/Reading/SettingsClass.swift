/// A pydantic settings class: which variables its fields are read from.
///
/// A field's variable is `env_prefix` and the field's name; an alias stands for itself
/// (https://docs.pydantic.dev/latest/concepts/pydantic_settings/#environment-variable-names).
struct SettingsClass {
  private var prefix = ""
  /// What stands between the names of a nested field: "__".
  private var delimiter: String?
  private var fields: [String: Finding.Location] = [:]

  /// Reads the class of that name, or without one the first that derives from BaseSettings.
  init?(named name: String?, in project: ProjectFacts) {
    let heads = name.map { ["class \($0)("] } ?? []
    guard
      let place = project.place(
        in: project.sourcePaths,
        where: { line in
          let text = line.trimmed
          return heads.isEmpty
            ? text.hasPrefix("class ") && text.has("BaseSettings") : heads.contains { text.hasPrefix($0) }
        }),
      let first = place.line, let source = project.texts[place.file]
    else { return nil }
    let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
    let depth = lines[first - 1].prefix { $0.isWhitespace }.count
    for (index, line) in lines.enumerated().dropFirst(first) {
      let text = line.trimmed
      guard !text.isEmpty, !text.hasPrefix("#") else { continue }
      if line.prefix(while: { $0.isWhitespace }).count <= depth, text.first?.isLetter ?? true { break }
      if let value = SettingsClass.value(of: "env_prefix", in: text) { prefix = value }
      if let value = SettingsClass.value(of: "env_nested_delimiter", in: text) { delimiter = value }
      if let field = text.text(before: ":"), field.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }) {
        fields[String(field)] = Finding.Location(file: place.file, line: index + 1)
      }
    }
  }

  /// The variable of a field as an error names it: "SHOP_DATABASE_URL" for "database_url", "DB__HOST" for "db.host".
  func variable(of field: String) -> String {
    let parts = field.split(separator: ".").map(String.init)
    guard let top = parts.first, fields[top] != nil else { return field.uppercased() }
    return (prefix + (delimiter.map { parts.joined(separator: $0) } ?? top)).uppercased()
  }

  /// The line that declares the field.
  func place(of field: String) -> Finding.Location? {
    fields[String(field.prefix { $0 != "." })]
  }

  /// The quoted text of `name = "..."` or `"name": "..."`.
  private static func value(of name: String, in text: Substring) -> String? {
    guard var rest = text.text(after: name) else { return nil }
    if let quote = rest.first, quote == "\"" || quote == "'" { rest = rest.dropFirst() }
    rest = rest.drop { " =:".contains($0) }
    guard let open = rest.first, open == "\"" || open == "'" else { return nil }
    return String(rest.dropFirst().prefix { $0 != open })
  }
}
