import Analysis
import Formats

/// Memory, processor, processes and disk over time.
struct HTMLCharts {
  let report: Report

  /// What is drawn over time.
  private struct Metric {
    var id: String
    var title: String
    var unit: ChartPlot.Unit
    /// The limit, in the unit.
    var limit: Double?
    /// What there is of it in the samples of one program, by their times.
    var values: ([ResourceSample]) -> [(time: Int, value: Double)]
  }

  var section: Markup {
    let runs = Self.runs(of: HTMLSpan.all(of: report))
    let charts = metrics.compactMap { chart($0, runs) }
    let body: Markup =
      charts.isEmpty
      ? "<p class=\"about\">Nothing was sampled while it ran.</p>" : "<div class=\"charts\">\(charts)</div>"
    return """
      <section id="resources" aria-labelledby="h-resources">
      <h2 id="h-resources">Resources</h2>
      \(body)
      \(table)
      </section>
      """
  }

  private var metrics: [Metric] {
    let limits = report.plan.limits
    return [
      Metric(id: "memory", title: "Memory", unit: .bytes, limit: limits.memoryBytes.map(Double.init)) {
        $0.compactMap { sample in sample.memoryBytes.map { (sample.milliseconds, Double($0)) } }
      },
      Metric(
        id: "processor", title: "Processors in use", unit: .processors, limit: limits.cpus, values: Self.rates
      ),
      Metric(id: "processes", title: "Processes", unit: .count, limit: limits.pids.map(Double.init)) {
        $0.compactMap { sample in sample.processes.map { (sample.milliseconds, Double($0)) } }
      },
      Metric(id: "disk", title: "Written to disk", unit: .bytes, limit: limits.diskBytes.map(Double.init)) {
        $0.compactMap { sample in sample.writtenBytes.map { (sample.milliseconds, Double($0)) } }
      },
    ]
  }

  /// Processors in use, over at least a tenth of a second: what is counted comes in steps of ten milliseconds.
  private static func rates(_ samples: [ResourceSample]) -> [(time: Int, value: Double)] {
    var result: [(time: Int, value: Double)] = []
    var last: (time: Int, used: Int)?
    for sample in samples {
      guard let used = sample.cpuMilliseconds else { continue }
      guard let before = last else {
        last = (sample.milliseconds, used)
        continue
      }
      let passed = sample.milliseconds - before.time
      guard passed >= 100 else { continue }
      result.append((sample.milliseconds, Double(max(0, used - before.used)) / Double(passed)))
      last = (sample.milliseconds, used)
    }
    return result
  }

  /// The samples of one program, by milliseconds since the check began.
  private struct Run {
    var samples: [ResourceSample] = []
    var parts: [ChartPlot.Part] = []
  }

  /// The programs that ran one after the other: a line goes through all phases of one.
  private static func runs(of spans: [HTMLSpan]) -> [Run] {
    var runs: [Run] = []
    for span in spans {
      guard let begin = span.begin, !span.samples.isEmpty else { continue }
      if !span.continues || runs.isEmpty { runs.append(Run()) }
      runs[runs.count - 1].parts.append(.init(name: span.name, begin: begin))
      runs[runs.count - 1].samples += span.samples.map { $0.shifted(by: begin) }
    }
    return runs
  }

  private func chart(_ metric: Metric, _ runs: [Run]) -> Markup? {
    let series = runs.map { ChartPlot.Series(parts: $0.parts, points: metric.values($0.samples)) }
    let plot = ChartPlot(series: series.filter { !$0.points.isEmpty }, unit: metric.unit, limit: metric.limit)
    guard let plot else { return nil }
    let limit: Markup? = metric.limit.map {
      "<span class=\"soft\">, limit \(metric.unit.words($0))</span>"
    }
    return """
      <figure class="chart" id="chart-\(metric.id)">
      <figcaption><h3>\(metric.title)</h3><p class="peak"><span class="soft">at most</span> <b>\(metric.unit.words(plot.peak))</b>\(limit)</p></figcaption>
      \(plot.drawing(title: metric.title))
      <output class="readout" for="chart-\(metric.id)"></output>
      </figure>

      """
  }

  // MARK: The same in numbers

  private var table: Markup {
    let rows = report.phases.filter { $0.status != .skipped }.map { phase in
      let use = phase.resources
      // What a program had written before its later phases is not theirs.
      let isFirst = phase.name != .probe && phase.name != .stop
      let written = use.bytesWritten ?? (isFirst ? phase.samples?.last?.writtenBytes : nil)
      let cells: [String?] = [
        phase.status == .cached ? "cached" : HTMLWords.duration(phase.durationMilliseconds),
        use.cpuMilliseconds.map(HTMLWords.duration), use.memoryPeakBytes.map(ByteCount.describe),
        use.processesPeak.map(String.init), written.map(ByteCount.describe),
        use.oomKills.map(String.init),
      ]
      return (phase.name.rawValue, cells)
    }
    return HTMLTable.of(
      "Resources of each phase",
      ["Phase", "Time", "Processor", "Most memory", "Most processes", "Written", "Killed for memory"],
      rows.map { name, cells in [name] + cells.map { $0 ?? "–" } }, numbersFrom: 1)
  }
}

/// A table that scrolls by itself where it is too wide.
enum HTMLTable {
  /// Columns from `numbersFrom` on are numbers.
  static func of(_ title: String, _ head: [String], _ rows: [[String]], numbersFrom: Int = .max) -> Markup {
    if rows.isEmpty { return "" }
    func cell(_ text: String, _ column: Int) -> Markup {
      if column == 0 { return "<th scope=\"row\">\(text)</th>" }
      return column >= numbersFrom ? "<td class=\"number\">\(text)</td>" : "<td>\(text)</td>"
    }
    let heads = head.enumerated().map { column, text in
      (column >= numbersFrom
        ? "<th scope=\"col\" class=\"number\">\(text)</th>" : "<th scope=\"col\">\(text)</th>") as Markup
    }
    let lines = rows.map { row in
      "<tr>\(row.enumerated().map { cell($0.element, $0.offset) })</tr>\n" as Markup
    }
    return """
      <div class="scroll" role="region" tabindex="0" aria-label="\(title)"><table><thead><tr>\(heads)</tr></thead><tbody>
      \(lines)</tbody></table></div>
      """
  }
}
