import Analysis
import Formats

/// A line over time as SVG that keeps its text when it is stretched: lines in a picture of their own, text by
/// percentages.
struct ChartPlot {
  /// What a value counts.
  enum Unit: String {
    case bytes, processors, count

    func words(_ number: Double) -> String {
      let value = ChartPlot.bounded(number)
      switch self {
      case .bytes: return ByteCount.describe(Int64(value))
      case .count: return String(Int(value))
      case .processors:
        let hundredths = Int((value * 100).rounded())
        return hundredths % 100 == 0
          ? "\(hundredths / 100)" : "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
      }
    }

    /// The end of an axis: a round number that is not less.
    func roundedUp(_ value: Double) -> Double {
      var step = 1.0
      if self == .bytes {
        step = 1_048_576
        while step < value { step *= 2 }
        return step * 3 / 4 >= value && step > 2_097_152 ? step * 3 / 4 : step
      }
      if self == .processors, value <= 0.5 { return value <= 0.1 ? 0.1 : 0.5 }
      while step * 10 < value { step *= 10 }
      return [1, 2, 4, 5, 8, 10].map { $0 * step }.first { $0 >= value } ?? value
    }
  }

  /// A phase of a program.
  struct Part {
    var name: String
    /// Milliseconds since the check began.
    var begin: Int
  }

  /// What was measured of one program, in the order of time.
  struct Series {
    var parts: [Part]
    var points: [(time: Int, value: Double)]
  }

  let series: [Series]
  let unit: Unit
  let limit: Double?
  let peak: Double
  private let top: Double
  private let begin: Int
  private let length: Int

  /// Nil without a point.
  init?(series: [Series], unit: Unit, limit: Double?) {
    let points = series.flatMap(\.points)
    guard let first = points.map(\.time).min(), let last = points.map(\.time).max() else { return nil }
    self.series = series.map { series in
      Series(parts: series.parts, points: series.points.map { ($0.time, Self.bounded($0.value)) })
    }
    self.unit = unit
    self.limit = limit.map(Self.bounded)
    let peak = Self.bounded(points.map(\.value).max() ?? 0)
    self.peak = peak
    begin = first
    length = max(1, last - first)
    let isNear = self.limit.map { $0 <= peak * 3 } ?? false
    top = unit.roundedUp(max(isNear ? self.limit ?? 0 : 0, peak))
  }

  /// Any number there may be in a report, as one that can be drawn and written.
  fileprivate static func bounded(_ value: Double) -> Double { value > 0 ? min(value, 9e15) : 0 }

  private static let height = 140.0
  private static let width = 1000.0

  private func x(_ time: Int) -> Double { Double(time - begin) / Double(length) * Self.width }
  private func y(_ value: Double) -> Double { Self.height - min(1, value / top) * (Self.height - 6) }

  func drawing(title: String) -> Markup {
    let lines = series.map(line)
    var marks: Markup = ""
    if let limit, limit <= top {
      marks = "<path class=\"limit\" d=\"M0 \(Self.number(y(limit)))H1000\"/>"
    }
    let points = parts.map { part in
      let values = part.points.map { "\($0.time),\(Self.number($0.value))" }.joined(separator: " ")
      return part.name.replacing(";", with: " ").replacing("=", with: " ") + "=" + values
    }.joined(separator: ";")
    let label = "\(title) over time, at most \(unit.words(peak))"
    return """
      <svg class="plot" role="img" aria-label="\(label)" data-unit="\(unit.rawValue)" data-points="\(points)" data-begin="\(begin)" data-length="\(length)" height="176" width="100%">
      <svg class="lines" width="100%" height="140" viewBox="0 0 1000 140" preserveAspectRatio="none"><path class="grid" d="M0 6H1000M0 73H1000M0 139.5H1000"/>\(bands)\(lines)\(marks)</svg>
      <text class="axis" x="0" y="18">\(unit.words(top))</text>\(names)\(times)
      <line class="cross" y1="0" y2="140" visibility="hidden"/>
      </svg>
      """
  }

  private func line(_ series: Series) -> Markup {
    var points = series.points.map { (x($0.time), y($0.value)) }
    if let only = points.first, points.count == 1 { points = [(only.0 - 2, only.1), (only.0 + 2, only.1)] }
    guard let first = points.first, let last = points.last else { return "" }
    let path = points.map { "\(Self.number($0.0)) \(Self.number($0.1))" }.joined(separator: "L")
    let (left, right) = (Self.number(first.0), Self.number(last.0))
    return
      "<path class=\"area\" d=\"M\(left) 140L\(path)L\(right) 140Z\"/><path class=\"line\" d=\"M\(path)\"/>"
  }

  /// The phases in their order, each with its points; the end is where the next begins.
  private var parts: [(name: String, begin: Int, end: Int, points: [(time: Int, value: Double)])] {
    series.flatMap { series in
      series.parts.enumerated().map { index, part in
        let next = index + 1 < series.parts.count ? series.parts[index + 1].begin : nil
        let points = series.points.filter {
          (index == 0 || $0.time >= part.begin) && $0.time < next ?? .max
        }
        return (part.name, max(begin, part.begin), next ?? series.points.last?.time ?? part.begin, points)
      }
    }.filter { !$0.points.isEmpty }
  }

  /// Where phases begin.
  private var bands: Markup {
    let starts = parts.dropFirst().map { "M\(Self.number(x($0.begin))) 0V140" }
    return starts.isEmpty ? "" : "<path class=\"begin\" d=\"\(starts.joined())\"/>"
  }

  /// The names of phases that are long enough for one.
  private var names: Markup {
    parts.map { part -> Markup in
      guard x(part.end) - x(part.begin) > Double(30 + part.name.count * 18) else { return "" }
      return
        "<text class=\"span\" x=\"\(Self.number(x(part.begin) / 10))%\" dx=\"4\" y=\"154\">\(part.name)</text>"
    }.reduce("", +)
  }

  private var times: Markup {
    """
    <text class="axis" x="0" y="172">\(HTMLWords.duration(begin))</text><text class="axis end" x="100%" y="172">\(HTMLWords.duration(begin + length))</text>
    """
  }

  /// With one digit behind the point, and none where it is 0.
  private static func number(_ value: Double) -> String {
    if value.magnitude >= 10_000 { return String(Int(value.rounded())) }
    let hundredths = Int((value * 100).rounded())
    return hundredths % 100 == 0 ? String(hundredths / 100) : String(Double(hundredths) / 100)
  }
}
