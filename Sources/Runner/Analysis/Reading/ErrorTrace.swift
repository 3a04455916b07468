/// One error a program printed with its stack, as the reader of its language understood it.
package struct ErrorTrace: Sendable, Codable, Equatable {
  package struct Frame: Sendable, Codable, Equatable {
    package var file: String
    package var line: Int
    package var function: String?

    /// Makes a place in the program.
    package init(file: String, line: Int, function: String?) {
      self.file = file
      self.line = line
      self.function = function
    }
  }
  package var language: EcosystemID
  /// How that language finds what is imported.
  package var imports: ImportStyle
  /// The exception's class, qualified as printed: "decouple.UndefinedValueError", "TypeError".
  package var type: String
  /// The error's code, where it has one: "ERR_MODULE_NOT_FOUND".
  package var code: String?
  /// The rest of the exception's line.
  package var message: String
  /// The lines that belong to the message or follow it, up to an empty line.
  package var details: [String]
  /// Outermost first.
  package var frames: [Frame]
  /// The line that names the exception.
  package var line: LogLine
  /// The frames of the exceptions this one led to, the nearest last, where its own frames are all library code.
  var laterFrames: [Frame] = []
  /// Traces of one chain of exceptions ("During handling of the above exception...") share a positive number; what is
  /// no part of a chain has a negative one.
  package var chain: Int
  /// The module that was imported and not found.
  package var missingModule: String?
  /// The place of the source that the language could not read, when that is what the error says.
  package var unreadablePlace: Frame?
  /// Whether the error is typical of another version of the language than the source was written for.
  package var isOfOtherVersion = false

  /// Makes an error; what its language knows more of it is set afterwards.
  package init(
    language: EcosystemID, imports: ImportStyle, type: String, code: String? = nil, message: String,
    details: [String], frames: [Frame], line: LogLine, chain: Int
  ) {
    self.language = language
    self.imports = imports
    self.type = type
    self.code = code
    self.message = message
    self.details = details
    self.frames = frames
    self.line = line
    self.chain = chain
  }

  /// Whether its language tells which errors led to which.
  var isChained: Bool { chain > 0 }

  /// The exception's class without its module.
  package var shortType: String { type.split(separator: ".").last.map(String.init) ?? type }

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
  package static func isInstalledCode(_ path: String) -> Bool {
    path.hasAny(of: ["/site-packages/", "/dist-packages/", "/node_modules/", "/.venv/", "/venv/"])
  }

  /// Returns every trace in a log, in the order of their exception lines.
  static func all(in log: [LogLine], by languages: [any Language]) -> [ErrorTrace] {
    let traces = [LogLine.Stream.stdout, .stderr]
      .map { stream in log.filter { $0.stream == stream } }
      .flatMap { lines in languages.flatMap { $0.readTraces(lines) } }
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
