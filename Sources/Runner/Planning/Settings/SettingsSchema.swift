/// The published JSON Schema of a file of settings, made of the table that reads it.
package enum SettingsSchema {
  /// The text of docs/preflight.schema.json.
  package static func render() -> String {
    func property(_ key: SettingKey, _ name: some StringProtocol, _ space: String) -> String {
      "\(space)\"\(name)\": {\n\(space)  \"description\": \"\(key.summary)\",\n\(space)  \(type(of: key.kind))\n\(space)}"
    }
    var properties = SettingKey.all.filter { $0.table == nil }.map { property($0, $0.name, "    ") }
    for table in Set(SettingKey.all.compactMap(\.table)).sorted() {
      let inner = SettingKey.all.filter { $0.table == table }.map {
        property($0, $0.name.dropFirst(table.count + 1), "        ")
      }
      properties.append(
        """
            "\(table)": {
              "type": "object",
              "properties": {
        \(inner.joined(separator: ",\n"))
              },
              "additionalProperties": false
            }
        """)
    }
    return """
      {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of preflight: preflight.toml, [tool.preflight] of pyproject.toml, \\"preflight\\" of package.json",
        "type": "object",
        "properties": {
      \(properties.joined(separator: ",\n"))
        },
        "additionalProperties": false
      }

      """
  }

  private static func type(of kind: SettingKey.Kind) -> String {
    switch kind {
    case .text: #""type": "string""#
    case .path: #""type": "string", "pattern": "^(/|tcp$)""#
    case .integer(let range):
      "\"type\": \"integer\", \"minimum\": \(range.lowerBound), \"maximum\": \(range.upperBound)"
    case .number: #""type": "number", "minimum": 0"#
    case .size: #""type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?([KkMmGg]([Ii]?[Bb])?|[Bb])?$""#
    case .duration: #""type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(ms|s|m|h)?$""#
    case .choice(let words): "\"enum\": [\(words.map { "\"\($0)\"" }.joined(separator: ", "))]"
    case .boolean: #""type": "boolean""#
    case .variables: #""type": "object""#
    case .address: #""type": "string", "pattern": "^https?://[^@#]+$""#
    case .headers: #""type": "string""#
    }
  }
}
