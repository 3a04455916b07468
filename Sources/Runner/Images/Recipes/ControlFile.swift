package import Formats

/// One paragraph of "Field: value" lines, as Debian's control files have them (deb822(5)). Lines that begin with
/// white space go on with the value above them; names of fields are the same in any case.
package struct ControlParagraph: Sendable {
  package struct Field: Sendable {
    package var name: String
    /// Its lines without the space around them; "." alone stands for an empty one.
    package var lines: [String]
    /// One-based.
    package var line: Int
  }

  package var fields: [Field] = []

  /// The lines of a field, or nil when it is not there.
  package func lines(_ name: String) -> [String]? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.lines
  }

  /// A field as one line, or nil when it is not there.
  package subscript(_ name: String) -> String? {
    lines(name).map { $0.filter { !$0.isEmpty }.joined(separator: " ") }
  }

  /// The words of a field; none when it is not there.
  package func words(_ name: String) -> [String] {
    (lines(name) ?? []).flatMap { $0.split { $0 == " " || $0 == "\t" }.map(String.init) }
  }
}

/// Reads such files: recipes, apt's sources, dpkg's list of packages.
package enum ControlFile {
  /// The paragraphs of a text, which is called `subject` in errors: an `Failure` names the line that is neither a
  /// field, a comment nor a continuation.
  package static func paragraphs(_ text: String, of subject: String) throws(Failure) -> [ControlParagraph] {
    var paragraphs: [ControlParagraph] = []
    var current = ControlParagraph()
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, bytes) in lines.enumerated() {
      if bytes.first == UInt8(ascii: "#") { continue }
      let line = trimmed(bytes)
      if line.isEmpty {
        if !current.fields.isEmpty { paragraphs.append(current) }
        current = ControlParagraph()
      } else if bytes.first == 0x20 || bytes.first == 0x09 {
        guard let last = current.fields.indices.last else {
          throw Failure(.usage, "\(subject), line \(index + 1): continues nothing")
        }
        current.fields[last].lines.append(line == "." ? "" : line)
      } else {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), colon != bytes.startIndex else {
          throw Failure(
            .usage, "\(subject), line \(index + 1): \"\(line.prefix(60))\" is no field",
            remedy: "write NAME: VALUE; longer values go on in lines that begin with a space")
        }
        let value = trimmed(bytes[bytes.index(after: colon)...])
        let name = trimmed(bytes[..<colon])
        current.fields.append(.init(name: name, lines: value.isEmpty ? [] : [value], line: index + 1))
      }
    }
    if !current.fields.isEmpty { paragraphs.append(current) }
    return paragraphs
  }

  private static func trimmed(_ bytes: Substring.UTF8View) -> String {
    func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0d }
    var bytes = bytes.drop(while: isSpace)
    while let last = bytes.last, isSpace(last) { bytes.removeLast() }
    return String(Substring(bytes))
  }
}
