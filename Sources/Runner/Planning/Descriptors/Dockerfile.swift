import Formats

/// What the last stage of a Dockerfile says of the program (docs.docker.com, "Dockerfile reference").
package struct Dockerfile: Equatable, Sendable {
  /// A variable of ENV, with those that it uses put in.
  struct Variable: Equatable, Sendable {
    var name: String
    var value: String
    var line = 0
  }

  /// What a stage hands on to one that begins with it.
  private struct Stage: Equatable, Sendable {
    var environment: [Variable] = []
    var base: String
    var user: Descriptor.Placed<String>?
    var stopSignal: Descriptor.Placed<String>?
    var health: Descriptor.Placed<String>?
    var healthCommand: Descriptor.Placed<Plan.HealthCommand>?
    var healthPort: Int?
    var notHonoured: [String] = []
  }

  /// A COPY or ADD from the folder of the build.
  private struct Copy: Equatable, Sendable {
    var sources: [String]
    /// Absolute.
    var target: String
  }

  /// The image it begins with, without its tag: "debian".
  private(set) var base = ""
  private(set) var environment: [Variable] = []
  /// The ports of EXPOSE.
  private(set) var ports: [Int] = []
  /// The line of the first of them.
  private(set) var portLine = 0
  /// WORKDIR as it is at the end.
  private(set) var folder = "/"
  /// What ENTRYPOINT and CMD start together; nil without either.
  private(set) var command: Plan.StartCommand.Form?
  /// The line of that CMD, or else of ENTRYPOINT; one-based.
  private(set) var commandLine = 0
  /// The path that HEALTHCHECK asks this machine for, and its line.
  private(set) var health: Descriptor.Placed<String>?
  /// The port that HEALTHCHECK asks.
  private(set) var healthPort: Int?
  /// The command of a HEALTHCHECK that asks nothing by HTTP.
  private(set) var healthCommand: Descriptor.Placed<Plan.HealthCommand>?
  /// USER, as it is at the end: a name or an id, with a group behind a colon.
  private(set) var user: Descriptor.Placed<String>?
  private(set) var stopSignal: Descriptor.Placed<String>?
  /// The commands of RUN, without their shell.
  package private(set) var runs: [String] = []
  /// Instructions that a check does not carry out, in the order of the file.
  private(set) var notHonoured: [String] = []
  /// Lines that are no instruction.
  private(set) var problems: [String] = []
  private var copies: [Copy] = []
  private var arguments: [String: String] = [:]
  /// ENTRYPOINT.
  private(set) var entry: Plan.StartCommand.Form?
  private var rest: Plan.StartCommand.Form?
  private var stages: [String: Stage] = [:]
  private var stage = ""

  /// Reads the text of a Dockerfile; what is no instruction is a problem, and the rest counts.
  static func parse(_ text: String) -> Dockerfile {
    var file = Dockerfile()
    for (instruction, number) in logicalLines(text) { file.read(instruction, number) }
    file.finish()
    return file
  }

  /// The lines with what continues them, without comments; what stands in a here-document belongs to its line.
  private static func logicalLines(_ text: String) -> [(text: String, number: Int)] {
    var lines: [(text: String, number: Int)] = []
    var whole = ""
    var begin = 0
    var marker: String?
    for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
    {
      if let end = marker {
        if String(raw).trimmingSpace() == end { marker = nil }
        continue
      }
      let line = String(raw).trimmingSpace()
      if line.hasPrefix("#") || (line.isEmpty && whole.isEmpty) { continue }
      if whole.isEmpty { begin = index + 1 }
      if line.hasSuffix("\\") {
        whole += line.dropLast() + " "
        continue
      }
      whole += line
      marker = hereDocument(whole)
      lines.append((whole, begin))
      whole = ""
    }
    if !whole.isEmpty { lines.append((whole, begin)) }
    return lines
  }

  /// The word that ends a here-document which a line begins: "RUN <<EOF".
  private static func hereDocument(_ line: String) -> String? {
    let words = line.split(separator: " ")
    guard words.count > 1, ["RUN", "COPY"].contains(words[0].uppercased()),
      let mark = words.dropFirst().first(where: { $0.hasPrefix("<<") })
    else { return nil }
    let name = mark.drop { $0 == "<" || $0 == "-" }.filter { $0 != "\"" && $0 != "'" }
    return name.isEmpty ? nil : name
  }

  private mutating func read(_ line: String, _ number: Int) {
    let keyword = line.prefix { !$0.isWhitespace }.uppercased()
    let value = String(line.dropFirst(keyword.count)).trimmingSpace()
    switch keyword {
    case "FROM": begin(value)
    case "ARG":
      let parts = value.split(separator: "=", maxSplits: 1)
      if parts.count == 2 { arguments[String(parts[0])] = expand(Self.unquoted(String(parts[1]))) }
    case "ENV": for (name, text) in Self.pairs(value) { set(name, expand(text), number) }
    case "WORKDIR": folder = resolve(expand(value))
    case "EXPOSE":
      if ports.isEmpty { portLine = number }
      ports += expand(value).split(whereSeparator: \.isWhitespace).compactMap { word in
        word.hasSuffix("/udp") ? nil : Int(word.prefix { $0 != "/" })
      }
    case "COPY", "ADD": copy(value)
    case "RUN": runs += Self.commands(value)
    case "CMD", "ENTRYPOINT":
      let form = Self.form(value)
      if keyword == "CMD" { rest = form } else { (entry, rest) = (form, nil) }
      commandLine = number
    case "HEALTHCHECK": health(value, number)
    case "USER": user = single(value, keyword, number)
    case "STOPSIGNAL": stopSignal = single(value, keyword, number)
    case "VOLUME", "SHELL", "ONBUILD": if !notHonoured.contains(keyword) { notHonoured.append(keyword) }
    case "LABEL", "MAINTAINER": break
    default: problems.append("Dockerfile line \(number) is no instruction: \(line.prefix(60))")
    }
  }

  /// The one word of an instruction, with variables put in; an empty one is a problem.
  private mutating func single(
    _ value: String, _ keyword: String, _ number: Int
  ) -> Descriptor.Placed<String>? {
    let word = Self.unquoted(expand(value).trimmingSpace())
    guard word.isEmpty || word.contains(where: \.isWhitespace) else {
      return .init(value: word, line: number)
    }
    let what = word.isEmpty ? "says nothing" : "says more than one word"
    problems.append("Dockerfile line \(number): \(keyword) \(what), and is not carried out")
    return nil
  }

  /// Takes a HEALTHCHECK over, and names what of it is not carried out. The last counts.
  private mutating func health(_ value: String, _ number: Int) {
    (health, healthCommand, healthPort) = (nil, nil, nil)
    notHonoured.removeAll { $0.hasPrefix("HEALTHCHECK") }
    guard let test = HealthTest(dockerfile: value) else { return }
    healthPort = test.port
    health = test.path.map { .init(value: $0, line: number) }
    healthCommand = test.command.map { .init(value: $0, line: number) }
    if !test.notHonoured.isEmpty {
      notHonoured.append("HEALTHCHECK's \(test.notHonoured.joined(separator: " and "))")
    }
  }

  /// The id that a RUN line gives to a user whom it makes; nil where none does, or the image chooses one.
  func userID(of name: String) -> UInt32? {
    for run in runs {
      let line = expand(run)
      let words = ShellWords.words(line) ?? line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let tool = words.first?.split(separator: "/").last, ["useradd", "adduser"].contains(tool),
        words.dropFirst().contains(name)
      else { continue }
      for (index, word) in words.enumerated() {
        if ["-u", "--uid"].contains(word), index + 1 < words.count { return UInt32(words[index + 1]) }
        for option in ["--uid=", "-u"] where word.hasPrefix(option) {
          if let number = UInt32(word.dropFirst(option.count)) { return number }
        }
      }
    }
    return nil
  }

  private mutating func begin(_ value: String) {
    if !stage.isEmpty {
      stages[stage] = Stage(
        environment: environment, base: base, user: user, stopSignal: stopSignal, health: health,
        healthCommand: healthCommand, healthPort: healthPort, notHonoured: notHonoured)
    }
    let words = expand(value).split(whereSeparator: \.isWhitespace).filter { !$0.hasPrefix("--") }.map(
      String.init)
    let image = words.first ?? ""
    let first = stages[image] ?? Stage(base: Self.name(of: image))
    (environment, base, user) = (first.environment, first.base, first.user)
    (stopSignal, notHonoured) = (first.stopSignal, first.notHonoured)
    (health, healthCommand, healthPort) = (first.health, first.healthCommand, first.healthPort)
    stage = words.count > 2 && words[1].uppercased() == "AS" ? words[2] : ""
    (ports, portLine, folder, entry, rest, commandLine, copies) = ([], 0, "/", nil, nil, 0, [])
  }

  /// Of a reference it is the name alone: without registry, folders and tag.
  private static func name(of image: String) -> String {
    let last = image.split(separator: "/").last ?? ""
    return String(last.prefix { $0 != ":" && $0 != "@" })
  }

  private mutating func set(_ name: String, _ value: String, _ line: Int) {
    environment.removeAll { $0.name == name }
    environment.append(Variable(name: name, value: value, line: line))
  }

  /// "A=1 B='x y'", or the old form "A x y".
  private static func pairs(_ value: String) -> [(String, String)] {
    guard value.prefix(while: { !$0.isWhitespace }).contains("=") else {
      let name = value.prefix { !$0.isWhitespace }
      return [(String(name), unquoted(String(value.dropFirst(name.count)).trimmingSpace()))]
    }
    return (ShellWords.words(value) ?? []).compactMap { word in
      guard let equals = word.firstIndex(of: "=") else { return nil }
      return (String(word[..<equals]), String(word[word.index(after: equals)...]))
    }
  }

  private static func unquoted(_ text: String) -> String {
    for quote in ["\"", "'"] where text.count > 1 && text.hasPrefix(quote) && text.hasSuffix(quote) {
      return String(text.dropFirst().dropLast())
    }
    return text
  }

  /// Puts in variables: $NAME, ${NAME}, ${NAME:-default}.
  private func expand(_ text: String) -> String {
    func value(_ name: Substring) -> String? {
      environment.last { $0.name == name }?.value ?? arguments[String(name)]
    }
    var result = ""
    var rest = text[...]
    while let dollar = rest.firstIndex(of: "$") {
      result += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "{", let end = rest.firstIndex(of: "}") {
        let inner = rest[rest.index(after: rest.startIndex)..<end]
        let name = inner.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        let tail = inner.dropFirst(name.count)
        result += value(name) ?? (tail.hasPrefix(":-") ? String(tail.dropFirst(2)) : "")
        rest = rest[rest.index(after: end)...]
      } else {
        let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
        result += name.isEmpty ? "$" : value(name) ?? ""
        rest = rest.dropFirst(name.count)
      }
    }
    return result + rest
  }

  private func resolve(_ path: String) -> String {
    var parts: [Substring] = path.hasPrefix("/") ? [] : folder.split(separator: "/")
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }

  private mutating func copy(_ value: String) {
    var words = Self.array(value) ?? value.split(whereSeparator: \.isWhitespace).map(String.init)
    // What another stage made is made by the check's own build, or is not known.
    if words.contains(where: { $0.hasPrefix("--from") }) { return }
    words.removeAll { $0.hasPrefix("--") }
    guard words.count > 1, let target = words.popLast() else { return }
    copies.append(Copy(sources: words, target: resolve(expand(target)) + (target.hasSuffix("/") ? "/" : "")))
  }

  /// The commands of a RUN line, as far as they stand one after the other.
  private static func commands(_ value: String) -> [String] {
    let plain = value.split(separator: " ").drop { $0.hasPrefix("--") }.joined(separator: " ")
    return plain.replacing("&&", with: ";").split(separator: ";").map { String($0).trimmingSpace() }
      .filter { !$0.isEmpty }
  }

  private static func array(_ value: String) -> [String]? {
    guard value.hasPrefix("[") else { return nil }
    return (try? JSONReader.read(value))?.strings
  }

  private static func form(_ value: String) -> Plan.StartCommand.Form? {
    if let words = array(value) { return words.isEmpty ? nil : .arguments(words) }
    return value.isEmpty ? nil : .shell(value)
  }

  /// ENTRYPOINT takes CMD as its arguments, unless it is itself a line for a shell.
  private mutating func finish() {
    switch (entry, rest) {
    case (.arguments(let entry), .arguments(let more)): command = .arguments(entry + more)
    case (.arguments(let entry), .shell(let line)): command = .arguments(entry + ["/bin/sh", "-c", line])
    case (.some(let entry), _): command = entry
    case (nil, let rest): command = rest
    }
  }

  /// Whether the image holds the files of the folder where they are in it: then what is started in the folder is what
  /// is started in the image.
  ///
  /// What is copied elsewhere, such as a manifest to /tmp, is no part of the program.
  var keepsLayout: Bool {
    !ownCopies.isEmpty && ownCopies.allSatisfy { keepsPlace($0.path, $0.target) }
  }

  /// The folder whose content the image has in its WORKDIR: "src" of `COPY src/ ./`; nil unless it is the only one.
  ///
  /// Files that keep their place, such as the manifest, may be beside it.
  var movedFolder: String? {
    var moved: Set<String> = []
    for (path, target) in ownCopies {
      if !path.isEmpty, !Self.isFile(path), target == folder {
        moved.insert(path)
      } else if !Self.isFile(path) || !keepsPlace(path, target) {
        return nil
      }
    }
    return moved.count == 1 ? moved.first : nil
  }

  /// What is copied below WORKDIR, without dots and slashes at the ends.
  private var ownCopies: [(path: String, target: String)] {
    let root = folder == "/" ? "/" : folder + "/"
    return copies.filter { $0.target == folder || $0.target.hasPrefix(root) }.flatMap { copy in
      let isOpen = copy.target.hasSuffix("/") && copy.target != "/"
      let target = isOpen ? String(copy.target.dropLast()) : copy.target
      return copy.sources.map { source in
        (source.split(separator: "/").filter { $0 != "." }.joined(separator: "/"), target)
      }
    }
  }

  private static func isFile(_ path: String) -> Bool {
    path.split(separator: "/").last?.contains(".") == true || path.contains("*")
  }

  private func keepsPlace(_ path: String, _ target: String) -> Bool {
    if path.isEmpty || path == "*" { return target == folder }
    let own = folder == "/" ? "/\(path)" : "\(folder)/\(path)"
    let above = own.lastIndex(of: "/").map { String(own[..<$0]) } ?? ""
    return target == own || (Self.isFile(path) && target == (above.isEmpty ? "/" : above))
  }
}
