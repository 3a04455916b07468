import Formats
package import Planning

/// A pip requirements file with the files it includes (pip.pypa.io, "Requirements File Format").
package struct RequirementsFile: Sendable, Equatable {
  /// Where a line stands.
  package struct Location: Sendable, Equatable {
    /// Relative to the project's root.
    package var path: String
    /// One-based; the first line of a continued one.
    package var line: Int
  }

  /// The distributions it names, without those of constraint files.
  package var requirements: [Requirement] = []
  /// Lines that install from the project's folder or another local or moving place, as they are written.
  package var localSources: [String] = []
  /// The files that were read, in order: the first one, then its includes and constraints.
  package var files: [String] = []
  /// What pip will not like: unreadable lines, missing includes.
  package var problems: [String] = []

  /// Reads a requirements file of a project and what it includes.
  package static func load(_ path: String, from snapshot: ProjectSnapshot) -> RequirementsFile {
    var loader = RequirementsLoader(snapshot: snapshot)
    loader.load(path, isConstraint: false, includedFrom: nil)
    return loader.result
  }

  /// The distributions installed on Linux, by normalised name, with the extras asked for.
  package func installed(pythonVersion: String? = nil) -> [String: Set<String>] {
    Requirement.installed(requirements, pythonVersion: pythonVersion)
  }
}

extension Requirement {
  /// The distributions of a list that are installed on Linux, by normalised name, with the extras asked for.
  static func installed(_ requirements: [Requirement], pythonVersion: String?) -> [String: Set<String>] {
    var installed: [String: Set<String>] = [:]
    for requirement in requirements where requirement.applies(pythonVersion: pythonVersion) {
      installed[requirement.normalizedName, default: []].formUnion(requirement.extras)
    }
    return installed
  }
}

private struct RequirementsLoader {
  let snapshot: ProjectSnapshot
  var result = RequirementsFile()

  init(snapshot: ProjectSnapshot) { self.snapshot = snapshot }

  mutating func load(_ path: String, isConstraint: Bool, includedFrom: RequirementsFile.Location?) {
    if result.files.contains(path) { return }
    guard let text = snapshot.text(of: path) else {
      let place = includedFrom.map { "\($0.path) line \($0.line) includes" } ?? "cannot read"
      result.problems.append("\(place) \(path), which is not in the project or not readable")
      return
    }
    result.files.append(path)
    for (line, content) in RequirementsLoader.logicalLines(text) {
      let location = RequirementsFile.Location(path: path, line: line)
      read(content, at: location, isConstraint: isConstraint)
    }
  }

  /// Joins lines that end in a backslash, and removes comments: "#" at the start or after white space.
  static func logicalLines(_ text: String) -> [(line: Int, content: String)] {
    var result: [(Int, String)] = []
    var joined: (line: Int, content: String)?
    for (index, raw) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
    {
      let isComment = raw.first { !$0.isWhitespace } == "#"
      let start = joined ?? (index + 1, "")
      // A comment line ends a continuation, as pip has it.
      if raw.last == "\\" && !isComment {
        joined = (start.line, start.content + raw.dropLast())
        continue
      }
      joined = nil
      let content = withoutComment(start.content + (isComment ? "" : String(raw))).trimmingSpace()
      if !content.isEmpty { result.append((start.line, content)) }
    }
    if let joined {
      let content = withoutComment(joined.content).trimmingSpace()
      if !content.isEmpty { result.append((joined.line, content)) }
    }
    return result
  }

  private static func withoutComment(_ line: String) -> String {
    var previous: Character = " "
    for index in line.indices {
      if line[index] == "#" && previous.isWhitespace { return String(line[..<index]) }
      previous = line[index]
    }
    return line
  }

  private mutating func read(_ line: String, at location: RequirementsFile.Location, isConstraint: Bool) {
    if line.hasPrefix("-") {
      option(line, at: location, isConstraint: isConstraint)
      return
    }
    // Options of one requirement ("--hash=sha256:...") follow it after a space.
    let text = (line.textBefore(" --") ?? line).trimmingSpace()
    // An archive's file name also reads as a distribution's name; pip takes it as a path.
    let isPlace = RequirementsLoader.isPathOrURL(text)
    guard let requirement = Requirement.parse(text), requirement.url != nil || !isPlace else {
      if isPlace {
        if !isConstraint { result.localSources.append(text) }
      } else {
        result.problems.append("\(location.path) line \(location.line) is no requirement: \(text)")
      }
      return
    }
    if isConstraint { return }
    if let url = requirement.url, !RequirementsLoader.isPinnedURL(url) { result.localSources.append(text) }
    result.requirements.append(requirement)
  }

  private mutating func option(_ line: String, at location: RequirementsFile.Location, isConstraint: Bool) {
    let (name, value) = RequirementsLoader.splitOption(line)
    switch name {
    case "-r", "--requirement":
      load(resolve(value, from: location.path), isConstraint: isConstraint, includedFrom: location)
    case "-c", "--constraint":
      load(resolve(value, from: location.path), isConstraint: true, includedFrom: location)
    case "-e", "--editable":
      result.localSources.append(line)
      // A direct reference names its distribution in the fragment: git+https://...#egg=name.
      if let egg = value.split(separator: "#").dropFirst().first.flatMap({ RequirementsLoader.egg($0) }) {
        result.requirements.append(
          Requirement(name: egg, extras: [], specifiers: "", url: value, marker: nil))
      }
    case "-f", "--find-links":
      if !value.hasPrefix("https://") && !value.hasPrefix("http://") { result.localSources.append(line) }
    default:
      break
    }
  }

  private static func egg(_ fragment: Substring) -> String? {
    fragment.split(separator: "&").first { $0.hasPrefix("egg=") }
      .flatMap { Requirement.parse($0.dropFirst(4))?.name }
  }

  private static func splitOption(_ line: String) -> (name: String, value: String) {
    let separator = line.firstIndex { $0 == "=" || $0.isWhitespace }
    if !line.hasPrefix("--"), line.count > 2,
      separator.map({ line.distance(from: line.startIndex, to: $0) > 2 }) ?? true
    {
      // Short options may hold their value without a space: -rbase.txt
      return (String(line.prefix(2)), String(line.dropFirst(2)).trimmingSpace())
    }
    guard let separator else { return (line, "") }
    let value = line[line.index(after: separator)...]
    return (String(line[..<separator]), String(value).trimmingSpace())
  }

  /// Includes are relative to the file that names them.
  private func resolve(_ path: String, from file: String) -> String {
    var parts = path.hasPrefix("/") ? [] : file.split(separator: "/").dropLast().map(String.init)
    for part in path.split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." {
        parts.removeLast()
      } else {
        parts.append(String(part))
      }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  private static func isPathOrURL(_ text: String) -> Bool {
    let place = text.prefix { $0 != ";" && $0 != "[" && !$0.isWhitespace }
    return place.hasPrefix(".") || place.contains("/")
      || [".whl", ".zip", ".tar.gz", ".tgz"].contains { place.hasSuffix($0) }
  }

  /// A web address of a file names one content; a file address or a version control branch does not.
  private static func isPinnedURL(_ url: String) -> Bool {
    url.hasPrefix("https://") || url.hasPrefix("http://")
  }
}

extension String {
  /// What stands before the first occurrence of a text; nil when it does not occur.
  fileprivate func textBefore(_ text: String) -> String? {
    var index = startIndex
    while index < endIndex {
      if self[index...].hasPrefix(text) { return String(self[..<index]) }
      index = self.index(after: index)
    }
    return nil
  }
}
