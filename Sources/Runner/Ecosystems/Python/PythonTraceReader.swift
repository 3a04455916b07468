import Analysis

/// Finds Python tracebacks in the lines of one stream.
enum PythonTraceReader {
  private static let header = "Traceback (most recent call last):"
  private static let longestMessage = 60

  /// Returns the tracebacks, first printed first.
  static func read(_ lines: [LogLine]) -> [ErrorTrace] {
    var traces: [ErrorTrace] = []
    var chain = 0
    var continuesChain = false
    var index = 0
    while index < lines.count {
      let text = lines[index].text
      if isLink(text) {
        continuesChain = true
      } else if text.hasPrefix(header) || isSyntaxErrorStart(lines, at: index) {
        if !continuesChain { chain += 1 }
        continuesChain = false
        let start = text.hasPrefix(header) ? index + 1 : index
        if let (trace, end) = trace(in: lines, from: start, chain: chain) {
          traces.append(trace)
          index = end
          continue
        }
      }
      index += 1
    }
    return traces
  }

  private static func isLink(_ text: String) -> Bool {
    text.hasPrefix("During handling of the above exception")
      || text.hasPrefix("The above exception was the direct cause")
  }

  /// A syntax error in the file Python was started with has no header, only its place.
  private static func isSyntaxErrorStart(_ lines: [LogLine], at index: Int) -> Bool {
    guard frame(lines[index].text) != nil else { return false }
    return lines[index...].prefix(5).contains {
      $0.text.hasPrefix("SyntaxError:") || $0.text.hasPrefix("IndentationError:")
        || $0.text.hasPrefix("TabError:")
    }
  }

  private static func trace(
    in lines: [LogLine], from start: Int, chain: Int
  ) -> (ErrorTrace, end: Int)? {
    var frames: [ErrorTrace.Frame] = []
    var index = start
    while index < lines.count, lines[index].text.hasPrefix("  ") || lines[index].text.isEmpty {
      if let frame = frame(lines[index].text) { frames.append(frame) }
      index += 1
    }
    guard index < lines.count, let (type, message) = exception(lines[index].text) else { return nil }
    let details = lines[(index + 1)...].prefix(longestMessage).prefix { line in
      !line.text.isEmpty && !line.text.hasPrefix("[") && !line.text.hasPrefix(header) && !isLink(line.text)
    }
    let trace = ErrorTrace(
      language: PythonEcosystem.identifier, imports: .modules, type: type, message: message,
      details: details.map(\.text), frames: frames,
      line: lines[index], chain: chain)
    return (trace, index + 1)
  }

  /// Parses `  File "/app/main.py", line 3, in <module>`.
  private static func frame(_ text: String) -> ErrorTrace.Frame? {
    guard text.hasPrefix("  File \""), let file = text.text(between: "File \"", and: "\""),
      let rest = text.text(after: "\", line "), let line = Int(rest.prefix { $0.isNumber })
    else { return nil }
    return ErrorTrace.Frame(
      file: String(file), line: line, function: rest.text(after: ", in ").map(String.init))
  }

  /// Parses `package.SomeError: message` or a class alone.
  private static func exception(_ text: String) -> (type: String, message: String)? {
    let type = text.prefix { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." }
    guard let first = type.first, first.isLetter || first == "_" else { return nil }
    let rest = text[type.endIndex...]
    guard rest.isEmpty || rest.hasPrefix(":") else { return nil }
    return (String(type), String(rest.dropFirst().trimmed))
  }
}
