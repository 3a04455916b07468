import Formats

/// What folders get when everything is in its place: writing into a folder changes its time, and its mode may forbid
/// it.
final class FolderSettings {
  struct Settings {
    var mode: UInt32
    var modified: (seconds: Int64, nanoseconds: Int64)
  }

  private final class Node {
    var settings: Settings?
    var below: [[UInt8]: Node] = [:]
  }

  private let root = Node()

  /// Notes a folder; what was noted of it before is no longer true.
  func note(_ path: EntryPath, _ settings: Settings) {
    var node = root
    for name in path.components {
      let next = node.below[name] ?? Node()
      node.below[name] = next
      node = next
    }
    node.settings = settings
  }

  /// Forgets a folder that was removed, and all that were in it.
  func forget(_ path: EntryPath) {
    guard let name = path.components.last else { return }
    var node = root
    for name in path.components.dropLast() {
      guard let next = node.below[name] else { return }
      node = next
    }
    node.below[name] = nil
  }

  /// Calls `body` for each folder, after those in it.
  func forEach(_ body: (EntryPath, Settings) throws(Failure) -> Void) throws(Failure) {
    try visit(root, EntryPath(components: []), body)
  }

  private func visit(
    _ node: Node, _ path: EntryPath, _ body: (EntryPath, Settings) throws(Failure) -> Void
  ) throws(Failure) {
    for (name, next) in node.below { try visit(next, EntryPath(components: path.components + [name]), body) }
    if let settings = node.settings { try body(path, settings) }
  }
}
