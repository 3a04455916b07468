/// A text as the bytes that redaction looks at.
struct ScannedText {
  let bytes: [UInt8]

  init(_ text: String) { bytes = Array(text.utf8) }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  static func isLower(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte) }
  static func isUpper(_ byte: UInt8) -> Bool { (0x41...0x5A).contains(byte) }
  static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
  static func isLetter(_ byte: UInt8) -> Bool { isLower(byte) || isUpper(byte) }
  static func isAlphanumeric(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }
  /// What names are made of; a byte above ASCII is part of a letter.
  static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == 0x5F || byte >= 0x80 }
  static func isHexadecimal(_ byte: UInt8) -> Bool { isDigit(byte) || (0x61...0x66).contains(byte | 0x20) }
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
  static func isQuote(_ byte: UInt8) -> Bool { byte == 0x22 || byte == 0x27 || byte == 0x60 }
  /// What tokens are made of, in whatever alphabet.
  static func isToken(_ byte: UInt8) -> Bool {
    isAlphanumeric(byte) || [0x5F, 0x2D, 0x2E, 0x2B, 0x2F, 0x3D, 0x7E, 0x25, 0x7C].contains(byte)
  }

  /// Whether a text stands at a place.
  func has(_ text: some Collection<UInt8>, at position: Int) -> Bool {
    position >= 0 && bytes.count - position >= text.count
      && bytes[position..<position + text.count].elementsEqual(text)
  }

  /// The place where bytes of a kind end that begin at a place, `most` bytes further on at the latest.
  func end(from position: Int, most: Int = .max, while isMember: (UInt8) -> Bool) -> Int {
    var end = position
    let last = most < bytes.count - position ? position + most : bytes.count
    while end < last, isMember(bytes[end]) { end += 1 }
    return end
  }

  /// The byte at a place; nil outside of the text.
  func byte(_ position: Int) -> UInt8? { bytes.indices.contains(position) ? bytes[position] : nil }

  /// Where the line of a place ends, and where it begins, or 1024 bytes before the place where that is further away.
  func lineEnd(_ position: Int) -> Int { end(from: position) { $0 != 0x0A } }
  func lineStart(_ position: Int) -> Int {
    var start = position
    while start > 0, bytes[start - 1] != 0x0A, position - start < 1024 { start -= 1 }
    return start
  }

  /// The ranges of the lines, without their ends.
  var lines: [Range<Int>] {
    var lines: [Range<Int>] = []
    var start = 0
    while start <= bytes.count {
      let end = lineEnd(start)
      lines.append(start..<end)
      start = end + 1
    }
    return lines
  }

  /// The maximal runs of bytes of a kind.
  func runs(of isMember: (UInt8) -> Bool) -> [Range<Int>] {
    var runs: [Range<Int>] = []
    var position = 0
    while position < bytes.count {
      guard isMember(bytes[position]) else {
        position += 1
        continue
      }
      let end = end(from: position, while: isMember)
      runs.append(position..<end)
      position = end
    }
    return runs
  }

  func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
