/// One line of a log as a signature describes it: literals, `*` for any text, `{name}` for a word to keep.
///
/// `{name}` stands for one or more bytes without a space, `{name*}` for one or more bytes of any kind. A pattern
/// covers the whole line. There are no alternatives to go back to: each literal is looked for once, from where
/// the one before it ended, so that a hostile line costs no more than a friendly one.
struct LinePattern: Sendable, Equatable {
  enum Gap: Sendable, Equatable {
    case any
    case word(String)
    case text(String)
  }

  /// Literals and what lies before each; the gap of the first is nil when the line begins with it.
  struct Piece: Sendable, Equatable {
    var gap: Gap?
    var literal: [UInt8]
  }

  let source: String
  private(set) var pieces: [Piece] = []

  /// Reads a pattern.
  ///
  /// - Throws: `PatternError` when a brace is not closed, a name is given twice, two gaps touch, or nothing
  ///   in it is long enough to be looked for.
  init(_ source: String) throws(PatternError) {
    self.source = source
    var gap: Gap?
    var literal: [UInt8] = []
    var names: Set<String> = []
    var bytes = Array(source.utf8)[...]
    func put(_ next: Gap, _ pieces: inout [Piece]) throws(PatternError) {
      if gap != nil || !literal.isEmpty {
        guard !literal.isEmpty else { throw PatternError("two gaps touch in '\(source)'") }
        pieces.append(Piece(gap: gap, literal: literal))
      }
      gap = next
      literal = []
    }
    while let byte = bytes.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): try put(.any, &pieces)
      case UInt8(ascii: "{"):
        guard let end = bytes.firstIndex(of: UInt8(ascii: "}")) else {
          throw PatternError("a brace is not closed in '\(source)'")
        }
        var name = String(decoding: bytes[..<end], as: UTF8.self)
        bytes = bytes[(end + 1)...]
        let isText = name.hasSuffix("*")
        if isText { name.removeLast() }
        guard !name.isEmpty, name.utf8.allSatisfy({ (97...122).contains($0) || $0 == 45 }) else {
          throw PatternError("a capture's name is lower case in '\(source)'")
        }
        guard names.insert(name).inserted else {
          throw PatternError("{\(name)} stands twice in '\(source)'")
        }
        try put(isText ? .text(name) : .word(name), &pieces)
      case UInt8(ascii: "\\"):
        guard let next = bytes.popFirst() else { throw PatternError("'\(source)' ends in a backslash") }
        literal.append(next)
      default: literal.append(byte)
      }
    }
    if gap != nil || !literal.isEmpty { pieces.append(Piece(gap: gap, literal: literal)) }
    guard longestLiteral.count >= 4 else {
      throw PatternError("'\(source)' has no literal of four bytes to be looked for")
    }
  }

  /// The names of its captures.
  var names: Set<String> {
    Set(
      pieces.compactMap { piece in
        switch piece.gap {
        case .word(let name), .text(let name): name
        case .any, nil: nil
        }
      })
  }

  /// What the search over the log looks for.
  var longestLiteral: [UInt8] { pieces.map(\.literal).max { $0.count < $1.count } ?? [] }

  /// Returns the captures when the pattern covers the line, else nil.
  func match(_ text: String) -> [String: String]? {
    let line = Array(text.utf8)
    var captures: [String: String] = [:]
    var position = 0
    for (index, piece) in pieces.enumerated() {
      let isLast = index == pieces.count - 1
      guard let gap = piece.gap else {
        guard line.starts(with: piece.literal) else { return nil }
        position = piece.literal.count
        if isLast, position != line.count { return nil }
        continue
      }
      let least = gap == .any ? 0 : 1
      guard let start = place(of: piece.literal, in: line, from: position + least, isLast: isLast) else {
        return nil
      }
      let between = line[position..<start]
      switch gap {
      case .any: break
      case .word(let name):
        if between.contains(0x20) { return nil }
        captures[name] = String(decoding: between, as: UTF8.self)
      case .text(let name): captures[name] = String(decoding: between, as: UTF8.self)
      }
      position = start + piece.literal.count
    }
    return captures
  }

  /// The last literal has to end the line; the others stand where they come first.
  private func place(of literal: [UInt8], in line: [UInt8], from start: Int, isLast: Bool) -> Int? {
    if isLast {
      let place = line.count - literal.count
      return place >= start && line[place...].starts(with: literal) ? place : nil
    }
    guard let first = literal.first, line.count >= literal.count, start <= line.count - literal.count else {
      return nil
    }
    var index = start
    while index <= line.count - literal.count {
      if line[index] == first, line[index..<(index + literal.count)].elementsEqual(literal) { return index }
      index += 1
    }
    return nil
  }
}

/// Why a pattern or a signature cannot be used.
struct PatternError: Error, Equatable {
  var message: String

  init(_ message: String) { self.message = message }
}
