/// Collects the members of an object, leaving out what is nil or empty.
struct SpecEncoder {
  private var members: [(key: String, value: JSONValue)] = []
  var object: JSONValue { .object(members) }
  var objectUnlessEmpty: JSONValue? { members.isEmpty ? nil : object }

  mutating func add(_ key: String, _ value: JSONValue?) {
    if let value { members.append((key, value)) }
  }

  mutating func add(_ key: String, strings: [String]) {
    if !strings.isEmpty { add(key, .array(strings.map(JSONValue.string))) }
  }

  mutating func add(_ key: String, number: UInt64?) {
    guard let number else { return }
    add(key, number <= UInt64(Int64.max) ? .integer(Int64(number)) : .unsigned(number))
  }
}
