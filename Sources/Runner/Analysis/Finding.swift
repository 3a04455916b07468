/// One thing the check found: what is wrong, who can change it, how it is known and how to fix it.
package struct Finding: Sendable, Codable, Equatable {
  /// The identifier of the rule that made it, for example "module-not-found".
  package var rule: String
  package var category: Category
  package var blame: Blame
  package var severity: Severity
  package var confidence: Confidence
  /// A headline of a few words, without a full stop.
  package var title: String
  /// What happened and why that matters, in one to three sentences.
  package var message: String
  package var fix: Fix
  /// What the finding is known from; the causal item stands first.
  package var evidence: [Proof]
  package var location: Location?
  /// The process it is about, where that is not the one of the start command ("worker", "release").
  package var process: String?
  /// Equal for the same problem in two runs of the same project; line numbers do not enter it.
  package var fingerprint: String
  /// Why it does not count; nil where it does.
  package var suppression: Suppression?
  /// Whether the same check may pass when it is merely repeated; not part of the report.
  package var isTransient: Bool

  /// Makes a finding and derives its fingerprint from `rule`, `subject` and the location's file.
  ///
  /// The subject is what the finding is about, independent of lines, times and process numbers: a module's
  /// name, a variable's name, a host.
  package init(
    rule: String, category: Category, blame: Blame = .project, severity: Severity = .error,
    confidence: Confidence = .high, subject: String, title: String, message: String, fix: Fix,
    evidence: [Proof], location: Location? = nil, isTransient: Bool = false
  ) {
    self.rule = rule
    self.category = category
    self.blame = blame
    self.severity = severity
    self.confidence = confidence
    self.title = title
    self.message = message
    self.fix = fix
    self.evidence = evidence
    self.location = location
    self.isTransient = isTransient
    self.fingerprint = Fingerprint.of([rule, subject, location?.file ?? ""])
  }

  /// Reads a finding of a report; `isTransient` is not stored there and reads as false.
  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    rule = try values.decode(String.self, forKey: .rule)
    category = try values.decode(Category.self, forKey: .category)
    blame = try values.decode(Blame.self, forKey: .blame)
    severity = try values.decode(Severity.self, forKey: .severity)
    confidence = try values.decode(Confidence.self, forKey: .confidence)
    title = try values.decode(String.self, forKey: .title)
    message = try values.decode(String.self, forKey: .message)
    fix = try values.decode(Fix.self, forKey: .fix)
    evidence = try values.decode([Proof].self, forKey: .evidence)
    location = try values.decodeIfPresent(Location.self, forKey: .location)
    process = try values.decodeIfPresent(String.self, forKey: .process)
    fingerprint = try values.decode(String.self, forKey: .fingerprint)
    suppression = try values.decodeIfPresent(Suppression.self, forKey: .suppression)
    isTransient = false
  }

  private enum CodingKeys: String, CodingKey {
    case rule, category, blame, severity, confidence, title, message, fix, evidence, location, process
    case fingerprint, suppression
  }
}

extension Finding {
  /// What kind of problem it is; the values are fixed by the report's contract.
  package enum Category: String, Sendable, Codable, CaseIterable {
    case dependencyMissing = "dependency-missing"
    case dependencyConflict = "dependency-conflict"
    case environmentVariable = "environment-variable"
    case configuration
    case runtimeCrash = "runtime-crash"
    case environmentMismatch = "environment-mismatch"
    case resourceLimit = "resource-limit"
    case network
    case health
    case shutdown
    case filesystem
    case security
    case supplyChain = "supply-chain"
  }

  /// How much it matters: an error makes the project not ready.
  package enum Severity: String, Sendable, Codable, CaseIterable {
    case error, warning, note
  }

  /// Whose doing it is; what our own policy caused is never the project's.
  package enum Blame: String, Sendable, Codable, CaseIterable {
    case project, platform, upstream, sandbox
  }

  /// How sure the rule is of the cause it names.
  package enum Confidence: String, Sendable, Codable, CaseIterable {
    case high, medium, low
  }

  /// What a person can do about it.
  package struct Fix: Sendable, Codable, Equatable {
    /// One imperative sentence.
    package var summary: String
    /// Command lines to copy, in order.
    package var commands: [String]
    /// A unified diff, when the change is certain.
    package var patch: String?

    /// Makes a fix; only the summary is obligatory, and commands that cannot be written safely are left out.
    package init(_ summary: String, commands: [FixCommand?] = [], patch: String? = nil) {
      self.summary = summary
      self.commands = commands.compactMap { $0?.line }
      self.patch = patch
    }
  }

  /// One observation a finding rests on.
  package struct Proof: Sendable, Codable, Equatable {
    /// What was observed.
    package enum Kind: String, Sendable, Codable, CaseIterable {
      /// A line the program or a tool wrote.
      case log
      /// The exit code or signal of a phase.
      case exitStatus = "exit-status"
      /// A counter of the kernel or of our watchdog.
      case counter
      /// A socket the program listened on.
      case listening
      /// An HTTP attempt of ours.
      case probe
      /// An attempt to reach another host.
      case egress
      /// A file of the project.
      case file
    }
    package var kind: Kind
    package var phase: PhaseEvidence.Name?
    package var stream: LogLine.Stream?
    /// One-based line within the stream of the phase's log, or within `file`.
    package var line: Int?
    package var text: String
    package var file: String?

    /// Makes an observation; `text` is what a person reads.
    package init(
      kind: Kind, phase: PhaseEvidence.Name? = nil, stream: LogLine.Stream? = nil, line: Int? = nil,
      text: String, file: String? = nil
    ) {
      self.kind = kind
      self.phase = phase
      self.stream = stream
      self.line = line
      self.text = text
      self.file = file
    }
  }

  /// A place in the project's files.
  package struct Location: Sendable, Codable, Equatable {
    /// Relative to the project's root.
    package var file: String
    package var line: Int?

    /// Makes a location.
    package init(file: String, line: Int? = nil) {
      self.file = file
      self.line = line
    }
  }
}
