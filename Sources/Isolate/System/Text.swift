extension StringProtocol {
  /// Whether another text is somewhere in this one, byte by byte: what the standard library offers for it brings
  /// regular expressions with it.
  func holds(_ part: String) -> Bool {
    let (whole, part) = (Array(utf8), Array(part.utf8))
    guard whole.count >= part.count else { return false }
    return (0...(whole.count - part.count)).contains { start in
      whole[start..<(start + part.count)].elementsEqual(part)
    }
  }
}
