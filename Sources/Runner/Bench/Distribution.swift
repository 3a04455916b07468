/// What is kept of many samples of one quantity, in the unit of the samples.
package struct Distribution: Codable, Sendable, Equatable {
  package var count: Int
  package var minimum: Double
  package var p5: Double
  package var p25: Double
  /// The median.
  package var p50: Double
  package var p75: Double
  package var p95: Double
  package var p99: Double
  package var maximum: Double
  package var mean: Double

  /// Nil without samples.
  package init?(_ samples: [Double]) {
    guard let first = samples.first else { return nil }
    let sorted = samples.sorted()
    count = sorted.count
    minimum = sorted.first ?? first
    maximum = sorted.last ?? first
    mean = sorted.reduce(0, +) / Double(sorted.count)
    p5 = Self.quantile(0.05, of: sorted)
    p25 = Self.quantile(0.25, of: sorted)
    p50 = Self.quantile(0.5, of: sorted)
    p75 = Self.quantile(0.75, of: sorted)
    p95 = Self.quantile(0.95, of: sorted)
    p99 = Self.quantile(0.99, of: sorted)
  }

  /// The quantile of sorted samples, linear between the two that are nearest (Hyndman and Fan's type 7, which
  /// numpy, R and hyperfine use).
  package static func quantile(_ share: Double, of sorted: [Double]) -> Double {
    guard let last = sorted.last else { return .nan }
    let position = min(max(share, 0), 1) * Double(sorted.count - 1)
    let below = Int(position)
    guard below + 1 < sorted.count else { return last }
    return sorted[below] + (sorted[below + 1] - sorted[below]) * (position - Double(below))
  }
}
