import Formats

/// Checks the file which a start command names.
enum StartFile {
  /// The file a command starts and that is not in the project; nil when it is there or the command is not simple.
  static func missing(
    in line: String, snapshot: ProjectSnapshot, hints: EcosystemHint
  ) -> String? {
    guard !snapshot.truncated, let words = ShellWords.simpleCommand(line), let program = words.first else {
      return nil
    }
    if program.hasPrefix("./") {
      let path = relative(program)
      return snapshot.contains(path) || isMade(path) ? nil : path
    }
    let name = program.split(separator: "/").last.map(String.init) ?? program
    // What has no entry files takes a word of its own first: `go run ./cmd/api`.
    guard let ecosystem = hints.interpreter(name), !ecosystem.toolchain.entryEndings.isEmpty else {
      return nil
    }
    var rest = words.dropFirst()
    while let word = rest.popFirst() {
      // A module, a program text or standard input is no file.
      if ["-m", "-c", "-e", "-p", "-", "--eval", "--print"].contains(word) { return nil }
      if ["-W", "-X", "-r", "--require", "--import"].contains(word) { _ = rest.popFirst() }
      if word.hasPrefix("-") { continue }
      guard !word.hasPrefix("/"), !word.contains("$") else { return nil }
      let path = relative(word)
      let tried = [path] + ecosystem.toolchain.entryEndings.map { path + $0 }
      return tried.contains(where: snapshot.contains) || isMade(path) ? nil : path
    }
    return nil
  }

  /// Folders a build or an installation fills.
  private static func isMade(_ path: String) -> Bool {
    ["node_modules/", "dist/", "build/", ".next/", ".output/", "out/"].contains { path.hasPrefix($0) }
  }

  private static func relative(_ path: String) -> String {
    path.hasPrefix("./") ? String(path.dropFirst(2)) : path
  }

  /// The error for a missing start file, with names that are near.
  static func error(_ path: String, snapshot: ProjectSnapshot, subject: String) -> Failure {
    let suffix = path.lastIndex(of: ".").map { String(path[$0...]) } ?? ""
    let near = snapshot.files.filter { Misspelling.distance($0.lowercased(), path.lowercased()) <= 2 }
    let sameKind = suffix.isEmpty ? [] : snapshot.files.filter { $0.hasSuffix(suffix) && !$0.contains("/") }
    let found = near.isEmpty ? sameKind : near
    return Failure(
      .startFileMissing, "\(path) is not in the project", subject: subject,
      details: found.isEmpty ? [] : ["found: \(found.prefix(8).joined(separator: ", "))"],
      remedy: "Name a file of the project, relative to its folder.")
  }
}
