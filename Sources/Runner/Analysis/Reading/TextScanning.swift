/// Plain searching over bytes: log lines are long and many, and grapheme breaking is not needed to find ASCII.
extension StringProtocol where SubSequence == Substring {
  /// Returns where the first occurrence of an ASCII needle lies.
  func place(of needle: String) -> Range<String.Index>? {
    let pattern = needle.utf8
    guard let first = pattern.first else { return nil }
    var start = utf8.startIndex
    while let candidate = utf8[start...].firstIndex(of: first) {
      if utf8[candidate...].starts(with: pattern) {
        return candidate..<utf8.index(candidate, offsetBy: pattern.count)
      }
      start = utf8.index(after: candidate)
    }
    return nil
  }

  /// Returns whether an ASCII needle occurs.
  package func has(_ needle: String) -> Bool {
    let text = Substring(self)
    return ByteSearch.occurs(needle.utf8.span, in: text.utf8.span)
  }

  /// Returns whether any of the needles occurs.
  package func hasAny(of needles: [String]) -> Bool { needles.contains { has($0) } }

  /// Returns what follows the first occurrence of a needle.
  package func text(after needle: String) -> Substring? {
    place(of: needle).map { self[$0.upperBound...] }
  }

  /// Returns what precedes the first occurrence of a needle.
  package func text(before needle: String) -> Substring? {
    place(of: needle).map { self[..<$0.lowerBound] }
  }

  /// Returns what lies between the first `start` and the next `end`.
  package func text(between start: String, and end: String) -> Substring? {
    text(after: start)?.text(before: end)
  }

  /// The text without spaces and tabs at both ends.
  package var trimmed: Substring {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    guard let first = firstIndex(where: { !isBlank($0) }), let last = lastIndex(where: { !isBlank($0) })
    else { return "" }
    return self[first...last]
  }

  /// The words that look like names of environment variables: upper case, digits, underscores, three or more.
  var variableNames: [String] {
    split { !($0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_")) }
      .filter { $0.isVariableName }.map(String.init)
  }

  /// Whether all of it looks like the name of an environment variable.
  var isVariableName: Bool {
    guard let head = utf8.first, utf8.count >= 3, (65...90).contains(head) else { return false }
    return utf8.allSatisfy { (65...90).contains($0) || (48...57).contains($0) || $0 == 95 }
  }
}

/// The search most rules do on every line, over contiguous bytes.
private enum ByteSearch {
  static func occurs(_ needle: Span<UInt8>, in text: Span<UInt8>) -> Bool {
    guard needle.count > 0, text.count >= needle.count else { return false }
    let first = needle[0]
    for start in 0...(text.count - needle.count) where text[start] == first {
      var length = 1
      while length < needle.count, text[start + length] == needle[length] { length += 1 }
      if length == needle.count { return true }
    }
    return false
  }
}
