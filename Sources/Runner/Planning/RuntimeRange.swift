/// Whether a version is one that a project asks for: a version or the beginning of one, or the ranges of Python
/// (PEP 440) and npm as manifests write them.
struct RuntimeRange {
  private let alternatives: [[Constraint]]?

  private struct Constraint {
    var operation: String
    var numbers: [Int]
  }

  /// An alias such as "lts/*" is none that can be compared: nothing is in its range.
  init(_ text: String) {
    var alternatives: [[Constraint]] = []
    for part in text.replacing("||", with: "|").split(separator: "|") {
      guard let constraints = Self.constraints(part) else {
        self.alternatives = nil
        return
      }
      alternatives.append(constraints)
    }
    self.alternatives = alternatives.isEmpty ? nil : alternatives
  }

  private static let operations = ["===", "==", ">=", "<=", "!=", "~=", "^", "~", ">", "<", "="]

  private static func constraints(_ text: Substring) -> [Constraint]? {
    var constraints: [Constraint] = []
    var operation = ""
    for word in text.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
      var rest = word
      if let found = operations.first(where: { rest.hasPrefix($0) }) {
        operation = found
        rest = rest.dropFirst(found.count)
      }
      // ">= 3.10" has a space between.
      if rest.isEmpty { continue }
      if rest.hasPrefix("v") { rest = rest.dropFirst() }
      let parts = rest.split(separator: ".", omittingEmptySubsequences: false)
      let digits = parts.prefix { !["*", "x", "X"].contains($0) }
      let numbers = digits.compactMap { Int($0) }
      guard numbers.count == digits.count, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
      constraints.append(Constraint(operation: operation, numbers: numbers))
      operation = ""
    }
    return constraints
  }

  /// Whether "3.11.7" is in the range.
  func contains(_ version: String) -> Bool {
    let parts = version.split(separator: ".")
    let numbers = parts.compactMap { Int($0) }
    guard let alternatives, numbers.count == parts.count, !numbers.isEmpty else { return false }
    return alternatives.contains { $0.allSatisfy { Self.holds($0, numbers) } }
  }

  private static func holds(_ constraint: Constraint, _ version: [Int]) -> Bool {
    let wanted = constraint.numbers
    // An image that says "3.11" is some 3.11: what it does not say is as asked for.
    let common = min(wanted.count, version.count)
    let isPrefix = version.prefix(common).elementsEqual(wanted.prefix(common))
    let isBelow = !isPrefix && version.lexicographicallyPrecedes(wanted)
    switch constraint.operation {
    case ">=": return !isBelow
    case ">": return !isBelow && !(isPrefix && version.count <= wanted.count)
    case "<": return isBelow
    case "<=": return isBelow || isPrefix
    case "!=": return !(isPrefix && version.count >= wanted.count)
    case "^":
      return !isBelow && version.first == wanted.first
    case "~=":
      return !isBelow && version.starts(with: wanted.dropLast().prefix(version.count))
    case "~":
      return !isBelow && version.starts(with: wanted.prefix(2).prefix(version.count))
    default: return isPrefix
    }
  }
}

extension Plan.RuntimeRequest {
  /// Whether a version of the interpreter, or the beginning of one, is among those asked for.
  package func accepts(_ version: String) -> Bool { RuntimeRange(self.version).contains(version) }
}
