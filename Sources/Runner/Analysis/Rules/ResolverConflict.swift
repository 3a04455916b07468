/// Two requirements exclude each other (pip's ResolutionImpossible, npm's ERESOLVE).
enum ResolverConflict {
  static let rules = [
    Rule("dependency-conflict", "Two requirements cannot be satisfied together.") { evidence in
      evidence.phases.filter { ($0.name == .install || $0.name == .build) && $0.status == .failed }
        .compactMap { pip($0, evidence) ?? npm($0) }
    }
  ]

  /// One side of a conflict: who asks, for what.
  struct Demand {
    var asker: String
    var requirement: String
    var line: LogLine
    var package: String { DependencyAdvice.normalized(DependencyAdvice.name(ofRequirement: requirement)) }
  }

  private static func pip(_ phase: PhaseEvidence, _ evidence: Evidence) -> Finding? {
    guard phase.firstLine(where: { $0.has("ResolutionImpossible") }) != nil else { return nil }
    let cannot = phase.firstLine { $0.has("ERROR: Cannot install ") }
    let demands = phase.log.compactMap(demand)
    guard let first = cannot ?? demands.first?.line else { return nil }
    let contested = contested(demands)
    let sides = contested.map { name in demands.filter { $0.package == name } } ?? demands
    let subject = contested ?? "requirements"
    let pair = unique(sides.map { "\($0.asker) \($0.asker == you ? "asks" : "needs") \($0.requirement)" })
    let own = sides.first { $0.asker == you }
    let place =
      own.flatMap { ManifestPlace.line(of: $0.package, in: phase) } ?? place(in: cannot)
      ?? evidence.project.manifest.map { Finding.Location(file: $0) }
    return Finding(
      rule: "dependency-conflict", category: .dependencyConflict,
      subject: ([subject] + sides.map(\.asker)).joined(separator: " "),
      title: title(sides, subject),
      message: pair.isEmpty
        ? String(first.text.text(after: "ERROR: ") ?? first.text[...])
        : "\(pair.prefix(3).joined(separator: ", but ").capitalizedFirst): no version of \(subject) "
          + "satisfies both.",
      fix: fix(sides, subject, evidence.project),
      evidence: [phase.proof(first)] + sides.prefix(4).map { phase.proof($0.line) }, location: place)
  }

  private static let you = "the project"

  private static func title(_ sides: [Demand], _ subject: String) -> String {
    guard let first = sides.first, let second = sides.first(where: { $0.asker != first.asker }) else {
      return "Conflicting requirements for \(subject)"
    }
    if first.asker == you {
      return "\(first.requirement) conflicts with \(second.asker), which needs \(second.requirement)"
    }
    return "\(first.asker) and \(second.asker) need different versions of \(subject)"
  }

  /// Parses "botocore 1.29.0 depends on urllib3<1.27" and "The user requested urllib3==2.0.0".
  private static func demand(_ line: LogLine) -> Demand? {
    guard line.text.hasPrefix("    ") else { return nil }
    let text = line.text.trimmed
    if let requirement = text.text(after: "The user requested (constraint) ")
      ?? text.text(after: "The user requested ")
    {
      return Demand(asker: you, requirement: withoutSource(requirement), line: line)
    }
    guard let asker = text.text(before: " depends on "), let requirement = text.text(after: " depends on ")
    else { return nil }
    return Demand(asker: String(asker), requirement: withoutSource(requirement), line: line)
  }

  private static func withoutSource(_ text: Substring) -> String {
    String(text.text(before: " (from") ?? text)
  }

  /// The package two different sides ask for.
  private static func contested(_ demands: [Demand]) -> String? {
    demands.first { demand in
      demands.contains { $0.package == demand.package && $0.asker != demand.asker }
    }?.package
  }

  private static func unique(_ texts: [String]) -> [String] {
    var seen: Set<String> = []
    return texts.filter { seen.insert($0).inserted }
  }

  private static func fix(_ sides: [Demand], _ package: String, _ project: ProjectFacts) -> Finding.Fix {
    let manifest = Finding.manifestName(project)
    guard let own = sides.first(where: { $0.asker == you }),
      let other = sides.first(where: { $0.asker != you })
    else {
      return Finding.Fix(
        "Relax or raise the pins of \(unique(sides.map { String($0.asker.prefix { $0 != " " }) }).joined(separator: " and ")) in \(manifest) until they agree on \(package)."
      )
    }
    let askerName = other.asker.prefix { $0 != " " }
    return Finding.Fix(
      "In \(manifest), replace \(own.requirement) by \(other.requirement.compactRequirement), or move "
        + "\(askerName) to a version that accepts \(own.requirement)."
    )
  }

  /// Reads the manifest's line from "Cannot install -r requirements.txt (line 2) and ...".
  private static func place(in line: LogLine?) -> Finding.Location? {
    guard let text = line?.text, let file = text.text(between: "-r ", and: " (line "),
      let number = text.text(between: " (line ", and: ")").flatMap({ Int($0) })
    else { return nil }
    return Finding.Location(file: String(file), line: number)
  }

  private static func npm(_ phase: PhaseEvidence) -> Finding? {
    guard let line = phase.firstLine(where: { $0.hasSuffix("code ERESOLVE") && $0.hasPrefix("npm ") }) else {
      return nil
    }
    let reasons = phase.log.filter { $0.text.has("Found: ") || $0.text.has(" peer ") }.prefix(3)
    let texts = reasons.compactMap { $0.text.text(after: "npm error ") ?? $0.text.text(after: "npm ERR! ") }
    return Finding(
      rule: "dependency-conflict", category: .dependencyConflict,
      subject: texts.map { String($0.trimmed) }.joined(separator: " "),
      title: "npm cannot satisfy the peer dependencies",
      message: texts.isEmpty
        ? "npm could not resolve the dependency tree."
        : texts.map { String($0.trimmed) }.joined(separator: "; ") + ".",
      fix: Finding.Fix(
        "Align the versions in package.json; `--legacy-peer-deps` only hides the conflict.",
        commands: ["npm install", "npm explain PACKAGE"]),
      evidence: [phase.proof(line)] + reasons.map { phase.proof($0) },
      location: Finding.Location(file: "package.json"))
  }
}

extension String {
  /// "urllib3<1.27 and >=1.25.4" as a requirement line: "urllib3<1.27,>=1.25.4".
  fileprivate var compactRequirement: String {
    split(separator: " ").filter { $0 != "and" }.map {
      $0.hasSuffix(",") ? String($0.dropLast()) : String($0)
    }.enumerated()
      .map { $0.offset == 0 ? $0.element : "," + $0.element }.joined()
  }
}
