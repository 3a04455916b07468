/// A set of processors or memory nodes, written as a list such as "0-3,7" (cpuset(7), "List format").
public struct CPUSet: Sendable, Equatable {
  /// As it was written.
  public let text: String
  /// The bits, 64 in each word.
  public let words: [UInt64]

  /// The largest number that may be in it; the kernel's own limit on the usual architectures is 8191.
  private static let last = 8191

  /// Nil unless the text is a list.
  public init?(_ text: String) {
    var words: [UInt64] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false)
      let numbers = ends.compactMap { end in end.allSatisfy { ("0"..."9").contains($0) } ? Int(end) : nil }
      guard numbers.count == ends.count, (1...2).contains(ends.count),
        numbers[0] <= numbers[numbers.count - 1],
        numbers[numbers.count - 1] <= Self.last
      else { return nil }
      for number in numbers[0]...numbers[numbers.count - 1] {
        while words.count <= number / 64 { words.append(0) }
        words[number / 64] |= 1 << UInt64(number % 64)
      }
    }
    self.text = text
    self.words = words
  }
}
