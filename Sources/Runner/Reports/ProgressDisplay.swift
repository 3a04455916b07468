import Analysis
import Formats
import Glibc
import Isolate

/// Shows a check's progress on standard error: one line per phase with its time.
///
/// On a terminal the running phase's line is replaced when it ends; elsewhere lines are only appended.
package final class ProgressDisplay: CheckObserver {
  private let isTerminal: Bool
  private let color: Bool
  private let isVerbose: Bool
  private let isQuiet: Bool
  private var runningLine = false

  /// Makes a display.
  package init(isTerminal: Bool, color: Bool, isVerbose: Bool, isQuiet: Bool) {
    self.isTerminal = isTerminal
    self.color = color
    self.isVerbose = isVerbose
    self.isQuiet = isQuiet
  }

  package func phaseBegan(_ name: String, detail: String) {
    guard !isQuiet else { return }
    let text = "  \(padded(name, 8)) \(TerminalText.plain(detail))"
    if isTerminal && !isVerbose {
      StandardStream.standardError(paint(clipped(text), "2"))
      runningLine = true
    } else {
      StandardStream.standardError(text + "\n")
    }
  }

  package func phaseEnded(_ name: String, outcome: String, succeeded: Bool?, milliseconds: Int) {
    guard !isQuiet else { return }
    clear()
    let mark = succeeded == true ? paint("ok  ", "32") : succeeded == false ? paint("FAIL", "31") : "skip"
    let time = "\(milliseconds / 1000).\(milliseconds % 1000 / 100) s"
    StandardStream.standardError(
      "\(mark) \(padded(name, 8)) \(padded(time, 8, left: true))  \(TerminalText.plain(outcome))\n")
  }

  package func line(_ text: String, isError: Bool) {
    guard isVerbose, !isQuiet else { return }
    StandardStream.standardError("  | \(TerminalText.plain(text))\n")
  }

  package func note(_ text: String) {
    guard !isQuiet else { return }
    clear()
    StandardStream.standardError("note: \(TerminalText.plain(text))\n")
  }

  /// Removes the running phase's line; call before anything else is printed.
  package func clear() {
    guard runningLine else { return }
    StandardStream.standardError("\r\u{1b}[K")
    runningLine = false
  }

  private func paint(_ text: String, _ code: String) -> String {
    color ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }

  private func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return left ? space + text : text + space
  }

  private func clipped(_ text: String) -> String {
    let width = TerminalSize.columns - 1
    return text.count <= width ? text : text.prefix(max(0, width - 3)) + "..."
  }
}

/// The terminal's width.
package enum TerminalSize {
  /// Columns of the terminal on standard error or output; 80 when there is none (ioctl_tty(2)).
  package static var columns: Int {
    var size = winsize()
    for descriptor: Int32 in [1, 2]
    where unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 {
      return Int(size.ws_col)
    }
    return 80
  }
}
