/// Durations as programs written in Go take them (pkg.go.dev/time, ParseDuration).
package enum GoDuration {
  private static let units = ["h": 3_600_000.0, "m": 60_000, "s": 1000, "ms": 1, "us": 1e-3, "ns": 1e-6]

  /// The milliseconds of numbers with units such as "1m30s" and "500ms", or of "0"; nil when it is no duration.
  package static func milliseconds(_ text: String) -> Double? {
    if text == "0" { return 0 }
    var rest = text[...]
    var total = 0.0
    repeat {
      let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(number.count)
      let unit = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let value = Double(number), let factor = units[String(unit)] else { return nil }
      total += value * factor
    } while !rest.isEmpty
    return total
  }
}
