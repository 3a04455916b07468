/// The versions which a text of a project's file allows: "3.11", ">=3.10,<4", "^18 || ^20", "18 - 20", "lts/iron".
package struct RuntimeRange: Sendable, Equatable {
  /// What a version is to a range.
  package enum Match: Sendable, Equatable {
    /// It is among those asked for.
    case satisfied
    /// It differs from the one asked for only where a series of releases stays compatible.
    case sameSeries
    /// It is another one.
    case unsatisfied
    /// The text, or the version, says nothing that can be compared.
    case unknown
  }

  private let alternatives: [[Constraint]]?

  private struct Constraint: Equatable {
    var operation: String
    var numbers: [Int]
  }

  /// An alias such as "latest" cannot be compared: nothing is in its range.
  package init(_ text: String) {
    var alternatives: [[Constraint]] = []
    let plain = Self.longTermReleases[text.lowercased()] ?? text
    for part in plain.replacing("||", with: "|").split(separator: "|") {
      guard let constraints = Self.constraints(part) else {
        self.alternatives = nil
        return
      }
      alternatives.append(constraints)
    }
    self.alternatives = alternatives.isEmpty ? nil : alternatives
  }

  /// Node's names of its long-term releases (nodejs/Release, schedule.json).
  private static let longTermReleases = [
    "lts/argon": "4", "lts/boron": "6", "lts/carbon": "8", "lts/dubnium": "10", "lts/erbium": "12",
    "lts/fermium": "14", "lts/gallium": "16", "lts/hydrogen": "18", "lts/iron": "20", "lts/jod": "22",
    "lts/krypton": "24",
  ]

  private static let operations = ["===", "==", ">=", "<=", "!=", "~=", "^", "~", ">", "<", "="]

  private static func constraints(_ text: Substring) -> [Constraint]? {
    var constraints: [Constraint] = []
    var operation = ""
    let words = text.split(whereSeparator: { $0 == "," || $0.isWhitespace })
    // "18 - 20" (docs.npmjs.com/cli, semver's hyphen ranges).
    if words.count == 3, words[1] == "-", let low = numbers(words[0]), let high = numbers(words[2]) {
      return [Constraint(operation: ">=", numbers: low), Constraint(operation: "<=", numbers: high)]
    }
    for word in words {
      var rest = word
      if let found = operations.first(where: { rest.hasPrefix($0) }) {
        operation = found
        rest = rest.dropFirst(found.count)
      }
      // ">= 3.10" has a space between.
      if rest.isEmpty { continue }
      guard let numbers = numbers(rest) else { return nil }
      constraints.append(Constraint(operation: operation, numbers: numbers))
      operation = ""
    }
    return constraints
  }

  /// The numbers of "v18.x", "3.11.*" and "3.13.0rc1"; none is any version.
  private static func numbers(_ text: Substring) -> [Int]? {
    let plain = text.hasPrefix("v") ? text.dropFirst() : text
    var numbers: [Int] = []
    for part in plain.split(separator: ".", omittingEmptySubsequences: false) {
      if ["*", "x", "X"].contains(part) { return numbers }
      let digits = part.prefix { $0.isASCII && $0.isNumber }
      guard let number = Int(digits) else { return nil }
      numbers.append(number)
      if digits.count < part.count {
        // What follows must be a mark of what comes before a release, and ends the version.
        return ["-", "a", "b", "r", "d", "t", "+"].contains(part[digits.endIndex]) ? numbers : nil
      }
    }
    return numbers.isEmpty ? nil : numbers
  }

  /// Whether "3.11.7" is in the range.
  package func contains(_ version: String) -> Bool {
    guard let alternatives, let numbers = Self.numbers(Substring(version)), !numbers.isEmpty else {
      return false
    }
    return alternatives.contains { $0.allSatisfy { Self.holds($0, numbers) } }
  }

  /// What a version is to the range; releases whose first `series` numbers are equal are compatible.
  package func match(_ version: String, series: Int) -> Match {
    guard let alternatives, let numbers = Self.numbers(Substring(version)), !numbers.isEmpty else {
      return .unknown
    }
    if contains(version) { return .satisfied }
    let isNear = alternatives.contains { constraints in
      guard constraints.count == 1, ["", "=", "==", "==="].contains(constraints[0].operation) else {
        return false
      }
      return constraints[0].numbers.count >= series && numbers.count >= series
        && constraints[0].numbers.prefix(series).elementsEqual(numbers.prefix(series))
    }
    return isNear ? .sameSeries : .unsatisfied
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

  /// The file that asks, relative to the project's root.
  package var file: String { String(source.prefix { $0 != " " }) }
}
