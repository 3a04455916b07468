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

  private let state = Mutex(State())
  private let isTerminal = isatty(2) == 1

  func layerIsThere(_ layer: Digest, size: Int64) { change(layer, size, size, note: "already here") }
  func layer(_ layer: Digest, received: Int64, of size: Int64) { change(layer, received, size, note: nil) }
  func layerIsDone(_ layer: Digest, size: Int64) { change(layer, size, size, note: "done") }

  /// Draws the last state.
  func finish() { state.withLock { if isTerminal { Self.draw(&$0) } } }

  private func change(_ digest: Digest, _ received: Int64, _ size: Int64, note: String?) {
    state.withLock { state in
      let index = state.layers.firstIndex { $0.digest == digest } ?? state.layers.count
      let layer = Layer(digest: digest, received: received, size: size, note: note)
      if index == state.layers.count { state.layers.append(layer) } else { state.layers[index] = layer }
      guard isTerminal else {
        if let note {
          StandardStream.standardError("\(digest.hex.prefix(12))  \(Quantity.bytes(size))  \(note)\n")
        }
        return
      }
      let now = time(nil)
      // What follows within a second is drawn with the next change, or at the end.
      if note != nil || now != state.drawnAt {
        state.drawnAt = now
        Self.draw(&state)
      }
    }
  }

  private static func draw(_ state: inout State) {
    var text = state.drawnLines > 0 ? "\u{1b}[\(state.drawnLines)A" : ""
    for layer in state.layers {
      let share = layer.size > 0 ? Int(layer.received * 24 / layer.size) : 24
      let bar = String(repeating: "#", count: share) + String(repeating: "-", count: 24 - share)
      let amount = layer.note ?? "\(Quantity.bytes(layer.received)) of \(Quantity.bytes(layer.size))"
      text += "\r\u{1b}[2K\(layer.digest.hex.prefix(12))  [\(bar)]  \(amount)\n"
    }
    state.drawnLines = state.layers.count
    StandardStream.standardError(text)
  }
}
