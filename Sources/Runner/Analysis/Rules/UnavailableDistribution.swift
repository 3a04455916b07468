/// pip found no distribution for a requirement: a wrong version, a wrong name, or the wrong Python.
enum UnavailableDistribution {
  static let rules = [
    Rule("dependency-version-not-found", "A pinned version does not exist.") { evidence in
      requests(in: evidence).compactMap {
        $0.versions.isEmpty || $0.neededPython != nil ? nil : badVersion($0, evidence)
      }
    },
    Rule("dependency-needs-other-python", "A required version does not support this Python.") { evidence in
      requests(in: evidence).compactMap { $0.neededPython == nil ? nil : otherPython($0, evidence) }
    },
    Rule("dependency-not-found", "No package of that name exists.") { evidence in
      requests(in: evidence).compactMap { request in
        guard request.versions.isEmpty, request.neededPython == nil, !InstallNetwork.explains(request.phase),
          !InstallNetwork.isClaimed(by: request.phase),
          evidence.deniedEgress(in: request.phase.name).isEmpty, evidence.settings.networkPolicy != "none"
        else { return nil }
        return unknownName(request, evidence)
      }
    },
  ]

  /// A requirement pip could not satisfy.
  struct Request {
    var requirement: String
    /// The versions pip saw, oldest first.
    var versions: [String]
    /// The range of Python the wanted version asks for, when pip left it out for that.
    var neededPython: String?
    var phase: PhaseEvidence
    var line: LogLine
    var ignoredLine: LogLine?

    var name: String { DependencyAdvice.name(ofRequirement: requirement) }
    /// The version after `==`, if the requirement is a pin.
    var pin: String? {
      requirement.text(after: "==").map { String($0.prefix { $0 != "," && $0 != ";" && $0 != " " }) }
    }
  }

  private static func requests(in evidence: Evidence) -> [Request] {
    evidence.phases.filter { ($0.name == .install || $0.name == .build) && $0.status == .failed }.flatMap {
      phase in
      phase.log.compactMap { line -> Request? in
        guard line.text.has("Could not find a version that satisfies the requirement "),
          let requirement = line.text.text(between: "satisfies the requirement ", and: " (from"),
          let list = line.text.text(after: "from versions: ")
        else { return nil }
        let versions = list.prefix { $0 != ")" }
        var request = Request(
          requirement: String(requirement),
          versions: versions == "none" ? [] : versions.split(separator: ",").map { String($0.trimmed) },
          phase: phase, line: line)
        if let (ignored, range) = ignored(request, phase) {
          request.ignoredLine = ignored
          request.neededPython = range
        }
        return request
      }
    }
  }

  /// Finds the wanted version among those pip ignored for the version of Python.
  private static func ignored(_ request: Request, _ phase: PhaseEvidence) -> (LogLine, String)? {
    for line in phase.log where line.number <= request.line.number {
      guard
        let list = line.text.text(
          after: "Ignored the following versions that require a different python version: ")
      else { continue }
      for entry in list.split(separator: ";") {
        let words = entry.trimmed.split(separator: " ", maxSplits: 2)
        guard words.count == 3, words[1] == "Requires-Python" else { continue }
        if request.pin.map({ $0 == words[0] }) ?? request.versions.isEmpty { return (line, String(words[2])) }
      }
    }
    return nil
  }

  // MARK: Findings

  private static func badVersion(_ request: Request, _ evidence: Evidence) -> Finding {
    let nearest = VersionOrder.nearest(to: request.pin, in: request.versions)
    let newest = VersionOrder.newestStable(in: request.versions)
    let manifest = Finding.manifestName(evidence.project)
    let offer = nearest.map { "The nearest that exists is \($0)" } ?? "Other versions exist"
    let latest = newest.map { $0 == nearest ? "; it is also the newest." : "; the newest is \($0)." } ?? "."
    return Finding(
      rule: "dependency-version-not-found", category: .dependencyMissing, subject: request.requirement,
      title: "\(request.requirement) does not exist",
      message:
        "The index has \(request.versions.count) versions of \(request.name), but none satisfies "
        + "\(request.requirement). \(offer)\(latest)",
      fix: Finding.Fix(
        "Change the requirement in \(manifest)\(nearest.map { " to \(request.name)==\($0)" } ?? "").",
        commands: [nearest.flatMap { version in edit(request, version, manifest) }]),
      evidence: [request.phase.proof(request.line)],
      location: ManifestPlace.of(request.name, in: request.phase, evidence.project))
  }

  private static func edit(_ request: Request, _ version: String, _ manifest: String) -> FixCommand? {
    guard let pin = request.pin, manifest.hasSuffix(".txt"), PackageName.isPython(request.name),
      PackageName.isVersion(pin), PackageName.isVersion(version)
    else { return nil }
    return FixCommand(
      "sed", "-i", "s/\(request.name)==\(pin)/\(request.name)==\(version)/", "--", manifest)
  }

  private static func otherPython(_ request: Request, _ evidence: Evidence) -> Finding {
    let range = request.neededPython ?? ""
    let running = evidence.project.runtimeVersion.map { "Python \($0)" } ?? "the Python of this check"
    let older = VersionOrder.newestStable(in: request.versions)
    let needed = range.hasPrefix(">=") ? String(range.dropFirst(2).prefix { $0.isNumber || $0 == "." }) : nil
    let usable = older.map { " The newest version for this Python is \($0)." } ?? ""
    return Finding(
      rule: "dependency-needs-other-python", category: .environmentMismatch, subject: request.requirement,
      title: "\(request.requirement) needs Python \(range)",
      message: "The version exists, but it does not support \(running).\(usable)",
      fix: Finding.Fix(
        "Declare a version of Python that satisfies \(range) (.python-version or requires-python)"
          + (older.map { ", or require \(request.name)==\($0)" } ?? "") + ".",
        commands: [needed.flatMap { FixCommand("echo", $0)?.writing(">", to: ".python-version") }]),
      evidence: [
        request.phase.proof(request.ignoredLine ?? request.line), request.phase.proof(request.line),
      ],
      location: ManifestPlace.of(request.name, in: request.phase, evidence.project))
  }

  private static func unknownName(_ request: Request, _ evidence: Evidence) -> Finding {
    let mapped = ImportNames.distribution(for: request.name)
    let hint =
      mapped.lowercased() != request.name.lowercased() && ImportNames.isKnown(request.name)
      ? " '\(request.name)' is an import name; its distribution is \(mapped)." : ""
    return Finding(
      rule: "dependency-not-found", category: .dependencyMissing, subject: request.requirement,
      title: "No package named \(request.name) can be installed",
      message:
        "The index answered and has nothing to install for '\(request.requirement)': the name is misspelt, "
        + "private, or part of the standard library.\(hint)",
      fix: Finding.Fix(
        hint.isEmpty
          ? "Correct or remove it in \(Finding.manifestName(evidence.project)); for a private package, "
            + "configure its index."
          : "Require \(mapped) instead."),
      evidence: [request.phase.proof(request.line)],
      location: ManifestPlace.of(request.name, in: request.phase, evidence.project))
  }
}

/// Where a requirement stands in the project's manifest, as far as the installer says.
enum ManifestPlace {
  /// Reads "(from -r requirements.txt (line 3))"; falls back to the manifest alone.
  static func of(_ name: String, in phase: PhaseEvidence, _ project: ProjectFacts) -> Finding.Location? {
    line(of: name, in: phase) ?? project.manifest.map { Finding.Location(file: $0) }
  }

  /// Reads the line only; nil when the installer did not say it.
  static func line(of name: String, in phase: PhaseEvidence) -> Finding.Location? {
    let wanted = DependencyAdvice.normalized(name)
    for line in phase.log {
      guard line.text.has("(from -r "), let requirement = requirement(in: line.text),
        DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: requirement)) == wanted,
        let file = line.text.text(between: "(from -r ", and: " (line "),
        let number = line.text.text(between: " (line ", and: ")").flatMap({ Int($0) })
      else { continue }
      return Finding.Location(file: String(file), line: number)
    }
    return nil
  }

  private static func requirement(in text: String) -> String? {
    guard text.hasPrefix("Collecting ") || text.hasPrefix("Requirement already satisfied: ") else {
      return nil
    }
    return text.text(after: text.hasPrefix("C") ? "Collecting " : "satisfied: ")?.text(before: " (from").map(
      String.init)
  }
}
