import Testing

@testable import Bench

@Suite("Percentiles")
struct DistributionTests {
  @Test("lie between the two nearest samples, as numpy and R have them")
  func interpolation() throws {
    let distribution = try #require(Distribution([4, 1, 3, 2]))
    #expect(distribution.count == 4)
    #expect(distribution.minimum == 1)
    #expect(distribution.maximum == 4)
    #expect(distribution.mean == 2.5)
    #expect(distribution.p50 == 2.5)
    #expect(distribution.p25 == 1.75)
    // numpy.percentile([1, 2, 3, 4], 95)
    #expect(abs(distribution.p95 - 3.85) < 1e-9)
  }

  @Test("of a hundred and one samples are samples themselves")
  func hundred() throws {
    let distribution = try #require(Distribution((0...100).map(Double.init).shuffled()))
    #expect(distribution.p5 == 5)
    #expect(distribution.p50 == 50)
    #expect(distribution.p95 == 95)
    #expect(distribution.p99 == 99)
  }

  @Test("of one sample are that sample; there are none without samples")
  func ends() {
    #expect(Distribution([7])?.p99 == 7)
    #expect(Distribution([7])?.p5 == 7)
    #expect(Distribution([]) == nil)
  }

  @Test(
    "Numbers are written with three digits that matter",
    arguments: [
      (0.944, "0.94"), (6.828, "6.83"), (24.94, "24.9"), (311.6, "312"), (0, "0.00"), (9.999, "10.00"),
    ])
  func numbers(value: Double, text: String) { #expect(BenchReport.number(value) == text) }

  @Test("What is no number is written as a dash")
  func notANumber() {
    #expect(BenchReport.number(.nan) == "-")
    #expect(BenchReport.ratio(.infinity) == "-")
    #expect(BenchReport.fixed(-1.25, 1) == "-1.3")
  }
}
