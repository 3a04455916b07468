import Analysis
import Formats
import Glibc
import Images
import Isolate
import Sandbox

/// What a build is doing: one line that changes on a terminal, a line for each step elsewhere.
final class BuildProgress: BuildObserver {
  private let name: String
  private let isQuiet: Bool
  private let interruption: Interruption
  private let isTerminal = isatty(2) == 1
  private let begin = time(nil)
  private var current = ""
  private var drawn = ""

  init(_ name: String, isQuiet: Bool, _ interruption: Interruption) {
    self.name = name
    self.isQuiet = isQuiet
    self.interruption = interruption
  }

  func step(_ text: String) {
    let text = TerminalText.plain(text)
    if text == current { return }
    current = text
    if isTerminal { draw() } else if !isQuiet { StandardStream.standardError("\(name): \(text)\n") }
  }

  /// Asked for several times a second, so the time on the line is right.
  var isCancelled: Bool {
    if isTerminal, !current.isEmpty { draw() }
    return interruption.isDue
  }

  /// Takes the line away.
  func finish() {
    if isTerminal, !isQuiet, !drawn.isEmpty { StandardStream.standardError("\r\u{1b}[K") }
    current = ""
  }

  private func draw() {
    let line = "\(name)  \(time(nil) - begin) s  \(current)"
    if isQuiet || line == drawn { return }
    drawn = line
    StandardStream.standardError("\r\u{1b}[K\(line)")
  }
}
