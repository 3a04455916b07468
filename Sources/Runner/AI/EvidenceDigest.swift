package import Reports

/// What is sent of a report: the evidence as a text, redacted part by part, then cut to a budget of tokens.
///
/// It is redacted before it is cut, so that no secret loses the beginning by which it is known.
package struct EvidenceDigest: Sendable, Equatable {
  package var text: String
  /// How often something was replaced in it.
  package var redactions: Int
  /// Whether parts were left out for the budget.
  package var isCut: Bool

  /// How many tokens the text has, as estimated.
  package var tokens: Int { Self.tokens(text) }

  /// An upper estimate: logs have shorter tokens than prose, some three bytes each.
  static func tokens(_ text: String) -> Int { (text.utf8.count + 2) / 3 }

  private static let longestLine = 2000

  package init(_ report: Report, redaction: Redaction, tokens budget: Int) {
    var composer = DigestComposer(redaction, report)
    var parts: [String] = []
    var isCut = false
    var left = max(budget, 0) * 3
    for part in composer.parts(of: report) {
      var text = Self.shortened(part.text)
      if text.utf8.count + 1 > left {
        isCut = true
        text = Self.fitting(text, bytes: left - 1, keepsEnd: part.keepsEnd)
      }
      guard !text.isEmpty else { continue }
      left -= text.utf8.count + 1
      parts.append(text)
    }
    text = parts.joined(separator: "\n")
    redactions = composer.count
    self.isCut = isCut
  }

  private static func shortened(_ text: String) -> String {
    guard text.utf8.count > longestLine else { return text }
    return text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { $0.utf8.count > longestLine ? prefix($0, longestLine) + " ..." : String($0) }
      .joined(separator: "\n")
  }

  /// As many whole lines as fit, of the end or the beginning, the first line always.
  private static func fitting(_ text: String, bytes: Int, keepsEnd: Bool) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let first = lines.first, first.utf8.count + 4 <= bytes else { return "" }
    var left = bytes - first.utf8.count - 4
    var kept: [String] = []
    for line in keepsEnd ? lines.dropFirst().reversed() : Array(lines.dropFirst()) {
      guard line.utf8.count + 1 <= left else { break }
      left -= line.utf8.count + 1
      kept.append(line)
    }
    return ([first] + (keepsEnd ? ["..."] + kept.reversed() : kept + ["..."])).joined(separator: "\n")
  }

  private static func prefix(_ text: Substring, _ bytes: Int) -> String {
    var end = bytes
    let utf8 = Array(text.utf8)
    while end > 0, utf8[end] & 0xC0 == 0x80 { end -= 1 }
    return String(decoding: utf8[..<end], as: UTF8.self)
  }
}
