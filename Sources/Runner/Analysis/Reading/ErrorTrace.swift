/// One error a program printed with its stack: a Python traceback or a Node stack trace.
struct ErrorTrace {
  enum Language { case python, node }
  struct Frame {
    var file: String
    var line: Int
    var function: String?
  }
  var language: Language
  /// The exception's class, qualified as printed: "decouple.UndefinedValueError", "TypeError".
  var type: String
  /// What stands in brackets after a Node error's class: "ERR_MODULE_NOT_FOUND".
  var code: String?
  /// The rest of the exception's line.
  var message: String
  /// The lines that belong to the message or follow it, up to an empty line.
  var details: [String]
  /// Outermost first.
  var frames: [Frame]
  /// The line that names the exception.
  var line: LogLine
  /// The frames of the exceptions this one led to, the nearest last, where its own frames are all library code.
  var laterFrames: [Frame] = []
  /// Traces of one exception chain ("During handling of the above exception...") share a number.
  var chain: Int

  /// The exception's class without its module.
  var shortType: String { type.split(separator: ".").last.map(String.init) ?? type }

  /// The exception's line as printed, without indentation.
  var headline: String { String(line.text.trimmed) }

  /// Whether it only reports that another process or worker failed.
  var isWrapper: Bool {
    ["HaltServer", "SystemExit", "KeyboardInterrupt", "BrokenProcessPool", "ChildProcessError"].contains(
      shortType)
  }

  /// Returns the innermost place in the project's own files.
  func location(in workingDirectory: String) -> Finding.Location? {
    let root = workingDirectory.hasSuffix("/") ? workingDirectory : workingDirectory + "/"
    for frame in frames.reversed() + laterFrames.reversed() {
      let file = frame.file.hasPrefix("file://") ? String(frame.file.dropFirst(7)) : frame.file
      if file.hasPrefix(root), !ErrorTrace.isInstalledCode(file) {
        return Finding.Location(file: String(file.dropFirst(root.count)), line: frame.line)
      }
    }
    return nil
  }

  /// Returns whether a path lies in an environment's installed packages.
  static func isInstalledCode(_ path: String) -> Bool {
    path.hasAny(of: ["/site-packages/", "/dist-packages/", "/node_modules/", "/.venv/", "/venv/"])
  }

  /// Returns every trace in a log, in the order of their exception lines.
  static func all(in log: [LogLine]) -> [ErrorTrace] {
    let traces = [LogLine.Stream.stdout, .stderr]
      .map { stream in log.filter { $0.stream == stream } }
      .flatMap { PythonTraceReader.read($0) + NodeTraceReader.read($0) }
      .sorted { $0.line.number < $1.line.number }
    return traces.map { trace in
      var whole = trace
      whole.laterFrames = traces.filter {
        $0.chain == trace.chain && $0.line.number > trace.line.number
      }.flatMap { $0.frames.reversed() }.reversed()
      return whole
    }
  }
}
