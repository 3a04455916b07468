import Analysis
import Formats

/// A part of the check's time: a phase, or one of the project's other processes.
struct HTMLSpan {
  var name: String
  var command: String
  /// A class of the style sheet: "passed", "failed", "skipped", "cached", "not-run".
  var status: String
  var words: String
  /// Milliseconds since the check began; nil when it did not run.
  var begin: Int?
  var milliseconds: Int
  var samples: [ResourceSample]
  /// Whether it is the same program as the span before: start, probe and stop are one.
  var continues: Bool

  /// All that took time: the phases, and the other processes where they ran between them.
  static func all(of report: Report) -> [HTMLSpan] {
    let zero = HTMLWords.milliseconds(report.startedAt) ?? 0
    func begin(_ timestamp: String?) -> Int? {
      timestamp.flatMap(HTMLWords.milliseconds).map { bounded($0 - zero) }
    }
    var spans = report.phases.map { phase in
      HTMLSpan(
        name: phase.name.rawValue, command: phase.command.joined(separator: " "),
        status: phase.status.rawValue,
        words: words(phase.status.rawValue, phase.exitCode, phase.signal),
        begin: begin(phase.startedAt), milliseconds: bounded(phase.durationMilliseconds),
        samples: bounded(phase.samples),
        continues: phase.name == .probe || phase.name == .stop)
    }
    for process in report.processes ?? [] {
      let own = HTMLSpan(
        name: process.name, command: process.command.joined(separator: " "),
        status: process.status.rawValue,
        words: process.reason.map { "not run: \($0)" }
          ?? words(process.status.rawValue, process.exitCode, process.signal),
        begin: begin(process.startedAt), milliseconds: bounded(process.durationMilliseconds),
        samples: bounded(process.samples), continues: false)
      // A release command runs before the program, the others after it.
      let place = own.begin.flatMap { begin in spans.firstIndex { ($0.begin ?? 0) > begin } }
      spans.insert(own, at: place ?? spans.endIndex)
    }
    return spans
  }

  /// A number of a report that may have been made by anybody, so that nothing overflows: up to some thirty years.
  static func bounded(_ number: Int) -> Int { min(max(0, number), 1 << 40) }

  private static func bounded(_ samples: [ResourceSample]?) -> [ResourceSample] {
    (samples ?? []).map { sample in
      var sample = sample
      sample.milliseconds = bounded(sample.milliseconds)
      sample.cpuMilliseconds = sample.cpuMilliseconds.map(bounded)
      return sample
    }
  }

  private static func words(_ status: String, _ exitCode: Int?, _ signal: Int?) -> String {
    if status != "failed" { return status }
    if let signal { return "failed, signal \(signal)" }
    return exitCode.map { "failed, exit status \($0)" } ?? "failed"
  }
}

/// What happened when, a line for each phase.
struct HTMLTimeline {
  let report: Report

  var section: Markup {
    let spans = HTMLSpan.all(of: report)
    let whole = max(
      1, HTMLSpan.bounded(report.durationMilliseconds),
      spans.map { ($0.begin ?? 0) + $0.milliseconds }.max() ?? 0)
    let rows = spans.map { row($0, of: whole) }
    return """
      <section id="timeline" aria-labelledby="h-timeline">
      <h2 id="h-timeline">Timeline</h2>
      <ol class="phases">\(rows)</ol>
      </section>
      """
  }

  private func row(_ span: HTMLSpan, of whole: Int) -> Markup {
    var bar: Markup = "<rect class=\"track\" width=\"1000\" height=\"10\"/>"
    if let begin = span.begin, span.status != "skipped" {
      let width = max(4, span.milliseconds * 1000 / whole)
      let left = min(1000 - width, begin * 1000 / whole)
      bar += "<rect class=\"bar\" x=\"\(left)\" width=\"\(width)\" height=\"10\"/>"
    }
    let command: Markup? =
      span.command.isEmpty ? nil : "<code class=\"what\">\(String(span.command.prefix(2000)))</code>"
    let time = span.begin == nil || span.status == "cached" ? "" : HTMLWords.duration(span.milliseconds)
    return """
      <li class="phase \(span.status)"><span class="name">\(span.name)</span><svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">\(bar)</svg><span class="time">\(time)</span><span class="status">\(span.words)</span>\(command)</li>

      """
  }
}
