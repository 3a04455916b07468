import Analysis
import Formats
import Planning

/// Finds panics and compile errors of Go in the lines of one stream.
enum GoTraceReader {
  private static let longestTrace = 80

  /// Returns the errors, first printed first.
  static func read(_ lines: [LogLine]) -> [ErrorTrace] {
    // The module asks for a newer language than this compiler knows (go.dev/ref/mod, "go directive").
    let isTooOld = lines.contains { $0.text.hasPrefix("note: module requires Go ") }
    return lines.indices.compactMap { index in
      if let panic = panic(at: index, in: lines) { return panic }
      guard var error = compileError(lines[index]) else { return nil }
      error.isOfOtherVersion =
        isTooOld || error.message.has(" is not in GOROOT (") || error.message.has(" is not in std (")
      return error
    }
  }

  /// A panic with the stack of its goroutine (pkg.go.dev/runtime/debug, "Stack").
  private static func panic(at index: Int, in lines: [LogLine]) -> ErrorTrace? {
    let text = lines[index].text
    let type: String
    let message: String
    if text.hasPrefix("panic: ") {
      (type, message) = ("panic", String(text.dropFirst("panic: ".count)))
    } else if text.hasPrefix("fatal error: ") {
      (type, message) = ("fatal error", String(text.dropFirst("fatal error: ".count)))
    } else if let served = text.text(after: "http: panic serving "), let words = served.text(after: ": ") {
      // net/http goes on serving after it.
      (type, message) = ("panic", String(words))
    } else {
      return nil
    }
    let below = lines[(index + 1)...].prefix(longestTrace)
    guard let start = below.firstIndex(where: { $0.text.hasPrefix("goroutine ") }) else { return nil }
    let stack = lines[(start + 1)...].prefix(longestTrace).prefix { !$0.text.isEmpty }
    var frames: [ErrorTrace.Frame] = []
    var function: String?
    for line in stack {
      // Rules are given lines in which a tab has become spaces.
      if line.text.hasPrefix("\t") || line.text.hasPrefix(" ") {
        if let place = place(line.text.trimmed.prefix { $0 != " " }), isOwn(place.file) {
          frames.append(.init(file: place.file, line: place.line, function: function))
        }
      } else {
        function = line.text.text(before: "(").map(String.init)
      }
    }
    return ErrorTrace(
      language: GoEcosystem.identifier, imports: .linked, type: type, message: message,
      details: stack.map(\.text), frames: frames.reversed(), line: lines[index], chain: -1000 - index)
  }

  /// Parses `./main.go:10:14: undefined: name`.
  private static func compileError(_ line: LogLine) -> ErrorTrace? {
    guard let end = line.text.text(before: ".go:"), !end.contains(" "),
      let rest = line.text.text(after: ".go:")
    else { return nil }
    let parts = rest.split(separator: ":", maxSplits: 2)
    guard parts.count == 3, let row = Int(parts[0]), Int(parts[1]) != nil else { return nil }
    let plain = end.hasPrefix("./") ? end.dropFirst(2) : end
    let file = plain.hasPrefix("/") ? "\(plain).go" : "\(SandboxPath.project)/\(plain).go"
    let frame = ErrorTrace.Frame(file: file, line: row, function: nil)
    let message = String(parts[2].trimmed)
    var trace = ErrorTrace(
      language: GoEcosystem.identifier, imports: .linked, type: "compile error", message: message,
      details: [], frames: [frame], line: line, chain: -1_000_000 - line.number)
    if message.hasPrefix("syntax error") { trace.unreadablePlace = frame }
    return trace
  }

  private static func place(_ text: Substring) -> (file: String, line: Int)? {
    guard let colon = text.lastIndex(of: ":"), let line = Int(text[text.index(after: colon)...]) else {
      return nil
    }
    return (String(text[..<colon]), line)
  }

  /// Whether a file is neither the standard library's nor a module's that was fetched or vendored.
  private static func isOwn(_ file: String) -> Bool {
    !file.contains("/src/runtime/") && !file.contains("/src/net/") && !file.contains("/pkg/mod/")
      && !file.contains("/vendor/") && !file.hasPrefix("/usr/")
  }
}
