import Formats

/// All signatures, ready to be looked for in one pass.
package struct SignatureBook: Sendable {
  /// In the order of the files and of their places there.
  package let signatures: [Signature]
  private let search: LiteralSearch
  /// What the literals belong to.
  private let patterns: [Entry]

  private struct Entry {
    var signature: Int
    var pattern: LinePattern
    /// Of `all`, not of `any`.
    var isCompanion: Bool
  }

  /// One match.
  struct Hit {
    var signature: Signature
    var line: LogLine
    var captures: [String: String]
  }

  /// How many different matches of one signature in one phase are of interest.
  static let mostHits = 4

  /// Prepares signatures.
  ///
  /// - Throws: `SignatureError` when an id is given twice.
  init(_ signatures: [Signature]) throws(SignatureError) {
    var ids: Set<String> = []
    for signature in signatures where !ids.insert(signature.id).inserted {
      throw SignatureError(key: "id", "'\(signature.id)' stands twice")
    }
    self.signatures = signatures
    patterns = signatures.enumerated().flatMap { index, signature in
      signature.any.map { Entry(signature: index, pattern: $0, isCompanion: false) }
        + signature.all.map { Entry(signature: index, pattern: $0, isCompanion: true) }
    }
    search = LiteralSearch(patterns.map(\.pattern.longestLiteral))
  }

  /// Reads signature files.
  ///
  /// - Throws: `SignatureError` with the file, the line and the key that is wrong.
  package init(files: [(name: String, text: String)]) throws(SignatureError) {
    var all: [Signature] = []
    var ids: Set<String> = []
    for file in files {
      for signature in try SignatureFile(name: file.name, text: file.text).signatures() {
        guard ids.insert(signature.id).inserted else {
          var error = SignatureError(key: "id", "'\(signature.id)' stands twice")
          error.file = file.name
          throw error
        }
        all.append(signature)
      }
    }
    try self.init(all)
  }

  /// Returns the matches in a phase's log, in the order of the lines; a line that matches again says no more.
  func hits(in phase: PhaseEvidence) -> [Hit] {
    let wanted = signatures.map { $0.phases.contains(phase.name) }
    guard wanted.contains(true) else { return [] }
    var hits: [[Hit]] = Array(repeating: [], count: signatures.count)
    // Of `all` it is enough to know which were seen.
    var seen: Set<Int> = []
    for line in phase.log {
      search.scan(line.text) { index in
        let entry = patterns[index]
        let own = entry.signature
        guard wanted[own] else { return }
        if entry.isCompanion {
          if !seen.contains(index), entry.pattern.match(line.text) != nil { seen.insert(index) }
          return
        }
        guard hits[own].count < Self.mostHits, hits[own].last?.line.number != line.number,
          let captures = entry.pattern.match(line.text),
          !hits[own].contains(where: { $0.captures == captures })
        else { return }
        hits[own].append(Hit(signature: signatures[own], line: line, captures: captures))
      }
    }
    for (index, entry) in patterns.enumerated() where entry.isCompanion && !seen.contains(index) {
      hits[entry.signature] = []
    }
    return hits.joined().sorted { $0.line.number < $1.line.number }
  }
}

/// One file of signatures.
struct SignatureFile {
  var name: String
  var text: String

  /// Reads the signatures of the file.
  func signatures() throws(SignatureError) -> [Signature] {
    let document = try DocumentError.caught(try TOMLReader.read(text)) {
      var wrong = SignatureError(key: "TOML", $0.message)
      (wrong.file, wrong.line) = (name, $0.line)
      return wrong
    }
    guard let root = document.table, root.keys.allSatisfy({ $0 == "signature" }),
      let tables = root["signature"]?.array
    else {
      var wrong = SignatureError(key: "signature", "the file holds [[signature]] and nothing else")
      wrong.file = name
      throw wrong
    }
    var signatures: [Signature] = []
    for (index, table) in tables.enumerated() {
      let signature = try SignatureError.caught(try Signature(table)) {
        var wrong = $0
        wrong.file = name
        wrong.line = line(of: wrong.key, inTable: index)
        return wrong
      }
      signatures.append(signature)
    }
    return signatures
  }

  /// The line of a key in the table of that number; the table's own when it has no such key.
  private func line(of key: String, inTable number: Int) -> Int? {
    var table = -1
    var header: Int?
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if line.trimmed.hasPrefix("[[signature]]") {
        table += 1
        if table > number { break }
        if table == number { header = index + 1 }
      } else if table == number, line.trimmed.hasPrefix(key),
        line.trimmed.dropFirst(key.count).trimmed.hasPrefix("=")
      {
        return index + 1
      }
    }
    return header
  }
}
