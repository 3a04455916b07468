import Analysis
import Formats
import Glibc
import Isolate

/// Shows a check's progress on standard error: one line per phase with its time.
///
/// On a terminal the running phase's line moves: the time, what its tool is at, a bar where the end is known. It is
/// replaced when the phase ends. Elsewhere lines are only appended, and a phase that takes long says so now and then.
package final class ProgressDisplay: CheckObserver {
  /// Milliseconds between two drawings of the line.
  private static let pace = 100
  /// Milliseconds between two lines of a phase where nothing moves.
  private static let heartbeat = 30_000

  private let isTerminal: Bool
  private let color: Bool
  private let isVerbose: Bool
  private let isQuiet: Bool
  private let write: (String) -> Void
  private let now: () -> Int
  private let columns: () -> Int
  /// The phase whose line is shown; nil between two.
  private var running: (name: String, detail: String, began: Int)?
  private var progress = PhaseProgress()
  private var isDrawn = false
  private var drawnAt = 0

  /// Makes a display.
  package convenience init(isTerminal: Bool, color: Bool, isVerbose: Bool, isQuiet: Bool) {
    self.init(
      isTerminal: isTerminal, color: color, isVerbose: isVerbose, isQuiet: isQuiet,
      write: { StandardStream.standardError($0) }, now: Self.milliseconds, columns: { TerminalSize.columns })
  }

  init(
    isTerminal: Bool, color: Bool, isVerbose: Bool, isQuiet: Bool, write: @escaping (String) -> Void,
    now: @escaping () -> Int, columns: @escaping () -> Int
  ) {
    self.isTerminal = isTerminal
    self.color = color
    self.isVerbose = isVerbose
    self.isQuiet = isQuiet
    self.write = write
    self.now = now
    self.columns = columns
  }

  package func phaseBegan(_ name: String, detail: String) {
    guard !isQuiet else { return }
    clear()
    running = (name, TerminalText.plain(detail), now())
    progress = PhaseProgress()
    if isTerminal {
      draw()
    } else {
      drawnAt = now()
      write("  \(padded(name, 8)) \(TerminalText.plain(detail))\n")
    }
  }

  package func progressed(_ progress: PhaseProgress) {
    guard !isQuiet, running != nil else { return }
    self.progress = progress
    let time = now()
    guard time - drawnAt >= (isTerminal ? Self.pace : Self.heartbeat) else { return }
    if isTerminal { draw() } else { beat(time) }
  }

  package func phaseEnded(_ name: String, outcome: String, succeeded: Bool?, milliseconds: Int) {
    guard !isQuiet else { return }
    clear()
    running = nil
    let mark = succeeded == true ? paint("ok  ", "32") : succeeded == false ? paint("FAIL", "31") : "skip"
    write("\(mark) \(padded(name, 8)) \(time(milliseconds))  \(TerminalText.plain(outcome))\n")
  }

  package func line(_ text: String, isError: Bool) {
    guard isVerbose, !isQuiet else { return }
    let isMoving = isDrawn
    clear()
    write("  | \(TerminalText.plain(text))\n")
    if isMoving { draw() }
  }

  package func note(_ text: String) {
    guard !isQuiet else { return }
    let isMoving = isDrawn
    clear()
    write("note: \(TerminalText.plain(text))\n")
    if isMoving { draw() }
  }

  /// Removes the running phase's line; call before anything else is printed.
  package func clear() {
    guard isDrawn else { return }
    write("\r\u{1b}[K")
    isDrawn = false
  }

  // MARK: The line that moves

  private func draw() {
    guard let running else { return }
    drawnAt = now()
    let head = "     \(padded(running.name, 8)) \(time(drawnAt - running.began))  "
    let words = TerminalText.plain(progress.words)
    let bar = progress.fraction.map { "\(Self.bar($0)) " } ?? ""
    let text = head + bar + (words.isEmpty ? running.detail : words)
    write("\r\u{1b}[K" + paint(clipped(text), "2"))
    isDrawn = true
  }

  private func beat(_ time: Int) {
    guard let running else { return }
    drawnAt = time
    let words = TerminalText.plain(progress.words)
    write(
      "  \(padded(running.name, 8)) \((time - running.began) / 1000) s\(words.isEmpty ? "" : ", \(words)")\n")
  }

  /// "[#####---------------]".
  private static func bar(_ share: Double) -> String {
    let width = 20
    let done = Int(share * Double(width))
    return "[\(String(repeating: "#", count: done))\(String(repeating: "-", count: width - done))]"
  }

  private func paint(_ text: String, _ code: String) -> String {
    color ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text
  }

  private func time(_ milliseconds: Int) -> String {
    padded("\(milliseconds / 1000).\(milliseconds % 1000 / 100) s", 8, left: true)
  }

  private func padded(_ text: String, _ width: Int, left: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return left ? space + text : text + space
  }

  /// One line: what is longer than the terminal is wide would leave a part of itself behind.
  private func clipped(_ text: String) -> String {
    let width = columns() - 1
    return text.columns <= width ? text : text[...].prefix(columns: max(1, width - 3)) + "..."
  }

  private static func milliseconds() -> Int {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
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
