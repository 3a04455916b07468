/// Lines with a label column on the left and wrapped text on the right.
package struct TextColumns {
  /// Columns of the label, including the space after it.
  package static let labelWidth = 11
  /// Columns of the whole line.
  package var width: Int
  package private(set) var lines: [String] = []

  package init(width: Int) {
    self.width = max(width, 40)
  }

  /// Adds an empty line.
  package mutating func space() { lines.append("") }

  /// Adds a whole line as it is.
  package mutating func raw(_ line: String) { lines.append(line) }

  /// Adds text over the whole width.
  package mutating func paragraph(_ text: String, style: (String) -> String = { $0 }) {
    lines += TextColumns.wrap(TerminalText.plain(text), to: width).map(style)
  }

  /// Adds text beside a label; continuation lines are indented to the text's column.
  ///
  /// A label has at most ten characters. At most `limit` lines are used; what does not fit ends in "...".
  /// Continuation lines are indented by `hang` more.
  package mutating func add(
    _ label: String, _ text: String, limit: Int = .max, hang: Int = 0,
    labelStyle: (String) -> String = { $0 }, style: (String) -> String = { $0 }
  ) {
    let room = width - TextColumns.labelWidth
    let wrapped = TextColumns.wrap(TerminalText.plain(text), to: room, hang: hang, limit: limit)
    for (index, line) in wrapped.enumerated() {
      let head = index == 0 ? label : ""
      let padding = String(
        repeating: " ", count: max(head.isEmpty ? 0 : 1, TextColumns.labelWidth - head.count))
      lines.append((head.isEmpty ? "" : labelStyle(head)) + padding + style(line))
    }
  }

  /// Breaks text at spaces; a word longer than a line is cut where the line ends.
  package static func wrap(_ text: String, to width: Int, hang: Int = 0, limit: Int = .max) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      var rest = word
      let joined =
        line.isEmpty && lines.isEmpty && rest.isEmpty ? 0 : line.count + (line.isBlank ? 0 : 1) + rest.count
      if joined <= width {
        line += (line.isBlank ? "" : " ") + rest
        continue
      }
      if !line.isBlank {
        lines.append(line)
        line = String(repeating: " ", count: hang)
      }
      while line.count + rest.count > width {
        let room = max(1, width - line.count)
        lines.append(line + rest.prefix(room))
        rest = rest.dropFirst(room)
        line = String(repeating: " ", count: hang)
      }
      line += rest
    }
    if !line.isBlank || lines.isEmpty { lines.append(line) }
    guard lines.count > limit, limit > 0 else { return lines }
    return Array(lines.prefix(limit - 1)) + [String(lines[limit - 1].prefix(max(0, width - 3))) + "..."]
  }
}

extension String {
  fileprivate var isBlank: Bool { allSatisfy { $0 == " " } }
}
