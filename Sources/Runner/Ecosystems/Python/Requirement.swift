import Formats
import Planning

/// One dependency of a Python project (PEP 508), for example `uvicorn[standard]>=0.30; python_version >= "3.9"`.
package struct Requirement: Sendable, Equatable {
  /// The distribution's name as it is written.
  package var name: String
  /// The extras asked for, normalised.
  package var extras: [String]
  /// The version specifiers as they are written, without spaces ("==3.1.0", ">=2,<3"); empty when there are none.
  package var specifiers: String
  /// What follows "@": the distribution is taken from there.
  package var url: String?
  /// What follows ";": the condition under which it is installed.
  package var marker: String?

  /// The name under which indexes know it (PEP 503): lower case, and runs of "-", "_" and "." as one "-".
  package var normalizedName: String { Requirement.normalize(name) }

  /// Normalises a distribution's name (PEP 503).
  package static func normalize(_ name: some StringProtocol) -> String {
    name.lowercased().split { $0 == "-" || $0 == "_" || $0 == "." }.joined(separator: "-")
  }

  /// Reads one requirement; nil when it is none.
  package static func parse(_ text: some StringProtocol) -> Requirement? {
    var scanner = RequirementScanner(String(text))
    return scanner.requirement()
  }

  /// Whether it is installed on the Linux machines a check runs on, as far as its marker can be judged.
  ///
  /// A version of Python that is not known satisfies every condition on it.
  package func applies(pythonVersion: String? = nil) -> Bool {
    guard let marker else { return true }
    return Marker.evaluate(marker, pythonVersion: pythonVersion) ?? true
  }
}

/// Reads the parts of a requirement from left to right.
private struct RequirementScanner {
  private var rest: Substring

  init(_ text: String) { rest = text[...] }

  mutating func requirement() -> Requirement? {
    skipSpace()
    guard let name = name() else { return nil }
    var requirement = Requirement(name: name, extras: [], specifiers: "", url: nil, marker: nil)
    skipSpace()
    if rest.first == "[" {
      guard let extras = extras() else { return nil }
      requirement.extras = extras
    }
    skipSpace()
    if rest.first == "@" {
      rest.removeFirst()
      skipSpace()
      // In a direct reference the marker is set off by a space, because URLs may hold semicolons.
      let url = rest.prefix { !$0.isWhitespace }
      guard !url.isEmpty else { return nil }
      requirement.url = String(url)
      rest = rest.dropFirst(url.count)
    } else {
      guard let specifiers = specifiers() else { return nil }
      requirement.specifiers = specifiers
    }
    skipSpace()
    if rest.first == ";" {
      rest.removeFirst()
      skipSpace()
      let marker = String(rest).trimmingSpace()
      guard !marker.isEmpty else { return nil }
      requirement.marker = marker
      rest = ""
    }
    return rest.isEmpty ? requirement : nil
  }

  private mutating func skipSpace() { rest = rest.drop(while: \.isWhitespace) }

  private mutating func name() -> String? {
    let name = rest.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
    guard let first = name.first, let last = name.last, isAlphanumeric(first), isAlphanumeric(last) else {
      return nil
    }
    rest = rest.dropFirst(name.count)
    return String(name)
  }

  private func isAlphanumeric(_ character: Character) -> Bool { character.isLetter || character.isNumber }

  private mutating func extras() -> [String]? {
    guard let end = rest.firstIndex(of: "]") else { return nil }
    let inner = rest[rest.index(after: rest.startIndex)..<end]
    rest = rest[rest.index(after: end)...]
    let names = inner.split(separator: ",", omittingEmptySubsequences: true).map {
      String($0).trimmingSpace()
    }
    guard names.allSatisfy({ !$0.isEmpty && $0.allSatisfy { isAlphanumeric($0) || "._-".contains($0) } })
    else {
      return nil
    }
    return names.map(Requirement.normalize)
  }

  private mutating func specifiers() -> String? {
    var text = rest.prefix { $0 != ";" }
    rest = rest.dropFirst(text.count)
    while text.last?.isWhitespace ?? false { text.removeLast() }
    if text.first == "(" {
      guard text.last == ")" else { return nil }
      text = text.dropFirst().dropLast()
    }
    if text.allSatisfy(\.isWhitespace) { return "" }
    var specifiers: [String] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let specifier = String(part).trimmingSpace()
      let operators = specifier.prefix { "=<>!~".contains($0) }
      let version = String(specifier.dropFirst(operators.count)).trimmingSpace()
      guard ["==", "===", "!=", "<=", ">=", "<", ">", "~="].contains(String(operators)),
        !version.isEmpty, !version.contains(where: { $0.isWhitespace || "=<>~".contains($0) })
      else { return nil }
      specifiers.append(operators + version)
    }
    return specifiers.joined(separator: ",")
  }
}
