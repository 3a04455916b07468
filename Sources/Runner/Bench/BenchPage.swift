import Formats

/// The report as one HTML page that needs nothing else: no script, no font, no image from elsewhere.
package struct BenchPage {
  private let report: BenchReport
  private var html = ""

  package static func render(_ report: BenchReport) -> String {
    var page = BenchPage(report: report)
    page.all()
    return page.html
  }

  private init(report: BenchReport) { self.report = report }

  private mutating func all() {
    let title = "preflight bench"
    html += "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">"
    html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
    html += "<title>\(title)</title><style>\(BenchPageStyle.sheet)</style></head><body><main>"
    head()
    latency("Start", "From the request to the end of a container", report.start)
    latency(
      "First instruction", "From the request to the payload's first instruction", report.firstInstruction)
    latency("Exec", "A command in a running container", report.exec, isExec: true)
    throughput()
    resources()
    work()
    entrants()
    html += "</main></body></html>\n"
  }

  private mutating func head() {
    let host = report.host
    html += "<header><h1>What a sandbox costs</h1><p class=\"lead\">"
    html += Markup.escaped(report.summary.first ?? "") + "</p><ul class=\"facts\">"
    for sentence in report.summary.dropFirst() { html += "<li>\(Markup.escaped(sentence))</li>" }
    let memory = BenchReport.fixed(Double(host.memoryInBytes) / 1_073_741_824, 1)
    let load = host.loadAverage.map { BenchReport.fixed($0, 2) }.joined(separator: " ")
    html += "</ul><p class=\"machine\">"
    html += Markup.escaped(
      "Linux \(host.kernel), \(host.architecture), \(host.processor), \(host.processorCount) processors, "
        + "\(memory) GiB; load \(load) at the begin; \(report.startedAt.prefix(19))Z, "
        + "\(BenchReport.fixed(report.durationInSeconds, 0)) s; \(report.tool)")
    html += "</p></header>"
  }

  private mutating func section(_ title: String, _ about: String, _ body: String) {
    html +=
      "<section><h2>\(Markup.escaped(title))</h2><p class=\"about\">\(Markup.escaped(about))</p>\(body)</section>"
  }

  private func style(_ name: String) -> String { "bar \(name)" }

  private mutating func latency(
    _ title: String, _ about: String, _ rows: [BenchReport.Latency], isExec: Bool = false
  ) {
    guard !rows.isEmpty else { return }
    let bars = rows.map { row in
      let times = row.milliseconds
      return BenchPlot.Bar(
        name: row.name, remark: BenchReport.remark(row.name), value: times.p50,
        label: "\(BenchReport.number(times.p50)) ms"
          + (row.name == "isolate" ? "" : " (\(BenchReport.ratio(row.timesIsolate))x)"),
        range: (times.p5, times.p95, times.p99), style: style(row.name))
    }
    let table = self.table(
      ["", "p50", "p95", "p99", "least", "most", "runs", "x isolate"],
      rows.map { row in
        let times = row.milliseconds
        return [row.name]
          + [times.p50, times.p95, times.p99, times.minimum, times.maximum].map(BenchReport.number)
          + ["\(times.count)", BenchReport.ratio(row.timesIsolate)]
      })
    section(
      title,
      about
        + ", milliseconds. Bar: median; line: 5th to 95th percentile; last tick: 99th; in brackets: times isolate's.",
      BenchPlot.bars(bars, title: title) + notes(report.missing(from: rows, isExec: isExec)) + table)
  }

  private mutating func throughput() {
    guard !report.throughput.isEmpty else { return }
    let levels = Set(report.throughput.map(\.atOnce)).sorted()
    var body = "<div class=\"pair\">"
    for level in levels {
      let bars = report.throughput.filter { $0.atOnce == level }.map {
        BenchPlot.Bar(
          name: $0.name, value: $0.perSecond, label: "\(BenchReport.number($0.perSecond)) / s", range: nil,
          style: style($0.name))
      }
      body += "<div><h3>\(level) at once</h3>\(BenchPlot.bars(bars, title: "\(level) at once"))</div>"
    }
    section("Containers per second", "Started and ended, so many at once. Longer is better.", body + "</div>")
  }

  private mutating func resources() {
    var body = "<div class=\"pair\">"
    func plot(_ title: String, _ bars: [BenchPlot.Bar]) {
      guard !bars.isEmpty else { return }
      body += "<div><h3>\(Markup.escaped(title))</h3>\(BenchPlot.bars(bars, title: title))</div>"
    }
    func bar(_ name: String, _ value: Int?, _ label: (Double) -> String) -> BenchPlot.Bar? {
      value.map {
        BenchPlot.Bar(name: name, value: Double($0), label: label(Double($0)), range: nil, style: style(name))
      }
    }
    let mebibytes = { (kib: Double) in "\(BenchReport.number(kib / 1024)) MiB" }
    plot(
      "Peak memory of a start, largest process",
      report.memory.compactMap { bar($0.name, $0.peakKiB, mebibytes) })
    plot("Memory held while one runs", report.memory.compactMap { bar($0.name, $0.heldKiB, mebibytes) })
    plot(
      "System calls of a start",
      report.systemCalls.compactMap { bar($0.name, $0.calls) { BenchReport.fixed($0, 0) } })
    body += "</div>"
    for (name, failure) in report.memory.map({ ($0.name, $0.failure) })
      + report.systemCalls.map({ ($0.name, $0.failure) })
    {
      if let failure { body += "<p class=\"note\">\(Markup.escaped("\(name): \(failure)"))</p>" }
    }
    section(
      "What a start takes",
      "Memory and system calls of the runtime, without the payload's. Shorter is better.", body)
  }

  private mutating func work() {
    guard let first = report.work.first else { return }
    let places = first.places.map(\.name).filter { $0 != "bare" }
    var body = "<p class=\"legend\">"
    for place in places { body += "<span><i class=\"dot \(place)\"></i>\(Markup.escaped(place))</span>" }
    body += "</p>"
    body += BenchPlot.ratios(
      report.work.map { row in
        (
          row.title,
          row.places.filter { $0.name != "bare" }.compactMap { place in
            place.timesBare.map { ("point \(place.name)", place.name, $0) }
          }
        )
      }, title: "Work inside as a multiple of bare")
    body += table(
      ["", "unit"] + first.places.map(\.name),
      report.work.map { row in
        [row.title, row.unit]
          + row.places.map { place in
            guard let value = place.undisturbed else { return "-" }
            let ratio =
              place.name == "bare" ? "" : place.timesBare.map { " (\(BenchReport.fixed($0, 2)))" } ?? ""
            return BenchReport.number(value) + ratio
          }
      })
    var notes: [String] = []
    for place in report.work.flatMap(\.places) {
      let note = place.failure.map { "\(place.name): \($0)" }
      if let note, !notes.contains(note) { notes.append(note) }
    }
    body += self.notes(notes)
    section(
      "Work inside",
      "The same work by the same program, as a multiple of what it costs outside, where nothing disturbs it (the fifth "
        + "percentile). 1.0 is no cost.", body)
  }

  private mutating func entrants() {
    var body = "<dl>"
    for entrant in report.entrants {
      body += "<dt>\(Markup.escaped(entrant.name)) <small>\(Markup.escaped(entrant.version))</small></dt><dd>"
      if let failure = entrant.failure {
        body += "<p class=\"failure\">\(Markup.escaped("Not measured: \(failure)"))</p>"
      }
      if !entrant.lacks.isEmpty {
        body += "<p>\(Markup.escaped("Lacks: \(entrant.lacks.joined(separator: ", "))."))</p>"
      }
      for note in entrant.notes { body += "<p class=\"failure\">\(Markup.escaped(note))</p>" }
      for addition in entrant.adds { body += "<p>\(Markup.escaped("Adds: \(addition)."))</p>" }
      body += "<pre>\(Markup.escaped(entrant.command))</pre></dd>"
    }
    body += "</dl><h3>Method</h3><ul>"
    let method = [
      "Payload: \(report.method.payload).", "Configuration: \(report.method.configuration).",
      "\(report.method.runs) runs after \(report.method.warmUpRuns) that do not count.",
    ]
    for sentence in method + report.method.notes { body += "<li>\(Markup.escaped(sentence))</li>" }
    section(
      "What was measured, and how", "Each with the same payload in the same root filesystem.", body + "</ul>")
  }

  private func notes(_ sentences: [String]) -> String {
    sentences.map { "<p class=\"note\">\(Markup.escaped($0))</p>" }.joined()
  }

  private func table(_ head: [String], _ rows: [[String]]) -> String {
    var body = "<details><summary>The numbers</summary><div class=\"scroll\"><table><thead><tr>"
    for cell in head { body += "<th>\(Markup.escaped(cell))</th>" }
    body += "</tr></thead><tbody>"
    for row in rows {
      body += "<tr>"
      for (column, cell) in row.enumerated() {
        body += column == 0 ? "<th>\(Markup.escaped(cell))</th>" : "<td>\(Markup.escaped(cell))</td>"
      }
      body += "</tr>"
    }
    return body + "</tbody></table></div></details>"
  }
}
