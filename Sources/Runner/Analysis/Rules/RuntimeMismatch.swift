/// The interpreter that ran the program is not one that the project asks for.
///
/// The check then says nothing certain: what failed may work there, and what worked may fail. A failure that is
/// typical of another version is put down to the version, and not to the code.
enum RuntimeMismatch {
  /// The identifier of the rule, for rules that stay silent when the version is the cause.
  static let id = "runtime-version-mismatch"

  static let rules = [
    Rule(id, "The version of the interpreter is not one that the project asks for.") { evidence in
      guard let request = evidence.project.runtimeRequest, !request.isMet,
        let version = evidence.project.runtimeVersion
      else { return [] }
      return [finding(request, version, symptom(in: evidence), evidence)]
    }
  ]

  private static func finding(
    _ request: RuntimeRequest, _ version: String, _ symptom: Finding.Proof?, _ evidence: Evidence
  ) -> Finding {
    let isNode = evidence.project.ecosystem == "node"
    let name = isNode ? "Node.js" : "Python"
    let asked = "\(name) \(request.version)"
    return Finding(
      rule: id, category: .environmentMismatch, blame: symptom == nil ? .project : .sandbox,
      severity: symptom == nil ? .warning : .error, subject: "\(name) \(request.version)",
      title: "The project asks for \(asked) (\(request.source)); it was run with \(version)",
      message: symptom == nil
        ? "No \(asked) was found here, so the check ran on \(version): what it saw need not hold for the "
          + "version that is deployed."
        : "No \(asked) was found here, and \(version) cannot run what is written for it: this says nothing of "
          + "the code.",
      fix: Finding.Fix(
        "Check it with the version that will be deployed: on an image that has it, or with it installed here.",
        commands: [evidence.check("--image", image(request, isNode: isNode))]),
      evidence: (symptom.map { [$0] } ?? [])
        + [
          Finding.Proof(
            kind: .file, text: "\(request.source) asks for \(request.version)", file: request.file)
        ],
      location: Finding.Location(file: request.file))
  }

  /// The official image of the first version that the request names.
  private static func image(_ request: RuntimeRequest, isNode: Bool) -> String {
    let digits = request.version.drop { !$0.isNumber }.prefix { $0.isNumber || $0 == "." }
    let numbers = digits.split(separator: ".").prefix(isNode ? 1 : 2).joined(separator: ".")
    return "\(isNode ? "node" : "python"):\(numbers)-slim"
  }

  // MARK: What another version does

  private static func symptom(in evidence: Evidence) -> Finding.Proof? {
    for phase in evidence.judgedPhases where evidence.severity(ofErrorIn: phase) == .error {
      for trace in ErrorTrace.all(in: phase.log) where isTypical(trace) { return phase.proof(trace.line) }
      if phase.name == .start { continue }
      if let line = phase.firstLine(where: { $0.hasAny(of: refusals) }) { return phase.proof(line) }
    }
    return nil
  }

  /// What installers say when a release does not allow the interpreter.
  private static let refusals = [
    "requires a different Python", "Requires-Python ", "npm error code EBADENGINE",
    "npm ERR! code EBADENGINE",
    "does not satisfy Python", "is incompatible with this module. Expected version",
  ]

  private static func isTypical(_ trace: ErrorTrace) -> Bool {
    switch (trace.language, trace.shortType) {
    case (.python, "SyntaxError"): trace.frames.last?.file.hasPrefix("<") != true
    case (.python, "ModuleNotFoundError"):
      trace.message.text(between: "No module named '", and: "'").map {
        RemovedModules.removal(of: String($0)) != nil || newModules.contains(String($0.prefix { $0 != "." }))
      } ?? false
    case (.python, "ImportError"):
      // The standard library's own path stands in brackets.
      trace.message.has("/lib/python3.") && !ErrorTrace.isInstalledCode(trace.message)
    case (.python, "AttributeError"):
      changedModules.contains { trace.message.hasPrefix("module '\($0)' has no attribute") }
    case (.python, "TypeError"):
      trace.message.has("unsupported operand type(s) for |: 'type'")
        || trace.message.has("not subscriptable")
          && trace.message.hasAny(of: ["'type' object", "'ABCMeta' object"])
    case (.node, "SyntaxError"): !trace.details.contains { $0.has("at JSON.parse") }
    case (.node, "ReferenceError"):
      newGlobals.contains { trace.message.hasPrefix("\($0) is not defined") }
    case (.node, _):
      ["ERR_REQUIRE_ESM", "ERR_UNKNOWN_BUILTIN_MODULE", "ERR_OSSL_EVP_UNSUPPORTED"].contains(trace.code)
    default: false
    }
  }

  /// Modules which the standard library gained since Python 3.7 (docs.python.org, "What's New").
  private static let newModules: Set<String> = [
    "annotationlib", "compression", "concurrent.interpreters", "dataclasses", "graphlib", "tomllib",
    "zoneinfo",
  ]
  private static let changedModules = [
    "ast", "asyncio", "collections", "configparser", "datetime", "enum", "inspect", "itertools", "math",
    "pkgutil", "ssl", "time", "typing", "unittest",
  ]
  private static let newGlobals = [
    "AbortController", "Blob", "crypto", "CustomEvent", "fetch", "File", "FormData", "Headers", "navigator",
    "ReadableStream", "Request", "Response", "structuredClone", "WebSocket",
  ]
}
