import Formats

/// A line for a shell, to be copied from a report by a person who trusts it.
///
/// Names of modules, packages, files and hosts come from the program under test. So no text with such a name in it
/// becomes a command: a line is one of ours as it is written in the source, or made of words, each of them quoted.
package struct FixCommand: Sendable, Equatable, ExpressibleByStringLiteral {
  /// The line.
  package let line: String

  private init(line: String) { self.line = line }

  /// A line of ours, without any part that was read.
  package init(stringLiteral line: StaticString) { self.line = line.description }

  /// The words, quoted where they have to be; nil when one has something in it that a reader would not see.
  package init?(_ words: String...) { self.init(words) }

  /// The same of a list.
  package init?(_ words: [String]) {
    guard !words.contains(where: { $0.unicodeScalars.contains(where: TerminalText.isHidden) }) else {
      return nil
    }
    line = ShellWords.join(words)
  }

  /// A start command of the project's with options of ours; nil when it is more than one plain command.
  package init?(start command: String) {
    guard
      !command.unicodeScalars.contains(where: {
        TerminalText.isHidden($0) || ";|&<>()`#!\\".unicodeScalars.contains($0)
      })
    else { return nil }
    line = command
  }

  /// A line of a signature, each `{name}` in it filled with a quoted word; nil when a word has something in it that a
  /// reader would not see, or could be taken for an option.
  init?(filling template: String, _ values: [String: String]) {
    var isSafe = true
    line = SignatureText.filled(template, values) { word in
      isSafe = isSafe && !word.hasPrefix("-") && !word.unicodeScalars.contains(where: TerminalText.isHidden)
      return ShellWords.quoted(word)
    }
    if !isSafe { return nil }
  }

  /// The line with its output at the end of a file, or in place of it.
  func writing(_ operation: String, to file: String) -> FixCommand? {
    Self(ShellWords.file(file)).map { Self(line: "\(line) \(operation) \($0.line)") }
  }
}

/// What may be the name of a package.
enum PackageName {
  /// A distribution's name (packaging.python.org, "Names and normalization"), with extras and versions behind it as
  /// in a requirement.
  static func isPython(_ requirement: String) -> Bool {
    let name = DependencyAdvice.name(ofRequirement: requirement)
    guard let first = name.utf8.first, let last = name.utf8.last, isAlphanumeric(first), isAlphanumeric(last),
      name.utf8.allSatisfy({ isAlphanumeric($0) || "-_.".utf8.contains($0) })
    else { return false }
    return requirement.utf8.dropFirst(name.utf8.count).allSatisfy {
      isAlphanumeric($0) || "-_.[],<>=!~*+".utf8.contains($0)
    }
  }

  /// A package's name for npm: docs.npmjs.com, "package.json", name.
  static func isNode(_ name: String) -> Bool {
    var parts = name.split(separator: "/", omittingEmptySubsequences: false)
    if let scope = parts.first, scope.hasPrefix("@"), parts.count == 2 { parts[0] = scope.dropFirst() }
    return (parts.count == 1 || name.hasPrefix("@") && parts.count == 2)
      && parts.allSatisfy { part in
        guard let first = part.utf8.first, isAlphanumeric(first) else { return false }
        return part.utf8.allSatisfy { isAlphanumeric($0) || "-_.~".utf8.contains($0) }
      }
  }

  /// A version of either world.
  static func isVersion(_ text: String) -> Bool {
    guard let first = text.utf8.first, isAlphanumeric(first) else { return false }
    return text.utf8.allSatisfy { isAlphanumeric($0) || "-_.+!".utf8.contains($0) }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }
}
