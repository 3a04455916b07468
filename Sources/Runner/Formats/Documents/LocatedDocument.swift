/// A document that knows in which line each of its members stands.
package struct LocatedDocument {
  package let value: DocumentValue
  /// By the names on the way; an element of a list is "[0]".
  package let lines: [[String]: Int]

  package init(value: DocumentValue, lines: [[String]: Int]) { (self.value, self.lines) = (value, lines) }

  /// The value at a path; nil when a part is missing.
  package subscript(_ path: [String]) -> DocumentValue? {
    var value = value
    for part in path {
      if part.hasPrefix("["), let elements = value.array, let index = Int(part.dropFirst().dropLast()) {
        guard elements.indices.contains(index) else { return nil }
        value = elements[index]
      } else if let member = value[part] {
        value = member
      } else {
        return nil
      }
    }
    return value
  }

  /// The line of a path, or of what it stands in.
  package func line(_ path: [String]) -> Int {
    for count in stride(from: path.count, through: 0, by: -1) {
      if let line = lines[Array(path.prefix(count))] { return line }
    }
    return 1
  }
}

extension DocumentValue {
  /// The value as a text: a string, a number as it is written, true or false.
  package var text: String? {
    switch self {
    case .string(let text): text
    case .other("null"), .array, .table: nil
    case .other(let number): number
    case .boolean(let value): value ? "true" : "false"
    }
  }
}
