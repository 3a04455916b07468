import Formats

/// Makes a text that an AI wrote inert: whatever shows it, a terminal, a page, Markdown or a CI system's log, nothing
/// of it is a link, an image, a mention, a command or markup.
enum InertText {
  /// One line, without control characters; addresses, tags, code and what CI systems act on are broken up visibly.
  static func of(_ text: String) -> String {
    var result = TerminalText.plain(text.trimmingSpace())
    for (active, inert) in replacements { result = result.replacing(active, with: inert) }
    for scheme in schemes { result = breaking(scheme, in: result) }
    return result.trimmingSpace()
  }

  private static let replacements: [(String, String)] = [
    // Tags and entities of HTML.
    ("<", "\u{2039}"), (">", "\u{203A}"), ("&#", "& #"),
    // Links, images, code and tables of Markdown; command substitution of shells.
    ("](", "] ("), ("][", "] ["), ("![", "! ["), ("[[", "[ ["), ("`", "'"), ("$(", "$ ("), ("${", "$ {"),
    // Commands of GitHub Actions, TeamCity and Azure Pipelines.
    ("::", ": :"), ("##[", "# # ["), ("##teamcity", "# # teamcity"), ("##vso", "# # vso"),
    // Addresses: "https[:]//host", "a (at) b".
    ("://", "[:]//"), ("@", " (at) "),
  ]

  /// The last character of each is put into brackets: "www[.]host", "mailto[:]a".
  private static let schemes = [
    "www.", "javascript:", "vbscript:", "data:", "mailto:", "file:", "tel:", "ssh:",
  ]

  /// Breaks up each occurrence of a scheme, in whatever case, that something follows at once.
  private static func breaking(_ scheme: String, in text: String) -> String {
    let (bytes, word) = (Array(text.utf8), Array(scheme.utf8))
    var result: [UInt8] = []
    var position = 0
    while position < bytes.count {
      let end = position + word.count
      guard end < bytes.count, bytes[end] > 0x20,
        zip(bytes[position..<end], word).allSatisfy({ ($0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0) == $1 })
      else {
        result.append(bytes[position])
        position += 1
        continue
      }
      result += bytes[position..<end - 1] + [0x5B, bytes[end - 1], 0x5D]
      position = end
    }
    return String(decoding: result, as: UTF8.self)
  }
}
