/// A strict RFC 8259 parser over bytes, without Foundation: the hot path of `isolate` uses it.
///
/// Depth is limited, duplicate keys are refused (two readers may disagree on which one counts).
public struct JSONParser {
  private let bytes: [UInt8]
  private var at = 0
  private let maximumDepth = 128
  /// The member of a member of the document whose value is passed over, if it is an object without escapes in which
  /// a certain string is not.
  private var postponed: (outer: String, inner: String, without: String)?
  /// Whether the parser is in the outer one, and where the inner one's value was.
  private var isInOuter = false
  private var section: Range<Int>?

  private init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Parses one document; trailing bytes other than white space are an error.
  public static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    do { return try document(bytes) } catch {
      var located = error
      located.place = JSONPlace(of: error.byteOffset, in: bytes)
      throw located
    }
  }

  /// Parses a document but for the value of one member of a member of it, whose brackets alone are looked at: it is
  /// null in what is returned, and `section` says where it is, to be parsed later. Nil where it is not there, holds
  /// the string, or has to be read at once to see where it ends.
  static func parse(
    _ bytes: [UInt8], postponing outer: String, _ inner: String, without string: String
  ) throws(JSONError) -> (value: JSONValue, section: Range<Int>?) {
    var parser = JSONParser(bytes)
    parser.postponed = (outer, inner, string)
    let value: JSONValue
    do {
      value = try parser.value(depth: 0)
      parser.skipSpace()
    } catch {
      // What was passed over may be what is wrong.
      return (try parse(bytes), nil)
    }
    if parser.at < bytes.count { return (try parse(bytes), nil) }
    return (value, parser.section)
  }

  /// Parses a section that was postponed.
  static func parse(_ bytes: [UInt8], section: Range<Int>) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes)
    parser.at = section.lowerBound
    let value = try? parser.value(depth: 2)
    if let value, parser.at == section.upperBound { return value }
    // The first error of the whole document is the one to tell; there must be one.
    _ = try parse(bytes)
    throw parser.error("unexpected text")
  }

  private static func document(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    var parser = JSONParser(bytes)
    let value = try parser.value(depth: 0)
    parser.skipSpace()
    if parser.at < parser.bytes.count { throw parser.error("unexpected text after the document") }
    return value
  }

  private func error(_ message: String) -> JSONError { JSONError(message: message, byteOffset: at) }

  private mutating func skipSpace() {
    while at < bytes.count,
      bytes[at] == 0x20 || (bytes[at] >= 0x09 && bytes[at] <= 0x0d && bytes[at] != 0x0b && bytes[at] != 0x0c)
    {
      at += 1
    }
  }

  private mutating func value(depth: Int) throws(JSONError) -> JSONValue {
    if depth > maximumDepth { throw error("nested too deeply") }
    skipSpace()
    guard at < bytes.count else { throw error("unexpected end") }
    switch bytes[at] {
    case UInt8(ascii: "{"): return try object(depth: depth)
    case UInt8(ascii: "["): return try array(depth: depth)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  private mutating func word(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    let expected = Array("\(text)".utf8)
    guard bytes[at...].starts(with: expected) else { throw error("expected \(text)") }
    at += expected.count
    return value
  }

  private mutating func object(depth: Int) throws(JSONError) -> JSONValue {
    at += 1
    var members: [(key: String, value: JSONValue)] = []
    // Only objects with many members are worth a set.
    var seen: Set<[UInt8]>?
    skipSpace()
    if at < bytes.count, bytes[at] == UInt8(ascii: "}") {
      at += 1
      return .object([])
    }
    members.reserveCapacity(8)
    while true {
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: "\"") else { throw error("expected a member's name") }
      let start = at
      let key = try string()
      if members.count == 32 { seen = Set(members.map { Array($0.key.utf8) }) }
      let isNew = seen?.insert(Array(key.utf8)).inserted ?? (JSONValue.index(of: key, in: members) == nil)
      guard isNew else { throw JSONError(message: "duplicate member \"\(key)\"", byteOffset: start) }
      skipSpace()
      guard at < bytes.count, bytes[at] == UInt8(ascii: ":") else { throw error("expected ':'") }
      at += 1
      if let postponed {
        if depth == 0 { isInOuter = key == postponed.outer }
        if depth == 1, isInOuter, key == postponed.inner, let range = passOver(without: postponed.without) {
          section = range
          members.append((key, .null))
        } else {
          members.append((key, try value(depth: depth + 1)))
        }
      } else {
        members.append((key, try value(depth: depth + 1)))
      }
      skipSpace()
      guard at < bytes.count else { throw error("unexpected end in an object") }
      if bytes[at] == UInt8(ascii: "}") {
        at += 1
        return .object(members)
      }
      guard bytes[at] == UInt8(ascii: ",") else { throw error("expected ',' or '}'") }
      at += 1
    }
  }

  /// Passes over an object by its brackets; nil, and nothing passed, where it is none, holds the string, has an escape
  /// or does not end.
  private mutating func passOver(without string: String) -> Range<Int>? {
    skipSpace()
    let start = at
    let length = string.utf8.count
    let end = unsafe bytes.withUnsafeBufferPointer { bytes -> Int? in
      guard start < bytes.count, let text = bytes.baseAddress, unsafe text[start] == UInt8(ascii: "{") else {
        return nil
      }
      let end = unsafe text + bytes.count
      var (place, open) = unsafe (text + start, 0)
      while unsafe place < end {
        let byte = unsafe place.pointee
        unsafe place += 1
        // Most of what is between strings is white space.
        if byte <= 0x20 { continue }
        if byte == UInt8(ascii: "\"") {
          let first = unsafe place
          while unsafe place < end, unsafe place.pointee != UInt8(ascii: "\"") {
            if unsafe place.pointee == UInt8(ascii: "\\") { return nil }
            unsafe place += 1
          }
          if unsafe place - first == length, unsafe place < end,
            unsafe UnsafeBufferPointer(start: first, count: length).elementsEqual(string.utf8)
          {
            return nil
          }
          unsafe place += 1
        } else if byte | 0x20 == UInt8(ascii: "{") {
          open &+= 1
        } else if byte | 0x20 == UInt8(ascii: "}") {
          open &-= 1
          if open == 0 { return unsafe place - text }
        }
      }
      return nil
    }
    guard let end else { return nil }
    at = end
    return start..<end
  }

  private mutating func array(depth: Int) throws(JSONError) -> JSONValue {
    at += 1
    var items: [JSONValue] = []
    skipSpace()
    if at < bytes.count, bytes[at] == UInt8(ascii: "]") {
      at += 1
      return .array([])
    }
    items.reserveCapacity(8)
    while true {
      items.append(try value(depth: depth + 1))
      skipSpace()
      guard at < bytes.count else { throw error("unexpected end in an array") }
      if bytes[at] == UInt8(ascii: "]") {
        at += 1
        return .array(items)
      }
      guard bytes[at] == UInt8(ascii: ",") else { throw error("expected ',' or ']'") }
      at += 1
    }
  }

  private mutating func string() throws(JSONError) -> String {
    at += 1
    var start = at
    var out: [UInt8]?
    var union: UInt8 = 0
    while true {
      union |= passOverText()
      guard at < bytes.count else { throw error("unexpected end in a string") }
      switch bytes[at] {
      case UInt8(ascii: "\""):
        at += 1
        // As a rule it is ASCII without escapes, which needs no proof.
        if out == nil, union < 0x80 {
          return unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<(at - 1)]), as: UTF8.self)
          }
        }
        let rest = bytes[start..<(at - 1)]
        guard let text = String(validating: (out ?? []) + rest, as: UTF8.self) else {
          throw error("a string is not UTF-8")
        }
        return text
      case UInt8(ascii: "\\"):
        var unescaped = out ?? []
        unescaped.append(contentsOf: bytes[start..<at])
        at += 1
        try escape(into: &unescaped)
        out = unescaped
        start = at
      default: throw error("a control character in a string")
      }
    }
  }

  /// Passes over what stands for itself in a string; all its bytes, or-ed.
  private mutating func passOverText() -> UInt8 {
    var union: UInt8 = 0
    at = unsafe bytes.withUnsafeBufferPointer { bytes in
      var place = at
      while place < bytes.count {
        let byte = unsafe bytes[place]
        if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
        union |= byte
        place &+= 1
      }
      return place
    }
    return union
  }

  private mutating func escape(into out: inout [UInt8]) throws(JSONError) {
    guard at < bytes.count else { throw error("unexpected end in a string") }
    let byte = bytes[at]
    at += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(byte)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0c)
    case UInt8(ascii: "n"): out.append(0x0a)
    case UInt8(ascii: "r"): out.append(0x0d)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      var unit = try hexadecimal()
      if unit >= 0xd800, unit < 0xdc00 {
        guard at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u") else {
          throw error("a lone surrogate in a string")
        }
        at += 2
        let low = try hexadecimal()
        guard low >= 0xdc00, low < 0xe000 else { throw error("a lone surrogate in a string") }
        unit = 0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(unit) else { throw error("a lone surrogate in a string") }
      out.append(contentsOf: String(Character(scalar)).utf8)
    default: throw error("an unknown escape in a string")
    }
  }

  private mutating func hexadecimal() throws(JSONError) -> UInt32 {
    guard at + 4 <= bytes.count else { throw error("unexpected end in a string") }
    var value: UInt32 = 0
    for _ in 0..<4 {
      let byte = bytes[at]
      let digit: UInt32
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = UInt32(byte - UInt8(ascii: "0"))
      case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = UInt32(byte - UInt8(ascii: "a")) + 10
      case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = UInt32(byte - UInt8(ascii: "A")) + 10
      default: throw error("expected four hexadecimal digits")
      }
      value = value << 4 | digit
      at += 1
    }
    return value
  }

  private mutating func number() throws(JSONError) -> JSONValue {
    let start = at
    if bytes[at] == UInt8(ascii: "-") { at += 1 }
    let first = at
    try digits()
    if at - first > 1, bytes[first] == UInt8(ascii: "0") {
      throw JSONError(message: "a number begins with 0", byteOffset: first)
    }
    var whole = true
    if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
      whole = false
      at += 1
      try digits()
    }
    if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
      whole = false
      at += 1
      if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
      try digits()
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if whole {
      if let value = Int64(text) { return .integer(value) }
      if let value = UInt64(text) { return .unsigned(value) }
    }
    guard let value = Double(text), value.isFinite else {
      throw JSONError(message: "a number out of range", byteOffset: start)
    }
    return .double(value)
  }

  private mutating func digits() throws(JSONError) {
    let start = at
    while at < bytes.count, bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") { at += 1 }
    if at == start { throw error(at < bytes.count ? "unexpected character" : "unexpected end") }
  }
}
