extension StringProtocol {
  /// The columns that a terminal needs for a line without control characters: two for each wide character (Unicode
  /// Standard Annex 11, W and F) and each sign that is shown as a picture, one for every other.
  package var columns: Int {
    // Of ASCII every byte is a column; most lines are.
    if utf8.allSatisfy({ $0 < 0x80 }) { return utf8.count }
    return reduce(0) { $0 + $1.columns }
  }
}

extension Substring {
  /// The longest beginning that fits into some columns, of one character at least.
  package func prefix(columns: Int) -> Substring {
    var used = 0
    var end = startIndex
    while end < endIndex {
      used += self[end].columns
      if used > columns, end > startIndex { break }
      end = index(after: end)
      if used >= columns { break }
    }
    return self[..<end]
  }
}

extension String {
  func prefix(columns: Int) -> Substring { columns > 0 ? self[...].prefix(columns: columns) : "" }
}

extension Character {
  fileprivate var columns: Int {
    guard let first = unicodeScalars.first, first.value >= 0x300 else { return 1 }
    let isPicture = first.properties.isEmojiPresentation || unicodeScalars.contains { $0 == "\u{FE0F}" }
    return isPicture || Self.wide.contains { $0.contains(first.value) } ? 2 : 1
  }

  /// The blocks of wide characters; single ones outside of them are pictures.
  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
    0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60,
    0xFFE0...0xFFE6, 0x16FE0...0x18CFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD,
  ]
}
