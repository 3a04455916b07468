import Formats
import Testing

@testable import Reports

@Suite("The charts of a page")
struct ChartPlotTests {
  private func plot(_ values: [(Int, Double)], limit: Double? = nil, _ unit: ChartPlot.Unit = .bytes)
    -> ChartPlot?
  {
    ChartPlot(
      series: [.init(parts: [.init(name: "start", begin: 0)], points: values.map { ($0.0, $0.1) })],
      unit: unit, limit: limit)
  }

  @Test("need a point; one alone is a short line")
  func few() throws {
    #expect(plot([]) == nil)
    let drawing = try #require(plot([(5, 100)])).drawing(title: "Memory").html
    #expect(drawing.contains("class=\"line\"") && !drawing.contains("nan") && !drawing.contains("inf"))
  }

  @Test("show a limit that is near, and not one that would press the line to the ground")
  func limits() throws {
    #expect(
      try #require(plot([(0, 50), (9, 100)], limit: 120, .count)).drawing(title: "").html.contains("limit"))
    #expect(
      try #require(plot([(0, 50), (9, 100)], limit: 9000, .count)).drawing(title: "").html.contains("limit")
        == false
    )
  }

  @Test("draw one line through the phases of one program, with a mark where each begins")
  func phases() throws {
    let series = ChartPlot.Series(
      parts: [.init(name: "start", begin: 0), .init(name: "probe=;", begin: 50)],
      points: [(0, 1), (25, 2), (50, 3), (99, 4)])
    let drawing = try #require(ChartPlot(series: [series], unit: .count, limit: nil)).drawing(title: "").html
    #expect(drawing.split(separator: "class=\"line\"").count == 2)
    #expect(drawing.contains("data-points=\"start=0,1 25,2;probe  =50,3 99,4\""))
    #expect(drawing.contains("M505.05 0V140"))
  }

  @Test(
    "end an axis at a round number",
    arguments: [
      (ChartPlot.Unit.count, 7.0, 8.0), (.count, 130, 200), (.count, 1, 1), (.processors, 0.3, 0.5),
      (.processors, 1.7, 2), (.bytes, 5, 1_048_576), (.bytes, 40_000_000, 50_331_648),
    ])
  func axes(unit: ChartPlot.Unit, value: Double, end: Double) { #expect(unit.roundedUp(value) == end) }
}
