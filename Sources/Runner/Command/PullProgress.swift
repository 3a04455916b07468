import Glibc
import Images
import Isolate
import Synchronization

/// A bar for each layer on a terminal; elsewhere a line for each layer that is there.
final class PullProgress: PullObserver {
  private struct Layer {
    var digest: Digest
    var received: Int64
    var size: Int64
    var note: String?
  }

  private struct State {
    var layers: [Layer] = []
    var drawnLines = 0
    var drawnAt = 0
  }

  private static let milliseconds = 100
  private let state = Mutex(State())
  private let isTerminal: Bool

  init() {
    let kind = unsafe getenv("TERM").map { unsafe String(cString: $0) }
    isTerminal = isatty(2) == 1 && kind != nil && kind != "dumb"
  }

  func layerIsThere(_ layer: Digest, size: Int64) { change(layer, size, size, note: "already here") }
  func layer(_ layer: Digest, received: Int64, of size: Int64) {
    change(layer, received, size, note: received == size ? "unpacking" : nil)
  }
  func layerIsDone(_ layer: Digest, size: Int64) { change(layer, size, size, note: "done") }

  /// Draws the last state.
  func finish() { state.withLock { if isTerminal { Self.draw(&$0) } } }

  private func change(_ digest: Digest, _ received: Int64, _ size: Int64, note: String?) {
    state.withLock { state in
      let index = state.layers.firstIndex { $0.digest == digest } ?? state.layers.count
      let layer = Layer(digest: digest, received: received, size: size, note: note)
      if index == state.layers.count { state.layers.append(layer) } else { state.layers[index] = layer }
      guard isTerminal else {
        if let note, note != "unpacking" {
          StandardStream.standardError("\(digest.hex.prefix(12))  \(Quantity.bytes(size))  \(note)\n")
        }
        return
      }
      // More bytes soon after are drawn with the next change.
      let now = Self.now()
      if note != nil || now - state.drawnAt >= Self.milliseconds {
        state.drawnAt = now
        Self.draw(&state)
      }
    }
  }

  private static func now() -> Int {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }

  /// Goes back over what it drew before. Only as many lines as the terminal has can be gone back over: of more layers
  /// those that are complete are counted in one line.
  private static func draw(_ state: inout State) {
    var size = winsize()
    if unsafe ioctl(2, UInt(TIOCGWINSZ), &size) != 0 || size.ws_row == 0 || size.ws_col == 0 {
      (size.ws_row, size.ws_col) = (24, 80)
    }
    let most = max(Int(size.ws_row) - 2, 1)
    var shown = state.layers
    var hidden = 0
    while shown.count > most,
      let index = shown.firstIndex(where: { $0.received == $0.size }) ?? shown.indices.last
    {
      shown.remove(at: index)
      hidden += 1
    }
    var lines = shown.map { line($0, columns: Int(size.ws_col)) }
    if hidden > 0 { lines.insert("and \(hidden) more of \(state.layers.count) layers", at: 0) }
    var text = state.drawnLines > 0 ? "\u{1b}[\(state.drawnLines)A" : ""
    for line in lines { text += "\r\u{1b}[2K\(line.prefix(Int(size.ws_col) - 1))\n" }
    // Lines of before that are no longer needed.
    if state.drawnLines > lines.count { text += "\u{1b}[J" }
    state.drawnLines = lines.count
    StandardStream.standardError(text)
  }

  private static func line(_ layer: Layer, columns: Int) -> String {
    let width = min(max(columns - 50, 8), 40)
    let share = layer.size > 0 ? Int(layer.received * Int64(width) / layer.size) : width
    let bar = String(repeating: "#", count: share) + String(repeating: "-", count: width - share)
    let amount = "\(Quantity.bytes(layer.received)) of \(Quantity.bytes(layer.size))"
    return
      "\(layer.digest.hex.prefix(12))  [\(bar)]  \(layer.note.map { "\(Quantity.bytes(layer.size)), \($0)" } ?? amount)"
  }
}
