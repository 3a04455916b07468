import Formats

/// The records of a pax extended header: `LENGTH KEY=VALUE\n` (pax(1), "pax Extended Header").
struct PaxRecords {
  private(set) var values: [(key: String, value: [UInt8])] = []

  init() {}

  init(_ bytes: [UInt8]) throws(Failure) {
    var rest = bytes[...]
    while let first = rest.first {
      // GNU tar and others pad with NULs after the last record.
      if first == 0, rest.allSatisfy({ $0 == 0 }) { return }
      guard let space = rest.prefix(8).firstIndex(of: 0x20),
        let length = Self.decimal(rest[rest.startIndex..<space]),
        length > space - rest.startIndex + 3, length <= rest.count,
        rest[rest.startIndex + length - 1] == 0x0a,
        let equals = rest[space..<rest.startIndex + length].firstIndex(of: UInt8(ascii: "=")),
        equals > space + 1
      else { throw Failure(.invalid, "a pax header of the archive is damaged") }
      let key = String(decoding: rest[(space + 1)..<equals], as: UTF8.self)
      values.append((key, Array(rest[(equals + 1)..<(rest.startIndex + length - 1)])))
      rest = rest[(rest.startIndex + length)...]
    }
  }

  /// The last value of a key, or nil; an empty one takes back what a global header said.
  func last(_ key: String) -> [UInt8]? {
    guard let value = values.last(where: { $0.key == key })?.value, !value.isEmpty else { return nil }
    return value
  }

  func number(_ key: String) throws(Failure) -> Int64? {
    guard let value = last(key) else { return nil }
    guard let number = Self.decimal(value[...]) else {
      throw Failure(
        .invalid, "the pax header \(key) is no number: \"\(EntryPath.shown(value).prefix(40))\"")
    }
    return Int64(number)
  }

  /// "1234.567" or "-1.5" as seconds and nanoseconds; more digits than nanoseconds are dropped.
  func time(_ key: String) throws(Failure) -> (seconds: Int64, nanoseconds: Int64)? {
    guard let value = last(key) else { return nil }
    let isNegative = value.first == UInt8(ascii: "-")
    let parts = value.dropFirst(isNegative ? 1 : 0).split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let seconds = parts.first.flatMap({ Self.decimal($0) }),
      parts.count < 2 || parts[1].allSatisfy({ (0x30...0x39).contains($0) })
    else {
      throw Failure(.invalid, "the pax header \(key) is no time: \"\(EntryPath.shown(value).prefix(40))\"")
    }
    var nanoseconds: Int64 = 0
    var digits = parts.count > 1 ? Array(parts[1].prefix(9)) : []
    while digits.count < 9 { digits.append(0x30) }
    for digit in digits { nanoseconds = nanoseconds * 10 + Int64(digit - 0x30) }
    if !isNegative { return (Int64(seconds), nanoseconds) }
    return nanoseconds == 0 ? (-Int64(seconds), 0) : (-Int64(seconds) - 1, 1_000_000_000 - nanoseconds)
  }

  /// Digits only, at most what an Int64 holds.
  static func decimal(_ bytes: ArraySlice<UInt8>) -> Int? {
    guard (1...19).contains(bytes.count) else { return nil }
    var value = 0
    for byte in bytes {
      guard (0x30...0x39).contains(byte) else { return nil }
      let (product, overflows) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = product.addingReportingOverflow(Int(byte - 0x30))
      if overflows || overflowsToo { return nil }
      value = sum
    }
    return value
  }
}
