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
  /// A label of more than ten columns has a line of its own, and is cut where that ends. At most `limit` lines are used
  /// for the text; what does not fit ends in "...". Continuation lines are indented by `hang` more.
  package mutating func add(
    _ label: String, _ text: String, limit: Int = .max, hang: Int = 0,
    labelStyle: (String) -> String = { $0 }, style: (String) -> String = { $0 }
  ) {
    let room = width - TextColumns.labelWidth
    var head = TerminalText.plain(label)
    if head.columns >= TextColumns.labelWidth {
      lines.append(labelStyle(String(head.prefix(columns: width))))
      head = ""
    }
    for line in TextColumns.wrap(TerminalText.plain(text), to: room, hang: hang, limit: limit) {
      let padding = String(repeating: " ", count: TextColumns.labelWidth - head.columns)
      lines.append((head.isEmpty ? "" : labelStyle(head)) + padding + style(line))
      head = ""
    }
  }

  /// Breaks text at spaces; a word longer than a line is cut where the line ends. Widths are columns of a terminal.
  package static func wrap(_ text: String, to width: Int, hang: Int = 0, limit: Int = .max) -> [String] {
    var lines: [String] = []
    var line = ""
    var used = 0
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      var rest = word
      var length = word.columns
      let joined = line.isEmpty && lines.isEmpty && length == 0 ? 0 : used + (line.isBlank ? 0 : 1) + length
      if joined <= width {
        line += (line.isBlank ? "" : " ") + rest
        used = joined
        continue
      }
      if !line.isBlank {
        lines.append(line)
        line = String(repeating: " ", count: hang)
        used = hang
      }
      while used + length > width {
        let part = rest.prefix(columns: max(1, width - used))
        lines.append(line + part)
        rest = rest[part.endIndex...]
        length = rest.columns
        line = String(repeating: " ", count: hang)
        used = hang
      }
      line += rest
      used += length
    }
    if !line.isBlank || lines.isEmpty { lines.append(line) }
    guard lines.count > limit, limit > 0 else { return lines }
    return Array(lines.prefix(limit - 1)) + [lines[limit - 1].prefix(columns: max(0, width - 3)) + "..."]
  }
}

extension String {
  fileprivate var isBlank: Bool { allSatisfy { $0 == " " } }
}
