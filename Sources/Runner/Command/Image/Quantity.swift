import Formats
import Sandbox

/// Amounts as a person reads and writes them.
enum Quantity {
  static func bytes(_ count: Int64) -> String {
    var value = Double(count)
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1000 { return unit == "B" ? "\(count) B" : "\(Double(Int(value * 10 + 0.5)) / 10) \(unit)" }
      value /= 1024
    }
    return "\(Double(Int(value * 10 + 0.5)) / 10) TiB"
  }

  static func ago(_ seconds: Int) -> String {
    for (unit, length) in [("day", 86_400), ("hour", 3600), ("minute", 60)] where seconds >= length {
      return "\(seconds / length) \(unit)\(seconds / length == 1 ? "" : "s") ago"
    }
    return "now"
  }

  /// "90", "90s", "15m", "12h", "30d".
  static func seconds(_ text: String, option: String) throws -> Int {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let factors: [Substring: Int] = ["": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400]
    guard let number = Int(digits), number < 1 << 32, let factor = factors[text.dropFirst(digits.count)]
    else {
      throw Failure(.usage, "\(option) \(text): not a time", remedy: "write for example \(option) 30d")
    }
    return number * factor
  }

  /// "0", "500M", "20G".
  static func size(_ text: String, option: String) throws -> Int64 {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let factors: [String: Int64] = ["": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40]
    guard let number = Int64(digits),
      number < 1 << 20 || factors[text.dropFirst(digits.count).uppercased()] == 1,
      let factor = factors[text.dropFirst(digits.count).uppercased()]
    else {
      throw Failure(.usage, "\(option) \(text): not a size", remedy: "write for example \(option) 20G")
    }
    return number * factor
  }

  /// Columns, two spaces apart.
  static func table(_ rows: [[String]]) -> String {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { index, cell in
        index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count)
      }
      return cells.joined(separator: "  ") + "\n"
    }.joined()
  }
}
