import Analysis
import Planning

extension NodeEcosystem {
  /// Reads what pnpm and yarn write while they install; npm writes nothing before it is done.
  func readProgress(_ line: String, into progress: inout InstallProgress) {
    let text = line.trimmed
    if text.hasPrefix("Progress: resolved ") {
      let numbers = text.split(separator: ",").compactMap {
        $0.split(separator: " ").last.flatMap { Int($0) }
      }
      progress.step = "resolving"
      progress.count(numbers.last, of: numbers.first)
    } else if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      let numbers = text[text.index(after: text.startIndex)..<end].split(separator: "/")
      guard numbers.count == 2, numbers.allSatisfy({ Int($0) != nil }) else { return }
      progress.step = String(text[text.index(after: end)...].trimmed)
    } else if text.hasPrefix("added ") {
      progress.count(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }
  }
}
