/// The few ANSI styles a report uses; without colour every style is the text itself.
struct TextStyle {
  var color: Bool

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func command(_ text: String) -> String { wrap(text, "36") }

  func severity(_ severity: Finding.Severity, _ text: String) -> String {
    switch severity {
    case .error: wrap(text, "1;31")
    case .warning: wrap(text, "1;33")
    case .note: wrap(text, "1;34")
    }
  }

  func verdict(_ verdict: Verdict, _ text: String) -> String {
    switch verdict {
    case .ready: wrap(text, "1;32")
    case .readyWithWarnings, .inconclusive: wrap(text, "1;33")
    case .notReady: wrap(text, "1;31")
    }
  }

  private func wrap(_ text: String, _ code: String) -> String {
    color && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// Lines with a label column on the left and wrapped text on the right.
struct TextColumns {
  /// Columns of the label, including the space after it.
  static let labelWidth = 11
  /// Columns of the whole line.
  var width: Int
  private(set) var lines: [String] = []

  init(width: Int) {
    self.width = max(width, 40)
  }

  /// Adds an empty line.
  mutating func space() { lines.append("") }

  /// Adds a whole line as it is.
  mutating func raw(_ line: String) { lines.append(line) }

  /// Adds text over the whole width.
  mutating func paragraph(_ text: String, style: (String) -> String = { $0 }) {
    lines += TextColumns.wrap(TerminalText.plain(text), to: width).map(style)
  }

  /// Adds text beside a label; continuation lines are indented to the text's column.
  ///
  /// A label has at most ten characters. At most `limit` lines are used; what does not fit ends in "...".
  /// Continuation lines are indented by `hang` more.
  mutating func add(
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
  static func wrap(_ text: String, to width: Int, hang: Int = 0, limit: Int = .max) -> [String] {
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
