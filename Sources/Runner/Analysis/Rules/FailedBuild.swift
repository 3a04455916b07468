/// A dependency has no ready-made wheel and could not be built.
enum FailedBuild {
  static let rules = [
    Rule("dependency-build-failed", "A dependency could not be built from source.") { evidence in
      evidence.phases.filter { $0.name == .install && $0.status == .failed }.compactMap {
        finding($0, evidence)
      }
    }
  ]

  private static func finding(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    guard let end = phase.firstLine(where: isEnd), !ResourceLimits.explains(phase),
      !InstallNetwork.isRefused(phase, evidence)
    else { return nil }
    let name = named(end.text) ?? collected(before: end.number, in: phase)
    let cause = cause(before: phase.lastEnd ?? end.number, in: phase)
    let package = name ?? "a dependency"
    let reason = cause.map { " Its build stopped with: \($0.text.trimmed)." } ?? ""
    let runtime = evidence.project.runtimeVersion.map { " for Python \($0)" } ?? ""
    return Finding(
      rule: "dependency-build-failed", category: .environmentMismatch, subject: package,
      title: "\(package) has to be built from source, and its build fails",
      message: "There is no ready-made wheel\(runtime) of the version asked for, so pip builds it.\(reason)",
      fix: Finding.Fix(
        remedy(cause?.text ?? "", package),
        commands: [DependencyAdvice.listVersions(of: DependencyAdvice.name(ofRequirement: package))]),
      evidence: [phase.proof(cause ?? end)] + (cause == nil ? [] : [phase.proof(end)]),
      location: name.flatMap {
        ManifestPlace.of(DependencyAdvice.name(ofRequirement: $0), in: phase, evidence.project)
      })
  }

  private static func isEnd(_ text: String) -> Bool {
    text.hasPrefix("ERROR: Failed to build ") || text.hasPrefix("error: metadata-generation-failed")
      || text.hasPrefix("error: subprocess-exited-with-error")
      || text.hasPrefix("ERROR: Could not build wheels for ")
      || text.hasPrefix("ERROR: Failed building wheel for ")
  }

  /// Reads the name from "ERROR: Failed to build 'PyYAML' when getting requirements to build wheel".
  private static func named(_ text: String) -> String? {
    let name =
      text.text(between: "Failed to build '", and: "'")
      ?? text.text(after: "Could not build wheels for ").map { $0.prefix { $0 != "," } }
      ?? text.text(after: "Failed building wheel for ")
    return name.map { String($0.trimmed) }
  }

  /// Older pip names nothing: the package is the last one collected before.
  private static func collected(before number: Int, in phase: PhaseEvidence) -> String? {
    phase.log.last { $0.number < number && $0.text.hasPrefix("Collecting ") }
      .map { String($0.text.dropFirst(11).prefix { $0 != " " }) }
  }

  /// The last unindented-in-its-block error line before the end of the tool's output.
  private static func cause(before number: Int, in phase: PhaseEvidence) -> LogLine? {
    let block = phase.log.prefix { $0.number < number }
    return block.last { line in
      let text = line.text.trimmed
      let head = text.prefix { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" }
      if text.has("fatal error: ") || text.hasPrefix("Error: ") || text.hasPrefix("error: command ") {
        return true
      }
      return (head.hasSuffix("Error") || head.hasSuffix("Exception")) && text[head.endIndex...].hasPrefix(":")
    }
  }

  private static func remedy(_ cause: String, _ package: String) -> String {
    if cause.has("pg_config") {
      return "Require psycopg2-binary (or psycopg[binary]) instead, or install libpq-dev in the image."
    }
    if let header = cause.text(between: "fatal error: ", and: ": No such file") {
      return "Install the system package that has \(header) in the image, or use a version with a wheel."
    }
    if cause.has("No module named") || cause.has("has no attribute") {
      return
        "Move to a newer version of \(DependencyAdvice.name(ofRequirement: package)), or to the version of "
        + "Python this one was made for."
    }
    return
      "Use a version of \(DependencyAdvice.name(ofRequirement: package)) that has a wheel for this Python, "
      + "or install what its build needs."
  }
}

extension PhaseEvidence {
  /// The line in which pip closes the output of a failed build.
  fileprivate var lastEnd: Int? { log.last { $0.text.trimmed == "[end of output]" }?.number }
}

extension ResourceLimits {
  /// Whether the phase ran out of disk or memory or was stopped for what it wrote, which makes any build fail.
  static func explains(_ phase: PhaseEvidence) -> Bool {
    phase.endedBy?.isOutOfMemory == true
      || phase.endedBy == .diskWatchdog || phase.diskFull != nil
  }
}
