/// Reads members of a JSON object and remembers the path for errors.
///
/// Unknown members are ignored, as the specification asks (config.md, "Extensibility"); members that
/// are known but not honoured by this runtime are refused by `refuse`.
struct SpecDecoder {
  let value: JSONValue
  private let place: Place

  /// Where the value is, as errors name it: "mounts[2].options".
  var path: String { place.text }

  init(value: JSONValue, path: String) { self.init(value, .root(path)) }

  private init(_ value: JSONValue, _ place: Place) {
    self.value = value
    self.place = place
  }

  /// The way to a value, put into words only when something is wrong there.
  private indirect enum Place {
    case root(String)
    case member(String, of: Place)
    case item(Int, of: Place)

    var text: String {
      switch self {
      case .root(let path): return path
      case .member(let key, let place):
        let path = place.text
        return path.isEmpty ? key : "\(path).\(key)"
      case .item(let index, let place): return "\(place.text)[\(index)]"
      }
    }
  }

  private func child(_ key: String) -> String { Place.member(key, of: place).text }

  private func mismatch(_ key: String, _ expected: String) -> SpecError {
    SpecError(path: child(key), message: "expected \(expected)")
  }

  /// The member, or nil when it is absent or null.
  func member(_ key: String) -> JSONValue? {
    guard let found = value[key], found != .null else { return nil }
    return found
  }

  /// Fails when the member is there: it asks for something this runtime does not do.
  func refuse(_ keys: String..., because reason: String) throws(SpecError) {
    for key in keys where member(key) != nil {
      throw SpecError(path: child(key), message: reason)
    }
  }

  func object(_ key: String) throws(SpecError) -> SpecDecoder? {
    guard let found = member(key) else { return nil }
    guard case .object = found else { throw mismatch(key, "an object") }
    return SpecDecoder(found, .member(key, of: place))
  }

  func objects(_ key: String) throws(SpecError) -> [SpecDecoder] {
    guard let found = member(key) else { return [] }
    guard case .array(let items) = found else { throw mismatch(key, "an array of objects") }
    let place = Place.member(key, of: place)
    var decoders: [SpecDecoder] = []
    decoders.reserveCapacity(items.count)
    for (index, item) in items.enumerated() {
      guard case .object = item else {
        throw SpecError(path: Place.item(index, of: place).text, message: "expected an object")
      }
      decoders.append(SpecDecoder(item, .item(index, of: place)))
    }
    return decoders
  }

  /// An object whose members are all objects.
  func namedObjects(_ key: String) throws(SpecError) -> [(name: String, value: SpecDecoder)] {
    guard let found = member(key) else { return [] }
    guard case .object(let members) = found else { throw mismatch(key, "an object of objects") }
    var decoders: [(name: String, value: SpecDecoder)] = []
    for (name, value) in members {
      guard case .object = value else {
        throw SpecError(path: "\(child(key)).\(name)", message: "expected an object")
      }
      decoders.append((name, SpecDecoder(value, .member(name, of: .member(key, of: place)))))
    }
    return decoders
  }

  func string(_ key: String) throws(SpecError) -> String? {
    guard let found = member(key) else { return nil }
    guard case .string(let text) = found else { throw mismatch(key, "a string") }
    if Self.holdsNUL(text) { throw SpecError(path: child(key), message: "holds a NUL character") }
    return text
  }

  private static func holdsNUL(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { bytes in unsafe bytes.contains(0) }
  }

  /// A label of a security module; an empty one asks for nothing.
  func label(_ key: String) throws(SpecError) -> String? {
    guard let text = try string(key), !text.isEmpty else { return nil }
    return text
  }

  func required(_ key: String) throws(SpecError) -> String {
    guard let text = try string(key) else { throw SpecError(path: child(key), message: "is missing") }
    return text
  }

  func strings(_ key: String) throws(SpecError) -> [String] {
    guard let found = member(key) else { return [] }
    guard case .array(let items) = found else { throw mismatch(key, "an array of strings") }
    var texts: [String] = []
    texts.reserveCapacity(items.count)
    for (index, item) in items.enumerated() {
      guard case .string(let text) = item, !Self.holdsNUL(text) else {
        throw SpecError(path: "\(child(key))[\(index)]", message: "expected a string without NUL")
      }
      texts.append(text)
    }
    return texts
  }

  /// An object whose members are all strings.
  func texts(_ key: String) throws(SpecError) -> [String: String] {
    guard let found = member(key) else { return [:] }
    guard case .object(let members) = found else { throw mismatch(key, "an object of strings") }
    var texts: [String: String] = [:]
    for (name, value) in members {
      guard case .string(let text) = value, !Self.holdsNUL(text), !Self.holdsNUL(name) else {
        throw SpecError(path: "\(child(key)).\(name)", message: "expected a string without NUL")
      }
      texts[name] = text
    }
    return texts
  }

  func bool(_ key: String) throws(SpecError) -> Bool? {
    guard let found = member(key) else { return nil }
    guard case .bool(let flag) = found else { throw mismatch(key, "true or false") }
    return flag
  }

  func integer(_ key: String) throws(SpecError) -> Int64? {
    guard let found = member(key) else { return nil }
    guard case .integer(let number) = found else { throw mismatch(key, "a whole number") }
    return number
  }

  func unsigned(_ key: String) throws(SpecError) -> UInt64? {
    switch member(key) {
    case nil: return nil
    case .integer(let number) where number >= 0: return UInt64(number)
    case .unsigned(let number): return number
    default: throw mismatch(key, "a whole number that is not negative")
    }
  }

  /// Ids are 32 bits wide: anything larger is refused, never wrapped (CVE-2024-40635).
  func identifier(_ key: String) throws(SpecError) -> UInt32? {
    guard let number = try unsigned(key) else { return nil }
    guard number < UInt64(UInt32.max) else { throw mismatch(key, "an id below 4294967295") }
    return UInt32(number)
  }

  /// How many ids: all of them are 4294967295.
  func count(_ key: String) throws(SpecError) -> UInt32? {
    guard let number = try unsigned(key) else { return nil }
    guard let count = UInt32(exactly: number) else { throw mismatch(key, "at most 4294967295 ids") }
    return count
  }

  func identifiers(_ key: String) throws(SpecError) -> [UInt32] {
    guard let found = member(key) else { return [] }
    guard case .array(let items) = found else { throw mismatch(key, "an array of ids") }
    var numbers: [UInt32] = []
    for (index, item) in items.enumerated() {
      guard case .integer(let number) = item, number >= 0, number < Int64(UInt32.max) else {
        throw SpecError(path: "\(child(key))[\(index)]", message: "expected an id below 4294967295")
      }
      numbers.append(UInt32(number))
    }
    return numbers
  }
}
