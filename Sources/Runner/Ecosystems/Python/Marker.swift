import Planning

/// An environment marker of a requirement (PEP 508), judged for Linux.
enum Marker {
  /// Whether the condition holds; nil when it depends on something that is not known or cannot be read.
  static func evaluate(_ text: String, pythonVersion: String?) -> Bool? {
    var parser = MarkerParser(tokens: tokens(text)[...], pythonVersion: pythonVersion)
    guard let result = parser.disjunction(), parser.tokens.isEmpty else { return nil }
    return result.value
  }

  enum Token: Equatable {
    case word(String)
    case string(String)
    case symbol(String)
  }

  private static func tokens(_ text: String) -> [Token] {
    var tokens: [Token] = []
    var rest = text[...]
    while let first = rest.first {
      if first.isWhitespace {
        rest.removeFirst()
      } else if first == "'" || first == "\"" {
        rest.removeFirst()
        let content = rest.prefix { $0 != first }
        rest = rest.dropFirst(content.count + 1)
        tokens.append(.string(String(content)))
      } else if first == "(" || first == ")" {
        rest.removeFirst()
        tokens.append(.symbol(String(first)))
      } else if "=<>!~".contains(first) {
        let symbol = rest.prefix { "=<>!~".contains($0) }
        rest = rest.dropFirst(symbol.count)
        tokens.append(.symbol(String(symbol)))
      } else {
        let word = rest.prefix { !$0.isWhitespace && !"()=<>!~'\"".contains($0) }
        rest = rest.dropFirst(word.count)
        tokens.append(.word(String(word)))
      }
    }
    return tokens
  }
}

/// A truth value which may be unknown; nil around it means that the marker cannot be read.
private struct Judgement {
  var value: Bool?
}

private struct MarkerParser {
  var tokens: ArraySlice<Marker.Token>
  let pythonVersion: String?

  mutating func disjunction() -> Judgement? {
    guard var result = conjunction() else { return nil }
    while tokens.first == .word("or") {
      tokens.removeFirst()
      guard let next = conjunction() else { return nil }
      if result.value == true || next.value == true {
        result.value = true
      } else if result.value == nil || next.value == nil {
        result.value = nil
      }
    }
    return result
  }

  private mutating func conjunction() -> Judgement? {
    guard var result = comparison() else { return nil }
    while tokens.first == .word("and") {
      tokens.removeFirst()
      guard let next = comparison() else { return nil }
      if result.value == false || next.value == false {
        result.value = false
      } else if result.value == nil || next.value == nil {
        result.value = nil
      }
    }
    return result
  }

  private mutating func comparison() -> Judgement? {
    if tokens.first == .symbol("(") {
      tokens.removeFirst()
      guard let result = disjunction(), tokens.popFirst() == .symbol(")") else { return nil }
      return result
    }
    guard let left = tokens.popFirst(), let operation = operation(), let right = tokens.popFirst() else {
      return nil
    }
    switch (left, right) {
    case (.word(let variable), .string(let value)):
      return Judgement(value: compare(variable, operation, value, isReversed: false))
    case (.string(let value), .word(let variable)):
      return Judgement(value: compare(variable, operation, value, isReversed: true))
    default: return nil
    }
  }

  private mutating func operation() -> String? {
    switch tokens.popFirst() {
    case .symbol(let symbol): return symbol
    case .word("in"): return "in"
    case .word("not"): return tokens.popFirst() == .word("in") ? "not in" : nil
    default: return nil
    }
  }

  private func compare(_ variable: String, _ operation: String, _ value: String, isReversed: Bool) -> Bool? {
    switch variable {
    case "python_version", "python_full_version":
      guard let pythonVersion, !isReversed else { return nil }
      return compareVersions(pythonVersion, operation, value, isFull: variable == "python_full_version")
    case "sys_platform": return compareTexts("linux", operation, value, isReversed: isReversed)
    case "platform_system": return compareTexts("Linux", operation, value, isReversed: isReversed)
    case "os_name": return compareTexts("posix", operation, value, isReversed: isReversed)
    case "implementation_name": return compareTexts("cpython", operation, value, isReversed: isReversed)
    case "platform_python_implementation":
      return compareTexts("CPython", operation, value, isReversed: isReversed)
    // No extra is asked for of the project itself.
    case "extra": return compareTexts("", operation, value, isReversed: isReversed)
    default: return nil
    }
  }

  private func compareTexts(_ actual: String, _ operation: String, _ value: String, isReversed: Bool) -> Bool?
  {
    switch operation {
    case "==": actual == value
    case "!=": actual != value
    case "in": isReversed ? actual.contains(value) : value.contains(actual)
    case "not in": isReversed ? !actual.contains(value) : !value.contains(actual)
    default: nil
    }
  }

  private func compareVersions(_ actual: String, _ operation: String, _ value: String, isFull: Bool) -> Bool?
  {
    var left = actual.split(separator: ".").map { Int($0) }
    if !isFull { left = Array(left.prefix(2)) }
    let right = value.split(separator: ".").map { Int($0) }
    guard !left.contains(nil), !right.contains(nil), !right.isEmpty else { return nil }
    let length = max(left.count, right.count)
    let pairs = (0..<length).map { index in
      (index < left.count ? left[index] ?? 0 : 0, index < right.count ? right[index] ?? 0 : 0)
    }
    let difference = pairs.first { $0.0 != $0.1 }
    let order = difference.map { $0.0 < $0.1 ? -1 : 1 } ?? 0
    switch operation {
    case "==", "===": return order == 0
    case "!=": return order != 0
    case "<": return order < 0
    case "<=": return order <= 0
    case ">": return order > 0
    case ">=": return order >= 0
    default: return nil
    }
  }
}
