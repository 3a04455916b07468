/// Reads TOML 1.0 (toml.io) as far as a pyproject.toml or a registries.conf needs it.
///
/// Strings of all four kinds, arrays over several lines, inline tables, dotted keys and tables of tables are
/// read; numbers and dates are kept as they are written. What is not understood is an error with its line,
/// never a guess.
package struct TOMLReader {
  var cursor: DocumentCursor
  static let deepest = 32

  /// Reads a whole document.
  package static func read(_ text: String) throws(DocumentError) -> DocumentValue {
    try readNotingLines(text).value
  }

  /// Reads a whole document, and tells of each key and table of it that stands in a line of its own where that is.
  package static func readNotingLines(
    _ text: String
  ) throws(DocumentError) -> LocatedDocument {
    var lines: [[String]: Int] = [:]
    var counts: [[String]: Int] = [:]
    /// The path with the number of each element of an array of tables that is on its way.
    func located(_ path: [String]) -> [String] {
      var result: [String] = []
      for (index, part) in path.enumerated() {
        result.append(part)
        if let count = counts[Array(path[...index])] { result.append("[\(count - 1)]") }
      }
      return result
    }
    var reader = TOMLReader(cursor: DocumentCursor(text))
    var root: [String: DocumentValue] = [:]
    var path: [String] = []
    var defined: Set<[String]> = []
    while try reader.skipToStatement() {
      if reader.cursor.take("[[") {
        path = try reader.key()
        guard reader.cursor.take("]]") else { throw reader.cursor.error("expected ']]'") }
        try reader.appendTable(at: path[...], in: &root)
        // Of each the whole list is gone through: nobody writes so many, but whoever wants that to take long.
        guard counts.count < 1000 else { throw reader.cursor.error("more arrays of tables than are read") }
        counts = counts.filter { $0.key == path || !$0.key.starts(with: path) }
        counts[path, default: 0] += 1
        lines[located(path)] = reader.cursor.line
        // A new element starts with none of its sub-tables defined.
        defined = defined.filter { !$0.starts(with: path) }
      } else if reader.cursor.take("[") {
        path = try reader.key()
        guard reader.cursor.take("]") else { throw reader.cursor.error("expected ']'") }
        guard defined.insert(path).inserted else {
          throw reader.cursor.error("the table [\(path.joined(separator: "."))] stands here a second time")
        }
        lines[located(path)] = reader.cursor.line
        try reader.update(path[...], in: &root) { table throws(DocumentError) in table = table ?? .table([:])
        }
      } else {
        let key = try reader.key()
        let line = reader.cursor.line
        guard reader.cursor.take("=") else { throw reader.cursor.error("expected '='") }
        let value = try reader.value(depth: 0)
        try reader.set(value, at: path + key, in: &root)
        let base = located(path)
        for count in key.indices where lines[base + key[...count]] == nil {
          lines[base + key[...count]] = line
        }
      }
      try reader.endOfLine()
    }
    return LocatedDocument(value: .table(root), lines: lines)
  }

  private mutating func skipToStatement() throws(DocumentError) -> Bool {
    while let byte = cursor.current {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: cursor.advance()
      case UInt8(ascii: "#"): skipComment()
      default: return true
      }
    }
    return false
  }

  mutating func skipSpace() { _ = cursor.take { $0 == 0x20 || $0 == 0x09 } }

  mutating func skipComment() { _ = cursor.take { $0 != 0x0A } }

  private mutating func endOfLine() throws(DocumentError) {
    skipSpace()
    if cursor.current == UInt8(ascii: "#") { skipComment() }
    if cursor.take("\r\n") || cursor.take("\n") || cursor.current == nil { return }
    throw cursor.error("expected the end of the line")
  }

  /// Reads a key of one or more parts, with the space around it.
  mutating func key() throws(DocumentError) -> [String] {
    var parts: [String] = []
    repeat {
      skipSpace()
      switch cursor.current {
      case UInt8(ascii: "\""): parts.append(try basicString())
      case UInt8(ascii: "'"): parts.append(try literalString())
      default:
        let bare = cursor.take { byte in
          Character(UnicodeScalar(byte)).isASCII
            && (Character(UnicodeScalar(byte)).isLetter || Character(UnicodeScalar(byte)).isNumber
              || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-"))
        }
        guard !bare.isEmpty else { throw cursor.error("expected a key") }
        parts.append(String(decoding: bare, as: UTF8.self))
      }
      skipSpace()
    } while cursor.take(".")
    return parts
  }

  func set(
    _ value: DocumentValue, at path: [String], in root: inout [String: DocumentValue]
  ) throws(DocumentError) {
    try update(path[...], in: &root) { old throws(DocumentError) in
      guard old == nil else {
        throw cursor.error("\(path.joined(separator: ".")) is given a second time")
      }
      old = value
    }
  }

  private func appendTable(
    at path: ArraySlice<String>, in root: inout [String: DocumentValue]
  ) throws(DocumentError) {
    try update(path, in: &root) { old throws(DocumentError) in
      switch old {
      case nil: old = .array([.table([:])])
      case .array(let elements): old = .array(elements + [.table([:])])
      default: throw cursor.error("\(path.joined(separator: ".")) is no array of tables")
      }
    }
  }

  /// Changes the value at a path; tables on the way are made, and of an array of tables the last is entered.
  private func update(
    _ path: ArraySlice<String>, in table: inout [String: DocumentValue],
    _ change: (inout DocumentValue?) throws(DocumentError) -> Void
  ) throws(DocumentError) {
    guard let key = path.first else { return }
    if path.count == 1 {
      try change(&table[key])
      return
    }
    switch table[key] {
    case nil:
      var inner: [String: DocumentValue] = [:]
      try update(path.dropFirst(), in: &inner, change)
      table[key] = .table(inner)
    case .table(var inner):
      try update(path.dropFirst(), in: &inner, change)
      table[key] = .table(inner)
    case .array(var elements):
      guard case .table(var inner) = elements.last else { throw cursor.error("\(key) is no table") }
      try update(path.dropFirst(), in: &inner, change)
      elements[elements.count - 1] = .table(inner)
      table[key] = .array(elements)
    default:
      throw cursor.error("\(key) is no table")
    }
  }
}
