/// The report as tables of at most 100 columns.
package struct BenchText {
  private let report: BenchReport
  private let color: Bool
  private var text = ""

  /// Renders a report; with `color`, headings stand out.
  package static func render(_ report: BenchReport, color: Bool) -> String {
    var renderer = BenchText(report: report, color: color)
    renderer.all()
    return renderer.text
  }

  private init(report: BenchReport, color: Bool) {
    self.report = report
    self.color = color
  }

  private mutating func all() {
    head()
    latency("Start: from the request to the end", report.start)
    latency("First instruction: from the request to the payload's first", report.firstInstruction)
    latency("Exec: a command in a running container", report.exec, isExec: true)
    throughput()
    resources()
    work()
    entrants()
  }

  private mutating func head() {
    let host = report.host
    line(
      "\(report.tool)  \(report.startedAt.prefix(19))Z, took \(BenchReport.fixed(report.durationInSeconds, 0)) s"
    )
    line("Linux \(host.kernel), \(host.architecture), \(host.processor)")
    let memory = BenchReport.fixed(Double(host.memoryInBytes) / 1_073_741_824, 1)
    let load = host.loadAverage.map { BenchReport.fixed($0, 2) }.joined(separator: " ")
    line(
      "\(host.processorCount) processors, \(memory) GiB of memory, load \(load) at the begin, user \(host.userID)"
    )
    line("")
    for sentence in report.summary { paragraph(sentence) }
  }

  private mutating func latency(_ title: String, _ rows: [BenchReport.Latency], isExec: Bool = false) {
    guard !rows.isEmpty else { return }
    heading(title, "ms")
    table(
      ["", "p50", "p95", "p99", "least", "most", "runs", "x isolate", ""],
      rows.map { row in
        let times = row.milliseconds
        return [row.name]
          + [times.p50, times.p95, times.p99, times.minimum, times.maximum].map(BenchReport.number)
          + ["\(times.count)", BenchReport.ratio(row.timesIsolate), BenchReport.remark(row.name)]
      }, endsInWords: true)
    for sentence in report.missing(from: rows, isExec: isExec) { paragraph(sentence) }
  }

  private mutating func throughput() {
    guard !report.throughput.isEmpty else { return }
    heading("Containers per second, so many at once", "")
    let levels = Set(report.throughput.map(\.atOnce)).sorted()
    table(
      [""] + levels.map { "\($0)" },
      names(report.throughput.map(\.name)).map { name in
        [name]
          + levels.map { level in
            report.throughput.first { $0.name == name && $0.atOnce == level }
              .map { BenchReport.number($0.perSecond) } ?? "-"
          }
      })
  }

  private mutating func resources() {
    guard !report.memory.isEmpty || !report.systemCalls.isEmpty else { return }
    heading("What a start takes", "")
    var notes: [String] = []
    table(
      ["", "peak MiB", "held MiB", "held processes", "system calls", "processes, threads"],
      names(report.memory.map(\.name) + report.systemCalls.map(\.name)).map { name in
        let memory = report.memory.first { $0.name == name }
        let calls = report.systemCalls.first { $0.name == name }
        for failure in [memory?.failure, calls?.failure] {
          if let failure { notes.append("\(name): \(failure)") }
        }
        func mebibytes(_ kib: Int?) -> String { kib.map { BenchReport.number(Double($0) / 1024) } ?? "-" }
        return [
          name, mebibytes(memory?.peakKiB), mebibytes(memory?.heldKiB),
          memory?.heldProcesses.map { "\($0)" } ?? "-", calls?.calls.map { "\($0)" } ?? "-",
          calls?.processes.map { "\($0 + 1)" } ?? "-",
        ]
      })
    for note in notes { paragraph(note) }
  }

  private mutating func work() {
    guard let first = report.work.first else { return }
    heading("Work inside, as a multiple of the bare process's cost", "fifth percentiles")
    let places = first.places.map(\.name).filter { $0 != "bare" && $0 != "isolate" }
    var notes: [String] = []
    table(
      ["", "bare", "", "isolate", "x bare"] + places.map { "x \($0)" },
      report.work.map { row in
        func place(_ name: String) -> BenchReport.Work.Place? { row.places.first { $0.name == name } }
        func times(_ name: String) -> String {
          place(name)?.timesBare.map { BenchReport.fixed($0, 2) } ?? "-"
        }
        for place in row.places {
          guard let failure = place.failure else { continue }
          let note = "\(place.name): \(failure)"
          if !notes.contains(note) { notes.append(note) }
        }
        return [
          row.title, place("bare")?.undisturbed.map(BenchReport.number) ?? "-", row.unit,
          place("isolate")?.undisturbed.map(BenchReport.number) ?? "-", times("isolate"),
        ] + places.map(times)
      })
    for note in notes { paragraph(note) }
  }

  private mutating func entrants() {
    heading("What was measured", "")
    for entrant in report.entrants {
      let version = entrant.version.isEmpty ? "" : " (\(entrant.version))"
      var words = "\(entrant.name)\(version)"
      if let failure = entrant.failure { words += ": not measured: \(failure)" }
      if entrant.failure == nil, !entrant.lacks.isEmpty {
        words += "; lacks: \(entrant.lacks.joined(separator: ", "))"
      }
      if entrant.failure == nil, !entrant.adds.isEmpty {
        words += "; adds: \(entrant.adds.joined(separator: ", "))"
      }
      for note in entrant.notes { words += "; \(note)" }
      paragraph(words)
    }
    paragraph("Payload: \(report.method.payload).")
    paragraph("Configuration: \(report.method.configuration).")
  }

  private func names(_ all: [String]) -> [String] {
    all.enumerated().filter { all.firstIndex(of: $0.element) == $0.offset }.map(\.element)
  }

  private mutating func line(_ words: String) { text += words + "\n" }

  private mutating func heading(_ title: String, _ unit: String) {
    let whole = unit.isEmpty ? title : "\(title) (\(unit))"
    line("")
    line(color ? "\u{1b}[1m\(whole)\u{1b}[0m" : whole)
  }

  /// The first column to the left, and the last if it is words, the others to the right.
  private mutating func table(_ head: [String], _ rows: [[String]], endsInWords: Bool = false) {
    let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
    for (index, row) in ([head] + rows).enumerated() {
      var words = ""
      for (column, cell) in row.enumerated() {
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        let isLeft = column == 0 || endsInWords && column == row.count - 1
        words += isLeft ? "  " + cell + padding : "  " + padding + cell
      }
      while words.hasSuffix(" ") { words.removeLast() }
      line(index == 0 && color ? "\u{1b}[2m\(words)\u{1b}[0m" : words)
    }
  }

  /// Wrapped at 98 columns, continued with an indent.
  private mutating func paragraph(_ words: String) {
    var current = "  "
    for word in words.split(separator: " ") {
      if current.count + word.count + 1 > 98, current.contains(where: { $0 != " " }) {
        line(current)
        current = "    "
      }
      current += (current.hasSuffix(" ") ? "" : " ") + word
    }
    line(current)
  }
}
