/// What a start command asks a server to serve, and what it could ask for instead.
struct StartReference {
  /// "app.main" of "app.main:app".
  var module: String
  /// "app"; nil where none is named.
  var attribute: String?
  /// The word of the start command.
  var word: String

  private static let servers = [
    "gunicorn", "uvicorn", "hypercorn", "granian", "daphne", "waitress-serve", "uwsgi", "flask", "fastapi",
  ]

  /// Reads the reference of a start line: the word with a colon between names, or a server's last plain word.
  init?(in line: String) {
    let words = line.split(separator: " ").map { $0.filter { $0 != "'" && $0 != "\"" } }
    guard
      let server = words.firstIndex(where: { word in
        StartReference.servers.contains { word == $0 || word.hasSuffix("/" + $0) }
      })
    else { return nil }
    let rest = words[(server + 1)...].prefix { !["&&", "||", ";", "|", "&"].contains($0) }
    if let word = rest.last(where: { StartReference.isReference($0) }) {
      let parts = word.split(separator: ":", maxSplits: 1).map(String.init)
      (module, attribute, self.word) = (parts[0], parts[1], word)
      return
    }
    // A word after an option may be its value: one that follows none goes first.
    let plain = rest.indices.last { StartReference.isModule(rest[$0]) && !words[$0 - 1].hasPrefix("-") }
    guard let word = plain.map({ rest[$0] }) ?? rest.last, StartReference.isModule(word) else { return nil }
    (module, attribute, self.word) = (word, nil, word)
  }

  private static func isReference(_ word: String) -> Bool {
    let parts = word.split(separator: ":", maxSplits: 1).map(String.init)
    return parts.count == 2 && isModule(parts[0])
      && (parts[1].first.map { $0.isLetter || $0 == "_" } ?? false)
  }

  private static func isModule(_ text: String) -> Bool {
    guard let first = text.first, first.isLetter || first == "_" else { return false }
    return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
  }

  /// The folder that a start line enters before it starts anything: "server" of "cd server && gunicorn ...".
  static func folder(of line: String) -> String {
    for head in ["cd ", "--chdir ", "--chdir=", "--app-dir ", "--app-dir=", "--pythonpath "] {
      guard let rest = line.text(after: head) else { continue }
      let folder = rest.prefix { $0 != " " && $0 != "&" && $0 != ";" }.filter { $0 != "'" && $0 != "\"" }
      let plain = folder.hasPrefix("./") ? String(folder.dropFirst(2)) : folder
      return plain == "." || plain.hasPrefix("/")
        ? "" : plain.hasSuffix("/") ? String(plain.dropLast()) : plain
    }
    return ""
  }

  /// The module of a file, seen from a folder; nil when the file does not lie in it.
  static func module(of file: String, in folder: String = "") -> String? {
    var path = file[...]
    if !folder.isEmpty {
      guard path.hasPrefix(folder + "/") else { return nil }
      path = path.dropFirst(folder.count + 1)
    }
    guard path.hasSuffix(".py") else { return nil }
    var parts = path.dropLast(3).split(separator: "/")
    if parts.last == "__init__" { parts.removeLast() }
    return parts.isEmpty ? nil : parts.joined(separator: ".")
  }
}

extension ProjectFacts {
  /// The reference of the start command.
  var startReference: StartReference? { startLine.flatMap(StartReference.init(in:)) }

  /// The best application that the start command could name, as it is written there: "main:app".
  ///
  /// `attribute` is the name that was asked for; one of that name goes first, then the nearest to the root.
  func candidate(named attribute: String?, besides word: String? = nil) -> (
    text: String, place: Finding.Location
  )? {
    let folder = startLine.map(StartReference.folder(of:)) ?? ""
    let isUvicorn = startLine?.has("uvicorn") ?? false
    let ranked = applications.compactMap { found -> (rank: Int, text: String, place: Finding.Location)? in
      guard let module = StartReference.module(of: found.file, in: folder) else { return nil }
      let isSource = module.hasPrefix("src.") && !files.contains("src/__init__.py")
      let name = isSource ? String(module.dropFirst(4)) : module
      let text = "\(name):\(found.name)" + (found.isFactory && !isUvicorn ? "()" : "")
      if text == word { return nil }
      let depth = found.file.utf8.count { $0 == UInt8(ascii: "/") }
      let rank = (found.name == attribute ? 0 : 10) + (found.isFactory ? 3 : 0) + depth
      return (rank, text, Finding.Location(file: found.file, line: found.line))
    }
    return ranked.min { ($0.rank, $0.text) < ($1.rank, $1.text) }.map { ($0.text, $0.place) }
  }

  /// The start line with another reference in the place of its own.
  func startLine(with reference: String) -> String? {
    guard let line = startLine, let own = startReference else { return nil }
    let isCall = reference.contains("(")
    let words = line.split(separator: " ", omittingEmptySubsequences: false).map { word -> String in
      word.filter { $0 != "'" && $0 != "\"" } == own.word
        ? (isCall ? "'\(reference)'" : reference) : String(word)
    }
    return words.joined(separator: " ")
  }
}

extension Evidence {
  /// "in Procfile:1", "in the start command".
  var inStart: String { "in \(project.startPlaceText ?? "the start command")" }

  /// The fix "name this application", with the command that tries it.
  func naming(_ candidate: (text: String, place: Finding.Location)?, otherwise: String) -> Finding.Fix {
    guard let candidate else { return Finding.Fix(otherwise) }
    let isFactory = candidate.text.hasSuffix("()")
    let text = isFactory ? "'\(candidate.text)'" : candidate.text
    return Finding.Fix(
      "Write \(text) \(inStart): \(candidate.place.file)"
        + (candidate.place.line.map { " line \($0)" } ?? "")
        + (isFactory ? " has the function that makes the application." : " has the application."),
      commands: project.startLine(with: candidate.text).map { [check("--start", $0)] } ?? [])
  }
}
