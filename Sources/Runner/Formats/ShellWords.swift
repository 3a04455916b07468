/// Words of a shell line, as far as a plan needs them.
package enum ShellWords {
  /// Joins words to a line that a shell splits into the same words.
  package static func join(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }

  /// The word, in quotes when it needs some.
  package static func quoted(_ word: String) -> String {
    let isPlain = word.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: "-_./:=@%+,".utf8.contains(byte)
      }
    }
    if isPlain, !word.isEmpty { return word }
    return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  /// A file's name as a program takes it for no option.
  package static func file(_ name: String) -> String { name.hasPrefix("-") ? "./\(name)" : name }

  /// Splits a line of plain and quoted words; nil when the line needs a shell (operators, expansions, globs).
  ///
  /// `exec` at the beginning and assignments before the command (`A=b cmd`) are left out; `$NAME` and `${...}`
  /// inside a word are kept as they are written.
  package static func simpleCommand(_ line: String) -> [String]? {
    guard let words = split(line) else { return nil }
    var rest = words[...]
    while let first = rest.first, first == "exec" || isAssignment(first) { rest.removeFirst() }
    return rest.isEmpty ? nil : Array(rest)
  }

  /// Commands which only a shell can carry out.
  private static let builtins: Set<String> = [
    ".", ":", "alias", "cd", "command", "eval", "exit", "export", "if", "for", "while", "until", "case",
    "read", "set",
    "shift", "source", "trap", "ulimit", "umask", "unset", "wait", "{", "!",
  ]

  /// The line with `exec` before it when it is one plain command; other lines as they are.
  package static func replacingShell(_ line: String) -> String {
    guard let words = split(line), let first = words.first, first != "exec",
      let program = simpleCommand(line)?.first, !builtins.contains(program)
    else { return line }
    return (isAssignment(first) ? "exec env " : "exec ") + line.trimmingSpace()
  }

  /// The words of a line that no shell reads: quotes and backslashes count, operators and variables are plain text.
  ///
  /// Nil when a quote stays open.
  package static func plainWords(_ line: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var characters = Array(line)[...]
    while let character = characters.popFirst() {
      switch character {
      case _ where character.isWhitespace:
        if let finished = word { words.append(finished) }
        word = nil
      case "'":
        guard let end = characters.firstIndex(of: "'") else { return nil }
        word = (word ?? "") + String(characters[..<end])
        characters = characters[(end + 1)...]
      case "\"":
        var text = word ?? ""
        var isOpen = true
        while isOpen, let next = characters.popFirst() {
          if next == "\"" {
            isOpen = false
          } else if next == "\\", let escaped = characters.popFirst() {
            text += (escaped == "\"" || escaped == "\\" ? "" : "\\") + String(escaped)
          } else {
            text += String(next)
          }
        }
        if isOpen { return nil }
        word = text
      case "\\":
        guard let next = characters.popFirst() else { return nil }
        word = (word ?? "") + String(next)
      default: word = (word ?? "") + String(character)
      }
    }
    if let finished = word { words.append(finished) }
    return words
  }

  /// The words of a line of plain and quoted words; nil when it needs a shell.
  package static func words(_ line: String) -> [String]? { split(line) }

  private static func isAssignment(_ word: String) -> Bool {
    guard let equals = word.firstIndex(of: "="), equals != word.startIndex else { return false }
    return word[..<equals].allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
  }

  private static func split(_ line: String) -> [String]? {
    var words: [String] = []
    var word: String?
    var characters = Array(line)[...]
    while let character = characters.popFirst() {
      switch character {
      case " ", "\t":
        if let finished = word { words.append(finished) }
        word = nil
      case "'", "\"":
        guard let end = characters.firstIndex(of: character) else { return nil }
        let quoted = characters[..<end]
        if character == "\"" && quoted.contains(where: { $0 == "\\" || $0 == "`" }) { return nil }
        word = (word ?? "") + String(quoted)
        characters = characters[(end + 1)...]
      case "\\":
        guard let next = characters.popFirst() else { return nil }
        word = (word ?? "") + String(next)
      case "|", "&", ";", "<", ">", "(", ")", "`", "\n", "*", "?", "[":
        return nil
      case "$":
        if characters.first == "(" { return nil }
        word = (word ?? "") + "$"
      case "#" where word == nil:
        characters = []
      default:
        word = (word ?? "") + String(character)
      }
    }
    if let finished = word { words.append(finished) }
    return words
  }
}
