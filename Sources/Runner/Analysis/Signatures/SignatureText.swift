/// Texts with `{names}` in them.
enum SignatureText {
  /// The names that a text uses; nil when a brace is not closed.
  static func names(in text: String) -> [String]? {
    var names: [String] = []
    var rest = text[...]
    while let open = rest.firstIndex(of: "{") {
      guard let close = rest[open...].firstIndex(of: "}") else { return nil }
      names.append(String(rest[rest.index(after: open)..<close]))
      rest = rest[rest.index(after: close)...]
    }
    return names
  }

  /// The text with the values in the places of their names; `transform` is applied to each value.
  static func filled(
    _ text: String, _ values: [String: String], transform: (String) -> String = { $0 }
  ) -> String {
    var result = ""
    var rest = text[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      let name = String(rest[rest.index(after: open)..<close])
      result += rest[..<open] + transform(values[name] ?? name)
      rest = rest[rest.index(after: close)...]
    }
    return result + rest
  }
}
