/// An environment variable the program needs is not set.
enum MissingVariable {
  static let rules = [
    Rule("environment-variable-missing", "The program stops because an environment variable is not set.") {
      evidence in
      evidence.judgedPhases.flatMap { phase -> [Finding] in
        guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
        let traces = phase.traces
        let needs =
          traces.compactMap { need(in: $0, evidence) } + lastWords(phase, traces)
          + (severity == .error ? said(phase, traces, evidence) : [])
        var seen: Set<[String]> = []
        return needs.filter { seen.insert($0.names).inserted }.map { finding($0, phase, severity, evidence) }
      }
    },
    Rule(
      "environment-variable-unusable", "The program stops because of the value of an environment variable."
    ) {
      evidence in
      evidence.judgedPhases.flatMap { phase -> [Finding] in
        guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
        return phase.traces.compactMap {
          VariableReads.unusable($0, phase, severity, evidence)
        }
      }
    },
  ]

  /// Variables that are asked for, and how sure that is.
  struct Need {
    var names: [String]
    var line: LogLine
    var location: Finding.Location?
    var confidence: Finding.Confidence
    /// What follows from it, for the title: "SECRET_KEY is empty".
    var reason: String?
  }

  private static func need(in trace: ErrorTrace, _ evidence: Evidence) -> Need? {
    guard let (names, confidence) = names(in: trace, evidence), !names.isEmpty else {
      return VariableReads.missing(trace, evidence)
    }
    let place = trace.location(in: evidence.settings.workingDirectory)
    return Need(
      names: names, line: trace.line, location: place ?? evidence.project.environmentPlace(of: names[0]),
      confidence: confidence)
  }

  /// A line that names a variable which the sources read and which is not set: "STRIPE_KEY is not set".
  private static func said(
    _ phase: PhaseEvidence, _ traces: [ErrorTrace], _ evidence: Evidence
  ) -> [Need] {
    guard traces.allSatisfy({ $0.isWrapper }) else { return [] }
    for line in phase.log.suffix(2000) where VariableReads.soundsFatal(line.text) {
      if let name = VariableReads.unset(in: line.text, evidence).first {
        return [
          Need(
            names: [name], line: line, location: evidence.project.environmentPlace(of: name),
            confidence: .high)
        ]
      }
    }
    return []
  }

  private static func names(
    in trace: ErrorTrace, _ evidence: Evidence
  ) -> (names: [String], confidence: Finding.Confidence)? {
    switch trace.shortType {
    case "KeyError":
      return keyError(trace, evidence)
    case "UndefinedValueError":
      return trace.message.text(before: " not found. Declare it as envvar").map { ([String($0)], .high) }
    case "EnvNotSetError", "EnvError":
      return trace.message.text(between: "nvironment variable \"", and: "\"").map { ([String($0)], .high) }
    case "ImproperlyConfigured":
      return trace.message.text(between: "Set the ", and: " environment variable").map {
        ([String($0)], .high)
      }
    case "ValidationError":
      let names = settingsFields(trace, evidence.project)
      return names.isEmpty ? nil : (names, .high)
    default:
      let named =
        VariableReads.soundsMissing(trace.message) ? VariableReads.unset(in: trace.message, evidence) : []
      if let name = named.first { return ([name], .high) }
      return spoken(trace.message).map { ($0, .medium) }
    }
  }

  /// A lookup in `os.environ`, or of a name no dictionary key is likely to have.
  private static func keyError(
    _ trace: ErrorTrace, _ evidence: Evidence
  ) -> (names: [String], confidence: Finding.Confidence)? {
    let name = trace.message.filter { $0 != "'" && $0 != "\"" }
    guard let frame = trace.frames.last, !name.isEmpty else { return nil }
    let isEnvironment =
      (frame.file == "<frozen os>" || frame.file.hasSuffix("/os.py")) && frame.function == "__getitem__"
    if isEnvironment { return ([name], .high) }
    guard name.isVariableName, !evidence.settings.environmentNames.contains(name) else { return nil }
    return ([name], .medium)
  }

  /// The required fields of a pydantic settings class; a model of request data is not one.
  private static func settingsFields(_ trace: ErrorTrace, _ project: ProjectFacts) -> [String] {
    let isSettings =
      trace.frames.contains { $0.file.has("pydantic_settings/") || $0.file.hasSuffix("env_settings.py") }
      || trace.message.hasSuffix("Settings")
    guard isSettings else { return [] }
    let own = trace.message.text(after: " for ").flatMap {
      SettingsClass(named: String($0.prefix { $0 != " " }), in: project)
    }
    return zip(trace.details, trace.details.dropFirst()).compactMap { field, reason in
      let isMissing = reason.has("[type=missing") || reason.has("(type=value_error.missing)")
      guard isMissing, !field.hasPrefix(" ") else { return nil }
      let name = String(field.split(separator: " ").first ?? "")
      return own?.variable(of: name) ?? name.uppercased()
    }
  }

  /// A sentence such as "Missing required environment variable: DATABASE_URL".
  private static func spoken(_ message: String) -> [String]? {
    let text = message.lowercased()
    let isAboutVariables = text.hasAny(of: [
      "environment variable", "env var", "env. variable", "process.env", "envvar",
    ])
    let isMissing = text.hasAny(of: [
      "missing", "not set", "required", "undefined", "must be set", "not defined", "is not present",
      "not found", "please set", "unset", "need to set", "must set",
    ])
    guard isAboutVariables, isMissing,
      let name = message.variableNames.first(where: { $0.contains("_") || $0.count > 3 })
    else { return nil }
    return [name]
  }

  /// A program that says so and exits, without a stack.
  private static func lastWords(_ phase: PhaseEvidence, _ traces: [ErrorTrace]) -> [Need] {
    guard phase.status == .failed, traces.isEmpty, (phase.exitCode ?? 0) != 0 else { return [] }
    for line in phase.lastLines(5) {
      if let names = spoken(line.text) {
        return [Need(names: names, line: line, location: nil, confidence: .medium)]
      }
    }
    return []
  }

  private static func finding(
    _ need: Need, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding {
    let list = need.names.joined(separator: ", ")
    let isOne = need.names.count == 1
    let moment = severity == .error ? "stops because" : "reported an error because"
    return Finding(
      rule: "environment-variable-missing", category: .environmentVariable, severity: severity,
      confidence: severity == .error ? need.confidence : .low, subject: list,
      title: need.reason.map { "\($0): \(list) is not set" }
        ?? (isOne ? "Environment variable \(list) is not set" : "Environment variables \(list) are not set"),
      message:
        "The program \(moment) it reads \(list) and \(isOne ? "it has" : "they have") no value in its "
        + "environment.",
      fix: Finding.Fix(
        "Set \(isOne ? "it" : "them") for the check, and on the platform before deploying (or give the "
          + "program a default).",
        commands: [evidence.check(setting: need.names.map { "\($0)=value" })]),
      evidence: [phase.proof(need.line)], location: need.location)
  }
}
