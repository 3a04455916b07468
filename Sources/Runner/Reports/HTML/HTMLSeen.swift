import Analysis
import Formats

/// What a project that is ready has shown, in a sentence for each phase.
struct HTMLSeen {
  let report: Report

  /// Nil where it is not ready: then what matters is what was found.
  var section: Markup? {
    guard report.verdict == .ready || report.verdict == .readyWithWarnings, !sentences.isEmpty else {
      return nil
    }
    let items = sentences.map { "<li>\($0)</li>" as Markup }
    return """

      <section id="seen" aria-labelledby="h-seen" class="first">
      <h2 id="h-seen">What was seen</h2>
      <ul class="seen">\(items)</ul>
      </section>
      """
  }

  private var sentences: [String] {
    var sentences = report.phases.compactMap(sentence)
    let start = report.phases.first { $0.name == .start }
    if let memory = start?.resources.memoryPeakBytes {
      let limit = report.plan.limits.memoryBytes.map { "; its limit is \(ByteCount.describe($0))" } ?? ""
      sentences.append("It used \(ByteCount.describe(memory)) of memory at most\(limit).")
    }
    for process in report.processes ?? [] where process.status == .passed {
      let seconds = HTMLWords.duration(process.durationMilliseconds)
      sentences.append(
        process.exitCode == 0
          ? "The process \(process.name) ended well after \(seconds)."
          : "The process \(process.name) ran for \(seconds), then was stopped.")
    }
    return sentences
  }

  private func sentence(_ phase: Report.Phase) -> String? {
    let time = HTMLWords.duration(phase.durationMilliseconds)
    switch (phase.name, phase.status) {
    case (.install, .cached): return "Its dependencies were taken from an earlier check of the same."
    case (.install, .passed): return "Its dependencies were installed in \(time)."
    case (.build, .passed): return "It was built in \(time)."
    case (.start, .passed):
      guard let socket = report.listening.first else { return "It started." }
      let address = socket.address.contains(":") ? "[\(socket.address)]" : socket.address
      return "It listened on \(address):\(socket.port) after \(time)."
    case (.probe, .passed):
      let path = report.plan.healthPath.map { $0.hasPrefix("/") ? " \($0)" : "" } ?? ""
      guard let settling = report.settlingMilliseconds, settling > 0 else { return "It answered\(path)." }
      return "It answered\(path), and again after \(HTMLWords.duration(settling))."
    case (.stop, .passed): return "It stopped within \(time) when it was asked to."
    default: return nil
    }
  }
}
