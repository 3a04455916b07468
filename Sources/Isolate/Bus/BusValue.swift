/// A value of D-Bus (D-Bus Specification, "Type System"), of the types that systemd's manager takes and gives.
enum BusValue: Equatable, Sendable {
  case byte(UInt8)
  case boolean(Bool)
  case uint32(UInt32)
  case uint64(UInt64)
  case string(String)
  case objectPath(String)
  case signature(String)
  /// The elements, which are all of one type, by its signature.
  case array(of: String, [BusValue])
  case structure([BusValue])
  indirect case variant(BusValue)

  /// The type, as in a signature.
  var signature: String {
    switch self {
    case .byte: "y"
    case .boolean: "b"
    case .uint32: "u"
    case .uint64: "t"
    case .string: "s"
    case .objectPath: "o"
    case .signature: "g"
    case .array(let element, _): "a\(element)"
    case .structure(let members): "(\(members.map(\.signature).joined()))"
    case .variant: "v"
    }
  }

  /// The boundary a value of a type begins at, in bytes.
  static func alignment(of type: UInt8) -> Int {
    switch type {
    case UInt8(ascii: "y"), UInt8(ascii: "g"), UInt8(ascii: "v"): 1
    case UInt8(ascii: "n"), UInt8(ascii: "q"): 2
    case UInt8(ascii: "x"), UInt8(ascii: "t"), UInt8(ascii: "d"), UInt8(ascii: "("), UInt8(ascii: "{"): 8
    default: 4
    }
  }

  /// The text of a string, an object path or a signature.
  var text: String? {
    switch self {
    case .string(let text), .objectPath(let text), .signature(let text): text
    case .variant(let value): value.text
    default: nil
    }
  }
}

/// Writes values in the little-endian form (D-Bus Specification, "Marshaling").
struct BusWriter {
  private(set) var bytes: [UInt8] = []

  mutating func align(_ boundary: Int) {
    while bytes.count % boundary != 0 { bytes.append(0) }
  }

  mutating func put<Number: FixedWidthInteger>(_ number: Number) {
    align(MemoryLayout<Number>.size)
    for place in 0..<MemoryLayout<Number>.size {
      bytes.append(UInt8(truncatingIfNeeded: number >> Number(8 * place)))
    }
  }

  mutating func put(_ value: BusValue) {
    switch value {
    case .byte(let number): bytes.append(number)
    case .boolean(let flag): put(flag ? 1 as UInt32 : 0)
    case .uint32(let number): put(number)
    case .uint64(let number): put(number)
    case .string(let text), .objectPath(let text):
      put(UInt32(text.utf8.count))
      bytes += Array(text.utf8) + [0]
    case .signature(let text): bytes += [UInt8(text.utf8.count)] + Array(text.utf8) + [0]
    case .array(let element, let items):
      put(0 as UInt32)
      let place = bytes.count - 4
      align(BusValue.alignment(of: element.utf8.first ?? 0))
      let begin = bytes.count
      for item in items { put(item) }
      let length = UInt32(bytes.count - begin)
      for offset in 0..<4 { bytes[place + offset] = UInt8(truncatingIfNeeded: length >> UInt32(8 * offset)) }
    case .structure(let members):
      align(8)
      for member in members { put(member) }
    case .variant(let inner):
      put(.signature(inner.signature))
      put(inner)
    }
  }
}

/// Reads values that somebody else wrote: every length is checked, and nesting is limited.
struct BusReader {
  struct Malformed: Error, Equatable {}

  private let bytes: [UInt8]
  private(set) var place: Int
  private let isBigEndian: Bool

  init(_ bytes: [UInt8], at place: Int = 0, isBigEndian: Bool) {
    self.bytes = bytes
    self.place = place
    self.isBigEndian = isBigEndian
  }

  mutating func align(_ boundary: Int) throws(Malformed) {
    let aligned = (place + boundary - 1) / boundary * boundary
    guard aligned <= bytes.count else { throw Malformed() }
    place = aligned
  }

  mutating func number<Number: FixedWidthInteger & UnsignedInteger>() throws(Malformed) -> Number {
    let size = MemoryLayout<Number>.size
    try align(size)
    guard bytes.count - place >= size else { throw Malformed() }
    var number: Number = 0
    for offset in 0..<size {
      let from = isBigEndian ? place + offset : place + size - 1 - offset
      number = size == 1 ? Number(bytes[from]) : number << 8 | Number(bytes[from])
    }
    place += size
    return number
  }

  private mutating func text(_ length: Int) throws(Malformed) -> String {
    guard bytes.count - place > length, bytes[place + length] == 0 else { throw Malformed() }
    defer { place += length + 1 }
    return String(decoding: bytes[place..<place + length], as: UTF8.self)
  }

  /// The values of a signature, one after the other.
  mutating func values(_ signature: String) throws(Malformed) -> [BusValue] {
    var types = Array(signature.utf8)[...]
    var values: [BusValue] = []
    while !types.isEmpty { values.append(try value(&types, depth: 0)) }
    return values
  }

  /// The value of the first complete type, which is taken away.
  private mutating func value(_ types: inout ArraySlice<UInt8>, depth: Int) throws(Malformed) -> BusValue {
    guard depth < 16, let type = types.popFirst() else { throw Malformed() }
    switch type {
    case UInt8(ascii: "y"): return .byte(try number())
    case UInt8(ascii: "b"): return .boolean(try number() as UInt32 != 0)
    case UInt8(ascii: "n"), UInt8(ascii: "q"): return .uint32(UInt32(try number() as UInt16))
    case UInt8(ascii: "i"), UInt8(ascii: "u"), UInt8(ascii: "h"): return .uint32(try number())
    case UInt8(ascii: "x"), UInt8(ascii: "t"), UInt8(ascii: "d"): return .uint64(try number())
    case UInt8(ascii: "s"): return .string(try text(Int(try number() as UInt32)))
    case UInt8(ascii: "o"): return .objectPath(try text(Int(try number() as UInt32)))
    case UInt8(ascii: "g"): return .signature(try text(Int(try number() as UInt8)))
    case UInt8(ascii: "v"):
      guard case .signature(let inner) = try one("g", depth) else { throw Malformed() }
      return .variant(try one(inner, depth + 1))
    case UInt8(ascii: "a"): return try array(&types, depth)
    case UInt8(ascii: "("), UInt8(ascii: "{"):
      try align(8)
      var members: [BusValue] = []
      while let next = types.first, next != UInt8(ascii: ")"), next != UInt8(ascii: "}") {
        members.append(try value(&types, depth: depth + 1))
      }
      guard types.popFirst() != nil else { throw Malformed() }
      return .structure(members)
    default: throw Malformed()
    }
  }

  private mutating func one(_ signature: String, _ depth: Int) throws(Malformed) -> BusValue {
    var types = Array(signature.utf8)[...]
    let found = try value(&types, depth: depth)
    guard types.isEmpty else { throw Malformed() }
    return found
  }

  private mutating func array(_ types: inout ArraySlice<UInt8>, _ depth: Int) throws(Malformed) -> BusValue {
    let length = Int(try number() as UInt32)
    guard let first = types.first else { throw Malformed() }
    try align(BusValue.alignment(of: first))
    guard length <= bytes.count - place else { throw Malformed() }
    let end = place + length
    let element = types
    let rest = try Self.afterOneType(types)
    var items: [BusValue] = []
    while place < end {
      var again = element
      items.append(try value(&again, depth: depth + 1))
    }
    guard place == end else { throw Malformed() }
    types = rest
    return .array(of: String(decoding: element[..<rest.startIndex], as: UTF8.self), items)
  }

  /// What follows the first complete type of a signature.
  private static func afterOneType(_ types: ArraySlice<UInt8>) throws(Malformed) -> ArraySlice<UInt8> {
    var rest = types
    var open = 0
    while let type = rest.popFirst() {
      switch type {
      case UInt8(ascii: "("), UInt8(ascii: "{"): open += 1
      case UInt8(ascii: ")"), UInt8(ascii: "}"): open -= 1
      case UInt8(ascii: "a"): continue
      default: break
      }
      if open == 0 { return rest }
    }
    throw Malformed()
  }
}
