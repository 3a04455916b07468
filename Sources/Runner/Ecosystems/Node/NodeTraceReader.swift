import Analysis

/// Finds the stack traces of Node in the lines of one stream.
enum NodeTraceReader {
  private static let longestTrace = 60

  /// Returns the traces, first printed first.
  static func read(_ lines: [LogLine]) -> [ErrorTrace] {
    var traces: [ErrorTrace] = []
    for index in lines.indices {
      guard let (type, code, message) = error(lines[index].text) else { continue }
      let details = lines[(index + 1)...].prefix(longestTrace).prefix { !$0.text.isEmpty }.map(\.text)
      let place = header(above: index, in: lines)
      let stack = details.compactMap { frame($0) }
      guard !stack.isEmpty || place != nil else { continue }
      traces.append(
        ErrorTrace(
          language: NodeEcosystem.identifier, imports: .packages, type: type, code: code, message: message,
          details: details,
          frames: stack.reversed() + (place.map { [$0] } ?? []), line: lines[index],
          chain: -(traces.count + 1)))
    }
    return traces
  }

  /// Parses `TypeError: message` and `Error [ERR_CODE]: message`.
  private static func error(_ text: String) -> (type: String, code: String?, message: String)? {
    let line = text.hasPrefix("Uncaught ") ? text.dropFirst(9) : text[...]
    let type = line.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    guard type.hasSuffix("Error") || type.hasSuffix("Exception") else { return nil }
    var rest = line[type.endIndex...]
    var code: String?
    if rest.hasPrefix(" ["), let inner = rest.text(between: "[", and: "]") {
      code = String(inner)
      rest = rest.text(after: "]") ?? ""
    }
    guard rest.hasPrefix(": ") else { return nil }
    return (String(type), code, String(rest.dropFirst(2)))
  }

  /// Parses `    at name (/app/index.js:3:17)` and `    at /app/index.js:3:17`.
  private static func frame(_ text: String) -> ErrorTrace.Frame? {
    guard text.trimmed.hasPrefix("at ") else { return nil }
    let place = text.text(after: "(")?.text(before: ")") ?? text.trimmed.dropFirst(3)
    return self.place(place, numbers: 2)
  }

  /// The place Node prints above the source line of an uncaught error.
  private static func header(above index: Int, in lines: [LogLine]) -> ErrorTrace.Frame? {
    for line in lines[max(0, index - 8)..<index].reversed() {
      if line.text.hasPrefix("/") || line.text.hasPrefix("file://"),
        let frame = place(line.text[...], numbers: 1)
      {
        return frame
      }
    }
    return nil
  }

  /// Parses `file:line` (one number) or `file:line:column` (two).
  private static func place(_ text: Substring, numbers: Int) -> ErrorTrace.Frame? {
    let parts = text.split(separator: ":")
    guard parts.count > numbers, let line = Int(parts[parts.count - numbers]) else { return nil }
    let file = parts.dropLast(numbers).joined(separator: ":")
    return ErrorTrace.Frame(file: file, line: line, function: nil)
  }
}
