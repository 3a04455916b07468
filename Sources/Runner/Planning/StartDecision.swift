import Formats

/// Which command starts the program, and whether it must listen.
struct StartDecision {
  var command: Plan.StartCommand
  var listening: Plan.ListenExpectation
  /// The Procfile's type, or empty.
  var processType = ""
  var notes: [String] = []

  var usesProcfile: Bool { !processType.isEmpty }

  /// A start command that someone wrote down.
  struct Described {
    var line: String
    var origin: Origin
    /// The Procfile's type; empty for `--start`.
    var processType: String
    var place: Plan.Place?
    /// Where it is no line for a shell.
    var form: Plan.StartCommand.Form?
    /// The port that its descriptor says it listens on.
    var port: Int?
  }

  /// The command of `--start`, else the Procfile's, else a platform's file's, else the Dockerfile's, else compose's.
  static func described(
    options: PlanningOptions, procfile: Procfile?, docker: DockerDeployment?, descriptors: Descriptors
  ) -> Described? {
    if let start = options.start {
      return Described(line: start.trimmingSpace(), origin: options.origin("start"), processType: "")
    }
    return procfile?.startProcess.map {
      Described(
        line: $0.command, origin: .descriptor("Procfile \($0.type)"), processType: $0.type,
        place: Plan.Place(file: "Procfile", line: $0.line))
    } ?? descriptors.described(ofPlatform: true, in: docker) ?? docker?.described
      ?? descriptors.described(ofPlatform: false, in: docker)
  }

  /// Decides on the start command.
  ///
  /// - Throws: `Failure` when there is none, or the file of `--start` is not in the project.
  static func decide(
    described: Described?, chosen: EcosystemPlan?, procfile: Procfile?, snapshot: ProjectSnapshot,
    options: PlanningOptions, hints: EcosystemHint
  ) throws(Failure) -> StartDecision {
    let inferred = chosen?.starts ?? []
    var notes: [String] = []
    let others = (procfile?.processes ?? []).filter {
      $0.type != "release" && $0.type != described?.processType
    }
    let types = others.map(\.type).joined(separator: ", ")
    if procfile?.startProcess == nil, !others.isEmpty, options.start == nil {
      notes.append("the Procfile has neither web nor worker but \(types): say which one with --start")
    }
    if let described {
      let missing = StartFile.missing(in: described.line, snapshot: snapshot, hints: hints)
      if let missing, options.start != nil, options.install == nil, (chosen?.build ?? []).isEmpty {
        throw StartFile.error(missing, snapshot: snapshot, subject: options.origin("start").displayed)
      }
      if let missing { notes.append("\(missing), which the start command names, is not in the project") }
      let alternatives = inferred.map { displayed($0.form) }
      var listening = listening(described, chosen: chosen, options: options, hints: hints)
      listening.speaksHTTP = chosen?.speaksHTTP == true || hints.startsServer(described.line)
      return StartDecision(
        command: Plan.StartCommand(
          form: described.form ?? .shell(described.line), origin: described.origin,
          alternatives: alternatives,
          place: described.place),
        listening: listening, processType: described.processType,
        notes: notes)
    }
    guard let first = inferred.first else {
      throw UnknownProject.error(
        chosen: chosen, snapshot: snapshot, procfileTypes: types, ecosystems: hints.ecosystems)
    }
    var listening = forced(options) ?? evidence(chosen)
    listening.speaksHTTP = chosen?.speaksHTTP == true
    return StartDecision(
      command: Plan.StartCommand(
        form: first.form, origin: .inference(first.reason),
        alternatives: inferred.dropFirst().map { displayed($0.form) },
        place: first.reason.hasPrefix("package.json") ? Plan.Place(file: "package.json") : nil),
      listening: listening, notes: notes)
  }

  private static func displayed(_ form: Plan.StartCommand.Form) -> String {
    Plan.StartCommand(form: form, origin: .byDefault, alternatives: []).displayed
  }

  private static func forced(_ options: PlanningOptions) -> Plan.ListenExpectation? {
    let isGiven = [("port", options.port != nil), ("health", options.healthPath != nil)]
    guard let key = isGiven.first(where: { $0.1 })?.0 else { return nil }
    let origin = options.origin(key)
    let reason = origin == .flag("--\(key)") ? "--\(key) was given" : "\(origin.displayed) gives \(key)"
    return Plan.ListenExpectation(role: .web, reason: reason)
  }

  private static func evidence(_ chosen: EcosystemPlan?) -> Plan.ListenExpectation {
    if let evidence = chosen?.listenEvidence { return Plan.ListenExpectation(role: .web, reason: evidence) }
    return Plan.ListenExpectation(
      role: .unknown,
      reason: "nothing shows that it serves: no web framework, no server started in its source")
  }

  /// A described command listens when its process type or its words say so; the project's other files do not
  /// count, because `--start` may name a worker of a web project.
  private static func listening(
    _ described: Described, chosen: EcosystemPlan?, options: PlanningOptions, hints: EcosystemHint
  ) -> Plan.ListenExpectation {
    if let forced = forced(options) { return forced }
    if described.processType == "web" {
      return Plan.ListenExpectation(role: .web, reason: "it is the Procfile's web process")
    }
    if !described.processType.isEmpty {
      return Plan.ListenExpectation(
        role: .worker, reason: "it is the Procfile's \(described.processType) process")
    }
    if let port = described.port {
      return Plan.ListenExpectation(role: .web, reason: "\(described.origin.displayed) serves port \(port)")
    }
    if hints.startsServer(described.line) {
      return Plan.ListenExpectation(role: .web, reason: "its start command runs a server")
    }
    let words =
      ShellWords.simpleCommand(described.line) ?? described.line.split(separator: " ").map(String.init)
    if let evidence = chosen?.listenEvidence {
      let named = words.contains { word in
        evidence.hasPrefix((word.hasPrefix("./") ? String(word.dropFirst(2)) : word) + " ")
      }
      if described.place != nil, described.processType.isEmpty {
        return Plan.ListenExpectation(role: .web, reason: evidence)
      }
      let isScript = (words.first.map(hints.isScriptRunner) ?? false) && words.contains("start")
      if named || isScript { return Plan.ListenExpectation(role: .web, reason: evidence) }
    }
    return Plan.ListenExpectation(
      role: .unknown, reason: "nothing shows that the command of \(described.origin.displayed) serves")
  }
}

extension Plan.StartCommand {
  /// The programs which the command names without a folder.
  var bareTools: [String] {
    guard case .shell(let line) = form, let program = ShellWords.simpleCommand(line)?.first,
      !program.contains("/"),
      !program.contains("$")
    else { return [] }
    return [program]
  }
}
