/// Errors of a line that reads a variable, whatever then fails: int(), split(), a URL, JSON.
enum VariableReads {
  /// Exceptions that tell of something else than of a value.
  private static let otherKinds: Set<String> = [
    "ImportError", "ModuleNotFoundError", "SyntaxError", "IndentationError", "NameError", "RecursionError",
    "MemoryError", "KeyboardInterrupt", "ReferenceError", "AssertionError",
  ]

  /// Whether a text says that something is not there.
  static func soundsMissing(_ text: String) -> Bool {
    let lower = text.lowercased()
    return lower.hasAny(of: [
      "missing", "not set", "required", "undefined", "must be set", "not defined", "not present", "not found",
      "please set", "unset", "need to set", "must set", "must be provided", "not provided", "is empty",
      "no value",
      "must not be empty", "is not configured", "set the",
    ])
  }

  /// Whether a line says so as a reason to end, not as a remark.
  static func soundsFatal(_ text: String) -> Bool {
    soundsMissing(text)
      && !text.lowercased().hasAny(of: [
        "warn", "disabled", "default", "falling back", "fallback", "skipping", "optional", "debug",
        "ignoring",
      ])
  }

  /// The variables in a text that the sources read and that are not set.
  static func unset(in text: String, _ evidence: Evidence) -> [String] {
    text.variableNames.filter { name in
      !evidence.settings.environmentNames.contains(name) && evidence.project.environmentPlace(of: name) != nil
    }
  }

  /// The variable that was not set where an error came from its value.
  static func missing(_ trace: ErrorTrace, _ evidence: Evidence) -> MissingVariable.Need? {
    if let need = emptySetting(trace, evidence) { return need }
    guard isAboutValue(trace), let place = trace.location(in: evidence.settings.workingDirectory) else {
      return nil
    }
    let reads = evidence.project.environmentReads(at: place).filter {
      !evidence.settings.environmentNames.contains($0.read.name) && !$0.read.hasDefault
    }
    guard let first = reads.first else { return nil }
    let isNothing = trace.headline.hasAny(of: [
      "None", "undefined", "null", "''", "\"\"", "empty", "Invalid URL",
    ])
    return MissingVariable.Need(
      names: [first.read.name], line: trace.line, location: first.place,
      confidence: isNothing && reads.count == 1 ? .high : .medium)
  }

  /// "The SECRET_KEY setting must not be empty": the variable that the settings take it from.
  private static func emptySetting(_ trace: ErrorTrace, _ evidence: Evidence) -> MissingVariable.Need? {
    guard let setting = trace.message.text(between: "The ", and: " setting must not be empty"),
      let place = evidence.project.assignmentPlace(of: String(setting))
    else { return nil }
    let reads = evidence.project.environmentReads(at: place)
    guard let read = reads.first, !evidence.settings.environmentNames.contains(read.read.name) else {
      return nil
    }
    return MissingVariable.Need(
      names: [read.read.name], line: trace.line, location: read.place, confidence: .high,
      reason: "\(setting) is empty")
  }

  private static func isAboutValue(_ trace: ErrorTrace) -> Bool {
    if trace.message.hasSuffix("is not valid JSON") { return true }
    let type = trace.shortType
    // What fails outside of the program says nothing of the value that was handed over.
    let isOutside = type.hasAny(of: [
      "Connection", "Timeout", "Operational", "HTTP", "OSError", "gaierror", "SSL", "FileNotFound",
      "Permission",
      "NotADirectory", "IsADirectory", "NoSuchModule", "UnknownScheme",
    ])
    return !otherKinds.contains(type) && !trace.isWrapper && !isOutside
  }

  /// The variable that is set, and to something that cannot be used.
  static func unusable(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    if let finding = unreadableField(trace, phase, severity, evidence) { return finding }
    guard isAboutValue(trace), trace.shortType != "KeyError",
      let place = trace.location(in: evidence.settings.workingDirectory)
    else { return nil }
    let reads = evidence.project.environmentReads(at: place)
    guard reads.count == 1, let (read, readPlace) = reads.first.map({ ($0.read, $0.place) }),
      evidence.settings.environmentNames.contains(read.name)
    else { return nil }
    let isText = trace.message.hasAny(of: [
      "'str' object cannot be interpreted as an integer", "an integer is required", "not 'str'", "got str",
    ])
    let name = read.name
    guard isText || valueKinds.contains(trace.shortType) || trace.message.hasAny(of: valueTroubles) else {
      return nil
    }
    let quoted = trace.message.has("'\"") || trace.message.has("\"'")
    let why =
      isText
      ? "Variables are text. Where the variable is not set, a default of another type may hide that."
      : quoted
        ? "The value has quotes in it: an env file or a shell kept them, and they belong to the value now."
        : trace.message.has("''") || trace.message.has("char 0")
          ? "It is set to an empty text, which is not the same as not set: a default does not apply."
          : "What it is set to cannot be read there."
    return Finding(
      rule: "environment-variable-unusable",
      category: isText ? .configuration : .environmentVariable, severity: severity,
      subject: name,
      title: isText
        ? "\(name) is a text and is used as a number: int(os.environ['\(name)'])"
        : "The value of \(name) cannot be used: \(trace.headline.prefix(120))",
      message: "\(readPlace.file)\(readPlace.line.map { " line \($0)" } ?? "") reads \(name). \(why)",
      fix: isText
        ? Finding.Fix("Convert it where it is read: int(os.environ.get('\(name)', 8000)).")
        : Finding.Fix(
          "Set \(name) to a value that can be read\(quoted ? ", without quotes" : ""), or treat an empty one as not set.",
          commands: [evidence.check(setting: ["\(name)=value"])]),
      evidence: [phase.proof(trace.line)], location: readPlace)
  }

  /// "error parsing value for field "hosts" from source "EnvSettingsSource"": a list or model is read as JSON.
  private static func unreadableField(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    guard trace.shortType == "SettingsError",
      let field = trace.message.text(between: "error parsing value for field \"", and: "\"")
    else { return nil }
    let own = SettingsClass(named: nil, in: evidence.project)
    let name = own?.variable(of: String(field)) ?? field.uppercased()
    let set = evidence.project.place(in: ["Dockerfile", "Containerfile"]) {
      $0.trimmed.hasPrefix("ENV ") && String($0).hasWord(name)
    }
    return Finding(
      rule: "environment-variable-unusable", category: .environmentVariable, severity: severity,
      subject: name,
      title: "The value of \(name) is not JSON, and a settings class reads it as JSON",
      message:
        "pydantic-settings reads a field that is a list, a dictionary or a model as JSON; an empty text or "
        + "a,b,c is none.",
      fix: Finding.Fix(
        "Write the value as JSON (for a list [\"a\",\"b\"]), or annotate the field with NoDecode and split the "
          + "text in a validator.",
        commands: [evidence.check(setting: ["\(name)=[\"a\",\"b\"]"])]),
      evidence: [phase.proof(trace.line)], location: set ?? own?.place(of: String(field)))
  }

  /// Exceptions that tell of a value by themselves.
  private static let valueKinds: Set<String> = [
    "ValueError", "JSONDecodeError", "InvalidOperation", "InvalidURL", "ArgumentError", "UnknownSchemeError",
  ]

  private static let valueTroubles = [
    "invalid literal", "could not convert", "Expecting value", "Invalid URL", "Could not parse",
    "not valid JSON",
    "Unexpected token", "Unexpected end of JSON", "invalid port", "Port could not be cast", "Invalid base64",
    "Incorrect padding", "ERR_SOCKET_BAD_PORT", "Invalid boolean", "not a valid",
  ]
}
