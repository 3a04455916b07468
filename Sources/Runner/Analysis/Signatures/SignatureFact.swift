/// What a signature may ask of the run beside the log: a closed set, each seen by preflight itself.
enum SignatureFact: String, Sendable, CaseIterable {
  case networkFailed = "network-failed"
  case egressDenied = "egress-denied"
  case diskFull = "disk-full"
  case outOfMemory = "out-of-memory"
  case programFailed = "program-failed"
  case listened
  case answered
  case exitedZero = "exited-zero"

  /// One sentence for the documentation.
  var summary: String {
    switch self {
    case .networkFailed: "a host that the policy allows could not be reached in the phase"
    case .egressDenied: "the network policy refused a connection in the phase"
    case .diskFull: "the disk of the run was full when the phase failed"
    case .outOfMemory: "the phase was ended at its memory limit"
    case .programFailed: "the program ended, never listened, or answered with a server error"
    case .listened: "the program listened on a port"
    case .answered: "a request was answered with anything but a server error"
    case .exitedZero: "the program ended by itself with status 0"
    }
  }

  /// Whether it holds.
  func holds(in phase: PhaseEvidence, of evidence: Evidence) -> Bool {
    switch self {
    case .networkFailed: phase.unreachable != nil
    case .egressDenied: !evidence.deniedEgress(in: phase.name).isEmpty
    case .diskFull: phase.diskFull != nil
    case .outOfMemory: phase.endedBy?.isOutOfMemory == true
    case .programFailed: evidence.programFailed
    case .listened: !evidence.listening.isEmpty
    case .answered: evidence.probes.contains { ($0.status ?? 599) < 500 }
    case .exitedZero: phase.exitCode == 0 && phase.endedBy == .itself
    }
  }
}

/// Where the finding of a signature lies: a closed set too.
enum SignaturePlace: Sendable, Equatable {
  case start, manifest, trace
  case requirement(String)
  case assignment(String)
  case file(String)
  case source(String)

  /// Reads "start", "requirement werkzeug", "assignment ALLOWED_HOSTS", "file flask.py", "source debug=True".
  init(_ text: String) throws(PatternError) {
    let parts = text.split(separator: " ", maxSplits: 1).map(String.init)
    switch (parts.first, parts.count) {
    case ("start", 1): self = .start
    case ("manifest", 1): self = .manifest
    case ("trace", 1): self = .trace
    case ("requirement", 2): self = .requirement(parts[1])
    case ("assignment", 2): self = .assignment(parts[1])
    case ("file", 2): self = .file(parts[1])
    case ("source", 2): self = .source(parts[1])
    default:
      throw PatternError(
        "'\(text)' is no place: start, manifest, trace, requirement NAME, assignment NAME, file PATH, source TEXT"
      )
    }
  }

  /// The part that may hold captures.
  var template: String {
    switch self {
    case .start, .manifest, .trace: ""
    case .requirement(let text), .assignment(let text), .file(let text), .source(let text): text
    }
  }

  /// Finds it; `name` is the template with its captures filled in.
  func location(_ name: String, of hit: LogLine, in phase: PhaseEvidence, _ evidence: Evidence)
    -> Finding.Location?
  {
    let project = evidence.project
    switch self {
    case .start: return project.startPlace
    case .manifest: return project.manifest.map { Finding.Location(file: $0) }
    case .requirement:
      return project.requirementPlace(of: name) ?? project.manifest.map { Finding.Location(file: $0) }
    case .assignment: return project.assignmentPlace(of: name)
    case .source: return project.place(in: project.sourcePaths) { $0.has(name) }
    case .file: return project.files.contains(name) ? Finding.Location(file: name) : nil
    case .trace:
      let traces = phase.traces
      let own =
        traces.first { $0.line == hit } ?? traces.first { $0.line.number > hit.number }
        ?? traces.last { $0.line.number < hit.number && $0.line.number + $0.details.count >= hit.number }
      return own?.location(in: evidence.settings.workingDirectory)
    }
  }
}
