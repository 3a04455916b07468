/// A place in the project's sources that reads an environment variable.
struct EnvironmentRead: Equatable {
  var name: String
  /// Whether something is used where the variable is not set; an empty text is nothing to use.
  var hasDefault: Bool
  /// What stands left of the `=`, when the value is kept: "ORIGINS".
  var variable: String?

  /// The calls that read a variable by a quoted name, with what opens the name.
  private static let calls = [
    "os.environ[", "os.environ.get(", "os.environ.pop(", "os.getenv(", "environ[", "environ.get(", "getenv(",
    "process.env[", "Deno.env.get(", "Bun.env[", "config(", "env(", "env.str(", "env.int(", "env.bool(",
    "env.list(", "env.url(", "env.json(", "env.db(", "os.Getenv(", "os.LookupEnv(",
  ]

  /// Returns the variables that a line of Python or JavaScript reads.
  static func all(in line: Substring) -> [EnvironmentRead] {
    guard line.hasAny(of: ["env", "ENV", "Env(", "config("]) else { return [] }
    let code = line.trimmed
    if code.hasPrefix("#") || code.hasPrefix("//") { return [] }
    var reads: [EnvironmentRead] = []
    let kept = variable(in: code)
    for call in calls {
      var rest = code
      while let range = rest.place(of: call) {
        let before = rest[..<range.lowerBound].last
        let isWhole = before.map { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") } ?? true
        rest = rest[range.upperBound...]
        guard isWhole, let quote = rest.first, quote == "'" || quote == "\"",
          let end = rest.dropFirst().firstIndex(of: quote)
        else { continue }
        let name = String(rest[rest.index(after: rest.startIndex)..<end])
        let after = rest[rest.index(after: end)...].trimmed
        guard name.isEnvironmentName, !reads.contains(where: { $0.name == name }) else { continue }
        reads.append(
          EnvironmentRead(
            name: name,
            hasDefault: after.hasPrefix(",")
              && !["None", "\"\")", "'')"].contains(where: after.dropFirst().trimmed.hasPrefix),
            variable: kept))
      }
    }
    return reads + members(in: code, kept).filter { read in !reads.contains { $0.name == read.name } }
  }

  /// `process.env.NAME` and `import.meta.env.NAME`.
  private static func members(in code: Substring, _ kept: String?) -> [EnvironmentRead] {
    var reads: [EnvironmentRead] = []
    for prefix in ["process.env.", "Bun.env.", "import.meta.env."] {
      var rest = code
      while let found = rest.text(after: prefix) {
        let name = String(found.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") })
        rest = found.dropFirst(name.count)
        let after = rest.trimmed
        guard name.isEnvironmentName else { continue }
        reads.append(
          EnvironmentRead(
            name: name, hasDefault: after.hasPrefix("||") || after.hasPrefix("??") || after.hasPrefix("="),
            variable: kept))
      }
    }
    return reads
  }

  /// The name that a line assigns to.
  private static func variable(in code: Substring) -> String? {
    guard let equals = code.firstIndex(of: "="), code[equals...].dropFirst().first != "=" else { return nil }
    let left = code[..<equals].split { " :\t".contains($0) }.filter {
      !["const", "let", "var", "export", "self"].contains($0)
    }
    return left.first.map(String.init)
  }
}

extension String {
  /// Whether it may be the name of an environment variable (POSIX, 8.1: no digit first).
  var isEnvironmentName: Bool {
    guard let head = utf8.first, !(48...57).contains(head) else { return false }
    return utf8.allSatisfy {
      (65...90).contains($0) || (97...122).contains($0) || (48...57).contains($0) || $0 == 95
    }
  }

  /// Whether a word of it is exactly the given name.
  func hasWord(_ name: String) -> Bool {
    split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "$") }.contains { $0 == name }
  }
}

extension ProjectFacts {
  /// The first place in the sources that reads a variable.
  func environmentPlace(of name: String) -> Finding.Location? {
    place(in: sourcePaths) { line in
      line.has(name) && EnvironmentRead.all(in: line).contains { $0.name == name }
    }
  }

  /// Everything that a place reads: on its line, and by a variable or setting that the line uses.
  func environmentReads(at place: Finding.Location) -> [(read: EnvironmentRead, place: Finding.Location)] {
    guard let number = place.line, let line = line(number, of: place.file) else { return [] }
    let direct = EnvironmentRead.all(in: line)
    if !direct.isEmpty { return direct.map { ($0, place) } }
    // The statement may go on: the lines around belong to it when brackets are open.
    for neighbour in [number + 1, number - 1, number + 2, number - 2] {
      guard let next = self.line(neighbour, of: place.file), next.first?.isWhitespace ?? false else {
        continue
      }
      let reads = EnvironmentRead.all(in: next)
      if !reads.isEmpty, line.hasUnclosedBracket || next.hasUnclosedBracket {
        return reads.map { ($0, Finding.Location(file: place.file, line: neighbour)) }
      }
    }
    return indirect(String(line), in: place.file)
  }

  /// `x = os.getenv("X")` above, or in a settings module, whose name the line uses.
  private func indirect(_ line: String, in file: String) -> [(read: EnvironmentRead, place: Finding.Location)]
  {
    for path in [file] + sourcePaths.filter({ $0 != file }) {
      guard let text = texts[path] else { continue }
      for (index, other) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
        for read in EnvironmentRead.all(in: other) {
          guard let variable = read.variable, line.hasWord(variable) else { continue }
          if path != file, !variable.isVariableName { continue }
          return [(read, Finding.Location(file: path, line: index + 1))]
        }
      }
    }
    return []
  }

  /// The sources of programs, nearest to the root first.
  var sourcePaths: [String] {
    paths(endingIn: [".py", ".js", ".mjs", ".cjs", ".ts", ".mts", ".go"]).filter {
      !ErrorTrace.isInstalledCode("/" + $0)
    }
  }
}

extension Substring {
  fileprivate var hasUnclosedBracket: Bool {
    count { "([{".contains($0) } != count { ")]}".contains($0) }
  }
}
