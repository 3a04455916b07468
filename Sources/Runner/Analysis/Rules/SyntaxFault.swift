/// A source file the interpreter cannot read.
enum SyntaxFault {
  static let rules = [
    Rule("syntax-error", "A source file of the project has a syntax error.") { evidence in
      evidence.judgedPhases.flatMap { phase -> [Finding] in
        guard let severity = evidence.severity(ofErrorIn: phase) else { return [] }
        return ErrorTrace.all(in: phase.log).compactMap { finding($0, phase, severity, evidence) }
      }
    }
  ]

  private static func finding(
    _ trace: ErrorTrace, _ phase: PhaseEvidence, _ severity: Finding.Severity, _ evidence: Evidence
  ) -> Finding? {
    guard ["SyntaxError", "IndentationError", "TabError"].contains(trace.shortType),
      let place = trace.frames.last
    else { return nil }
    // Text that was parsed at run time (`eval`, `JSON.parse`) has no file, or an inner frame that is not one.
    if place.file.hasPrefix("<") || (trace.language == .node && !place.isSourceHeader(of: trace)) {
      return nil
    }
    let inDependency = ErrorTrace.isInstalledCode(place.file)
    let location = inDependency ? nil : trace.location(in: evidence.settings.workingDirectory)
    let name = location?.file ?? place.file
    let version = evidence.project.runtimeVersion.map { " by version \($0)" } ?? ""
    return Finding(
      rule: "syntax-error", category: inDependency ? .environmentMismatch : .runtimeCrash, severity: severity,
      subject: name + trace.message, title: "Syntax error in \(name): \(trace.message)",
      message: inDependency
        ? "An installed package cannot be read\(version): it was written for another version of the language."
        : "\(name) cannot be read\(version), so nothing that needs it can start.",
      fix: Finding.Fix(
        inDependency
          ? "Upgrade the package, or pin the version of the language it supports."
          : "Correct the file at line \(place.line); a linter in CI finds this before a deployment.",
        commands: inDependency ? [] : [check(trace.language, name)]),
      evidence: [phase.proof(trace.line)], location: location)
  }

  private static func check(_ language: ErrorTrace.Language, _ file: String) -> FixCommand? {
    let file = ShellWord.file(file)
    return language == .python
      ? FixCommand("python", "-m", "py_compile", file) : FixCommand("node", "--check", file)
  }
}

extension ErrorTrace.Frame {
  /// Whether it is the place Node prints above the source, which no stack line repeats.
  fileprivate func isSourceHeader(of trace: ErrorTrace) -> Bool {
    file.hasPrefix("/") && !trace.details.contains { $0.has("at JSON.parse") }
  }
}
