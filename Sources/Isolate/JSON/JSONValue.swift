/// A JSON document in memory. Objects keep their members' order.
public enum JSONValue: Sendable, Equatable {
  case null
  case bool(Bool)
  /// A number without fraction or exponent that fits 64 bits with sign.
  case integer(Int64)
  /// A whole number above Int64.max that fits 64 bits without sign (rlimits, capability masks).
  case unsigned(UInt64)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([(key: String, value: JSONValue)])

  /// The member of an object, or nil when it is absent or this is no object.
  public subscript(_ key: String) -> JSONValue? {
    guard case .object(let members) = self, let index = Self.index(of: key, in: members) else { return nil }
    return members[index].value
  }

  /// Where a member is among those of an object. Names are the same only if their bytes are (RFC 8259, section 8.3).
  static func index(of key: String, in members: [(key: String, value: JSONValue)]) -> Int? {
    let count = key.utf8.count
    return members.indices.first { members[$0].key.utf8.count == count && members[$0].key == key }
  }

  /// Compares values; the order of an object's members counts.
  public static func == (left: JSONValue, right: JSONValue) -> Bool {
    switch (left, right) {
    case (.null, .null): true
    case (.bool(let a), .bool(let b)): a == b
    case (.integer(let a), .integer(let b)): a == b
    case (.unsigned(let a), .unsigned(let b)): a == b
    case (.double(let a), .double(let b)): a == b
    case (.string(let a), .string(let b)): a == b
    case (.array(let a), .array(let b)): a == b
    case (.object(let a), .object(let b)):
      a.count == b.count && zip(a, b).allSatisfy { $0.key == $1.key && $0.value == $1.value }
    default: false
    }
  }
}

/// Why a text is not JSON, and where.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What was wrong.
  public var message: String
  /// Offset of the offending byte from the start of the text.
  public var byteOffset: Int
  /// The same for people, where the text is at hand.
  var place: JSONPlace?

  init(message: String, byteOffset: Int) {
    self.message = message
    self.byteOffset = byteOffset
  }

  /// "process.args[1]: message at byte N (line L, column C)".
  public var description: String {
    let text = "\(message) at byte \(byteOffset)"
    guard let place else { return text }
    let path = place.path.isEmpty ? "" : "\(place.path): "
    return "\(path)\(text) (line \(place.line), column \(place.column))"
  }

  public static func == (left: JSONError, right: JSONError) -> Bool {
    left.message == right.message && left.byteOffset == right.byteOffset
  }
}
