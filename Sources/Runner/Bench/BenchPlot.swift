import Formats

/// Plots as inline SVG. Positions are percentages and text has the page's size, so a plot fits any width.
enum BenchPlot {
  /// A bar with what is written at its right end.
  struct Bar {
    var name: String
    /// A few words beside the name.
    var remark = ""
    var value: Double
    var label: String
    /// The middle nine tenths of the samples, and the 99th percentile.
    var range: (low: Double, high: Double, most: Double)?
    /// Which of the page's colours.
    var style: String
  }

  private static let rowHeight = 44

  /// A bar for each, from zero, on one scale.
  static func bars(_ bars: [Bar], title: String) -> String {
    let most = bars.map { max($0.value, $0.range?.most ?? 0) }.max() ?? 1
    func percent(_ value: Double) -> String {
      BenchReport.fixed(min(100, value / max(most, 1e-9) * 100), 2) + "%"
    }
    var svg = open(height: bars.count * rowHeight, title: title)
    for (index, bar) in bars.enumerated() {
      let top = index * rowHeight
      svg += "<text class=\"name\" x=\"0\" y=\"\(top + 15)\">\(Markup.escaped(bar.name))"
      if !bar.remark.isEmpty {
        svg += "<tspan class=\"remark\" dx=\"6\">\(Markup.escaped(bar.remark))</tspan>"
      }
      svg += "</text>"
      svg += text("100%", top + 15, bar.label, style: "value")
      svg += "<rect class=\"track\" x=\"0\" y=\"\(top + 22)\" width=\"100%\" height=\"12\" rx=\"3\"/>"
      svg +=
        "<rect class=\"\(bar.style)\" x=\"0\" y=\"\(top + 22)\" width=\"\(percent(bar.value))\" height=\"12\" rx=\"3\"/>"
      if let range = bar.range {
        svg += line(percent(range.low), percent(range.high), y: top + 28)
        for edge in [range.low, range.high] { svg += tick(percent(edge), top + 25, 6) }
        svg += tick(percent(range.most), top + 22, 12)
      }
    }
    return svg + "</svg>"
  }

  /// Points on a scale around one; each row has a point for each place.
  static func ratios(
    _ rows: [(name: String, points: [(style: String, name: String, ratio: Double)])], title: String
  ) -> String {
    let height = 38
    let all = rows.flatMap { $0.points.map(\.ratio) }
    let low = min(0.8, all.min() ?? 1)
    let high = min(3, max(1.5, all.max() ?? 1))
    func percent(_ value: Double) -> String {
      // A margin keeps the points inside.
      BenchReport.fixed(2 + 96 * (min(max(value, low), high) - low) / (high - low), 2) + "%"
    }
    var svg = open(height: rows.count * height + 24, title: title)
    let bottom = rows.count * height
    var marks: [Double] = [1]
    marks += stride(from: 1.5, through: high, by: 0.5)
    for mark in marks {
      svg +=
        "<line class=\"\(mark == 1 ? "one" : "grid")\" x1=\"\(percent(mark))\" x2=\"\(percent(mark))\" y1=\"0\" y2=\"\(bottom)\"/>"
      svg += text(percent(mark), bottom + 18, BenchReport.fixed(mark, 1), style: "mark")
    }
    for (index, row) in rows.enumerated() {
      let top = index * height
      svg += text("0", top + 13, row.name, style: "name")
      svg += "<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"\(top + 25)\" y2=\"\(top + 25)\"/>"
      for point in row.points.reversed() {
        let ratio = BenchReport.ratio(point.ratio)
        svg += "<circle class=\"\(point.style)\" cx=\"\(percent(point.ratio))\" cy=\"\(top + 25)\" r=\"5\">"
        svg += "<title>\(Markup.escaped("\(point.name): \(ratio) times bare"))</title></circle>"
        if point.ratio > high { svg += text("100%", top + 13, "\(point.name) \(ratio)", style: "value") }
      }
    }
    return svg + "</svg>"
  }

  private static func open(height: Int, title: String) -> String {
    "<svg role=\"img\" width=\"100%\" height=\"\(height)\" aria-label=\"\(Markup.escaped(title))\">"
  }

  private static func text(_ x: String, _ y: Int, _ words: String, style: String) -> String {
    "<text class=\"\(style)\" x=\"\(x)\" y=\"\(y)\">\(Markup.escaped(words))</text>"
  }

  private static func line(_ from: String, _ to: String, y: Int) -> String {
    "<line class=\"range\" x1=\"\(from)\" x2=\"\(to)\" y1=\"\(y)\" y2=\"\(y)\"/>"
  }

  private static func tick(_ x: String, _ y: Int, _ height: Int) -> String {
    "<line class=\"range\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(y)\" y2=\"\(y + height)\"/>"
  }
}
