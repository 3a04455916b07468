import Analysis

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
