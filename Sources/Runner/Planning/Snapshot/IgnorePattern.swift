/// One pattern of an ignore file, matched in time proportional to pattern and path: both are somebody else's.
struct IgnorePattern: Sendable, Equatable {
  /// How a file of patterns is read.
  enum Dialect: Sendable {
    /// gitignore(5): a pattern without a slash matches in every folder.
    case git
    /// docs.docker.com, "dockerignore file": every pattern begins at the root.
    case docker
  }

  private enum Token: Equatable {
    case byte(UInt8)
    case anyByte
    /// "*": anything without a slash.
    case star
    /// "**" at the end: anything.
    case everything
    /// "**/": no folder, or any number of them; two states, because a folder's name cannot be left in its middle.
    case foldersBegin, foldersInside
    case oneOf([ClosedRange<UInt8>], isNegated: Bool)
  }

  /// As it is written.
  let text: String
  /// One-based.
  let line: Int
  /// "!": takes back what an earlier pattern left out.
  let isException: Bool
  private let isFolderOnly: Bool
  private let tokens: [Token]

  /// Reads a line; nil when it holds no pattern.
  init?(_ line: Substring, number: Int, dialect: Dialect) {
    var bytes = Array(line.utf8)
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    while bytes.last == UInt8(ascii: " "), bytes.dropLast().last != UInt8(ascii: "\\") { bytes.removeLast() }
    guard let first = bytes.first, first != UInt8(ascii: "#") else { return nil }
    text = String(decoding: bytes, as: UTF8.self)
    self.line = number
    isException = first == UInt8(ascii: "!")
    if isException { bytes.removeFirst() }
    isFolderOnly = bytes.last == UInt8(ascii: "/") && dialect == .git
    while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    let isAnchored = dialect == .docker || bytes.dropLast().contains(UInt8(ascii: "/"))
    if bytes.starts(with: Array("./".utf8)) { bytes.removeFirst(2) }
    if bytes.first == UInt8(ascii: "/") { bytes.removeFirst() }
    guard !bytes.isEmpty else { return nil }
    tokens = (isAnchored ? [] : [.foldersBegin, .foldersInside]) + Self.tokens(bytes)
  }

  private static func tokens(_ bytes: [UInt8]) -> [Token] {
    var tokens: [Token] = []
    var rest = bytes[...]
    var isSegmentBegin = true
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*") where rest.first == byte && isSegmentBegin:
        while rest.first == byte { rest.removeFirst() }
        if rest.first == UInt8(ascii: "/") {
          rest.removeFirst()
          tokens += [.foldersBegin, .foldersInside]
          continue
        }
        tokens.append(rest.isEmpty ? .everything : .star)
      case UInt8(ascii: "*"):
        if tokens.last != .star { tokens.append(.star) }
      case UInt8(ascii: "?"): tokens.append(.anyByte)
      case UInt8(ascii: "["): tokens.append(set(&rest))
      case UInt8(ascii: "\\"): tokens.append(.byte(rest.popFirst() ?? byte))
      default: tokens.append(.byte(byte))
      }
      isSegmentBegin = byte == UInt8(ascii: "/")
    }
    return tokens
  }

  /// "[a-z]", "[!a]"; without its end the bracket stands for itself.
  private static func set(_ rest: inout ArraySlice<UInt8>) -> Token {
    var inner = rest
    var ranges: [ClosedRange<UInt8>] = []
    let isNegated = inner.first == UInt8(ascii: "!") || inner.first == UInt8(ascii: "^")
    if isNegated { inner.removeFirst() }
    var isFirst = true
    while let byte = inner.popFirst() {
      if byte == UInt8(ascii: "]"), !isFirst {
        rest = inner
        return .oneOf(ranges, isNegated: isNegated)
      }
      isFirst = false
      let low = byte == UInt8(ascii: "\\") ? inner.popFirst() ?? byte : byte
      var high = low
      if inner.first == UInt8(ascii: "-"), let end = inner.dropFirst().first, end != UInt8(ascii: "]") {
        inner.removeFirst(2)
        high = end
      }
      if low <= high { ranges.append(low...high) }
    }
    return .byte(UInt8(ascii: "["))
  }

  /// Whether it matches a path, relative to the folder of its file.
  func matches(_ path: Substring, isFolder: Bool) -> Bool {
    if isFolderOnly && !isFolder { return false }
    var states = [Bool](repeating: false, count: tokens.count + 1)
    enter(0, &states)
    for byte in path.utf8 {
      var next = [Bool](repeating: false, count: tokens.count + 1)
      var isAlive = false
      for index in tokens.indices where states[index] {
        if step(tokens[index], byte, index, &next) { isAlive = true }
      }
      guard isAlive else { return false }
      states = next
    }
    return states[tokens.count]
  }

  /// Marks a state and those that need no byte to be reached from it.
  private func enter(_ index: Int, _ states: inout [Bool]) {
    guard !states[index] else { return }
    states[index] = true
    guard index < tokens.count else { return }
    switch tokens[index] {
    case .star: enter(index + 1, &states)
    case .foldersBegin:
      enter(index + 1, &states)
      enter(index + 2, &states)
    default: break
    }
  }

  private func step(_ token: Token, _ byte: UInt8, _ index: Int, _ next: inout [Bool]) -> Bool {
    let isSlash = byte == UInt8(ascii: "/")
    switch token {
    case .byte(let wanted):
      guard wanted == byte else { return false }
      enter(index + 1, &next)
    case .anyByte:
      if isSlash { return false }
      enter(index + 1, &next)
    case .star:
      if isSlash { return false }
      enter(index, &next)
    case .everything:
      enter(index, &next)
      enter(index + 1, &next)
    case .foldersBegin: return false
    case .foldersInside:
      enter(index, &next)
      if isSlash { enter(index + 1, &next) }
    case .oneOf(let ranges, let isNegated):
      guard !isSlash, ranges.contains(where: { $0.contains(byte) }) != isNegated else { return false }
      enter(index + 1, &next)
    }
    return true
  }
}

/// The patterns of one ignore file, and the folder they count for.
struct IgnoreFile: Sendable {
  /// The file's path as a person names it: ".gitignore", "web/.gitignore", ".git/info/exclude".
  var name: String
  /// What stands before a path of the project, seen from the file's folder: a repository's root may lie above.
  var prefix: String
  /// What of a path of the project is dropped: the file's own folder inside the project.
  var folder: String
  var patterns: [IgnorePattern]

  init(name: String, text: String, prefix: String = "", folder: String = "", dialect: IgnorePattern.Dialect) {
    self.name = name
    self.prefix = prefix
    self.folder = folder
    patterns = text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().prefix(10_000)
      .compactMap { IgnorePattern($0.element, number: $0.offset + 1, dialect: dialect) }
  }

  /// The last pattern that matches a path of the project; nil when none does.
  func decisive(_ path: String, isFolder: Bool) -> IgnorePattern? {
    guard path.hasPrefix(folder) else { return nil }
    let seen = prefix + path.dropFirst(folder.count)
    return patterns.last { $0.matches(seen[...], isFolder: isFolder) }
  }
}
