import Bench
import Glibc
import Isolate

/// A bar on a terminal that says how far a benchmark is.
final class BenchProgressBar: BenchObserver {
  private let isShown: Bool
  private let columns: Int
  private var drawnAt = timespec()
  private var isDrawn = false

  init(isShown: Bool, columns: Int) {
    self.isShown = isShown
    self.columns = columns
  }

  func progressed(_ stage: String, share: Double) {
    guard isShown else { return }
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    // Not more than ten times a second: what draws disturbs what is measured.
    let milliseconds = (now.tv_sec - drawnAt.tv_sec) * 1000 + (now.tv_nsec - drawnAt.tv_nsec) / 1_000_000
    guard milliseconds >= 100 else { return }
    drawnAt = now
    isDrawn = true
    let width = 24
    let done = min(width, Int(share * Double(width)))
    let bar = String(repeating: "#", count: done) + String(repeating: "-", count: width - done)
    let percent = "\(Int(share * 100))%"
    let text = "[\(bar)] \(String(repeating: " ", count: max(0, 4 - percent.count)))\(percent)  \(stage)"
    StandardStream.standardError("\r\u{1b}[K\(text.prefix(max(20, columns - 1)))")
  }

  /// Removes the bar.
  func clear() {
    guard isDrawn else { return }
    isDrawn = false
    StandardStream.standardError("\r\u{1b}[K")
  }
}
