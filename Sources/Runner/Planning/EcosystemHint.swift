import Analysis
import Formats

/// What a start command says about the project's language.
struct EcosystemHint {
  let ecosystems: [any Ecosystem]

  init(_ ecosystems: [any Ecosystem]) { self.ecosystems = ecosystems }

  /// The ecosystem whose program a command starts.
  func ecosystem(of line: String) -> EcosystemID? {
    for word in Self.words(line) {
      if let found = ecosystems.first(where: { $0.runs(word) }) { return found.id }
    }
    return nil
  }

  /// The ecosystem of which a word is the interpreter.
  func interpreter(_ word: String) -> (any Ecosystem)? { ecosystems.first { $0.isInterpreter(word) } }

  /// Whether a word starts a script of a manifest.
  func isScriptRunner(_ word: String) -> Bool {
    ecosystems.contains { $0.toolchain.scriptRunners.contains(word) }
  }

  /// Whether a command starts a program that serves HTTP.
  func startsServer(_ line: String) -> Bool {
    Self.words(line).contains { word in ecosystems.contains { $0.toolchain.servers.contains(word) } }
  }

  /// The words of a command without their folders; of a line that needs a shell, what stands between spaces.
  static func words(_ line: String) -> [String] {
    let words = ShellWords.simpleCommand(line) ?? line.split { " \t;&|()".contains($0) }.map(String.init)
    return words.map { word in word.split(separator: "/").last.map(String.init) ?? word }
  }
}
