/// Everything a check observed, collected first and judged afterwards.
///
/// Rules are pure functions of this value, so a recorded run can be judged again without a sandbox.
package struct Evidence: Sendable, Codable, Equatable {
  package var project: ProjectFacts
  package var settings: RunSettings
  package var phases: [PhaseEvidence]
  package var listening: [ListeningSocket]
  package var probes: [ProbeAttempt]
  package var egress: [EgressAttempt]
  package var filesWritten: [WrittenFile]
  /// What became of the program after its first answer; nil when it gave none.
  package var settling: Settling?

  package init(
    project: ProjectFacts, settings: RunSettings, phases: [PhaseEvidence] = [],
    listening: [ListeningSocket] = [], probes: [ProbeAttempt] = [], egress: [EgressAttempt] = [],
    filesWritten: [WrittenFile] = []
  ) {
    self.project = project
    self.settings = settings
    self.phases = phases
    self.listening = listening
    self.probes = probes
    self.egress = egress
    self.filesWritten = filesWritten
  }
}

/// What is known of the project's files before anything runs.
package struct ProjectFacts: Sendable, Codable, Equatable {
  package var name: String
  /// The name of its ecosystem; nil when only a start command is known.
  package var ecosystem: String?
  /// The version of the interpreter that ran it, for example "3.11.7".
  package var runtimeVersion: String?
  /// Paths relative to the project's root, sorted; capped by the snapshot's walk.
  package var files: [String]
  /// The file that declares dependencies, relative to the root ("requirements.txt", "pyproject.toml").
  package var manifest: String?
  /// Distribution names declared by the project, normalised (PEP 503).
  package var declaredDependencies: [String]
  /// The small text files that rules read (sources, manifests, descriptors), by path; never reported whole.
  package var texts: [String: String] = [:]
  /// The application objects that a server could be told to serve.
  package var applications: [ServedApplication] = []
  /// Where the start command comes from, as `preflight plan` names it: "Procfile web", "--start".
  package var startSource: String?
  /// The start command as it is written there.
  package var startLine: String?
  /// What is in the project's folder and would not be deployed: the run did not have it either.
  package var leftOut: [LeftOutFile]?
  /// The version of the interpreter that the project asks for; nil when it does not say.
  package var runtimeRequest: RuntimeRequest?
  /// The advice of all languages, by the names of the ecosystems; given by the book for its rules, never recorded.
  var languages: [String: Advice]?

  package init(
    name: String, ecosystem: String? = nil, runtimeVersion: String? = nil, files: [String] = [],
    manifest: String? = nil, declaredDependencies: [String] = []
  ) {
    self.name = name
    self.ecosystem = ecosystem
    self.runtimeVersion = runtimeVersion
    self.files = files
    self.manifest = manifest
    self.declaredDependencies = declaredDependencies
  }
}

/// An application object of the project, or a function that makes one.
package struct ServedApplication: Sendable, Codable, Equatable {
  /// Relative to the project's root.
  package var file: String
  /// One-based.
  package var line: Int
  /// The variable's or function's name.
  package var name: String
  package var isFactory: Bool

  package init(file: String, line: Int, name: String, isFactory: Bool) {
    self.file = file
    self.line = line
    self.name = name
    self.isFactory = isFactory
  }
}

/// What the run was asked to do: the rules compare behaviour with it.
package struct RunSettings: Sendable, Codable, Equatable {
  /// The port handed to the program as PORT; nil when the project is not expected to listen.
  package var port: Int?
  package var healthPath: String?
  package var memoryLimitInBytes: Int64?
  package var processLimit: Int?
  /// What a phase may write to the disk, in bytes.
  package var diskLimitInBytes: Int64?
  package var gracePeriodMilliseconds: Int
  /// How long the program had to listen before it counted as not listening.
  package var startDeadlineMilliseconds: Int
  /// Names of the variables set for the start phase.
  package var environmentNames: [String]
  /// What enforces memory and process limits: "cgroup" or "watchdog".
  package var limitEnforcement: String
  /// The project's root inside the sandbox, for example "/app".
  package var workingDirectory: String
  /// The signal the program is asked to stop with, by its name.
  package var stopSignal = "SIGTERM"
  /// The place in the project's files where the start command is written; nil when nobody wrote it down.
  package var startPlace: Finding.Location?
  /// Where the health check is written that is run beside the program ("Dockerfile:4"); nil is the image's own.
  package var healthCheckSource: String?
  /// Whether something says that the program serves HTTP: a framework, a server in its source, a health path.
  package var expectsHTTP = true
  /// The network policy of the run ("none", "registries", "host", "allow:..."); nil when it is not recorded.
  package var networkPolicy: String?
  /// How the check was called.
  package var invocation = Invocation()

  package init(
    port: Int? = nil, healthPath: String? = nil, memoryLimitInBytes: Int64? = nil, processLimit: Int? = nil,
    gracePeriodMilliseconds: Int = 10_000, startDeadlineMilliseconds: Int = 60_000,
    environmentNames: [String] = [], limitEnforcement: String = "watchdog", workingDirectory: String = "/app",
    networkPolicy: String? = nil
  ) {
    self.port = port
    self.healthPath = healthPath
    self.memoryLimitInBytes = memoryLimitInBytes
    self.processLimit = processLimit
    self.gracePeriodMilliseconds = gracePeriodMilliseconds
    self.startDeadlineMilliseconds = startDeadlineMilliseconds
    self.environmentNames = environmentNames
    self.limitEnforcement = limitEnforcement
    self.workingDirectory = workingDirectory
    self.networkPolicy = networkPolicy
  }
}

/// One phase of the run.
package struct PhaseEvidence: Sendable, Codable, Equatable {
  package enum Name: String, Sendable, Codable, CaseIterable { case install, build, start, probe, stop }
  package enum Status: String, Sendable, Codable {
    case passed, failed, skipped
    /// The result of an earlier run with the same inputs was used; `log` is that run's.
    case cached
  }
  /// Who or what ended the phase's process: settles whether a signal was ours.
  package enum EndedBy: String, Sendable, Codable {
    /// It exited or crashed without our doing.
    case itself
    /// It ended after our SIGTERM within the grace period.
    case stopRequest
    /// It outlived the grace period and got our SIGKILL.
    case gracePeriodKill
    /// The kernel's out-of-memory killer, by the cgroup's counters.
    case cgroupOutOfMemory
    /// Our memory watchdog.
    case memoryWatchdog
    /// Our process-count watchdog.
    case processWatchdog
    /// Our watchdog of what is written to the disk.
    case diskWatchdog
    case timeLimit
    case interrupt

    /// Whether it had passed its limit of memory.
    package var isOutOfMemory: Bool { self == .cgroupOutOfMemory || self == .memoryWatchdog }

    /// Whether it had passed a limit on what it uses.
    package var isLimit: Bool { isOutOfMemory || self == .processWatchdog || self == .diskWatchdog }
  }
  package var name: Name
  /// The argument vector that ran; empty when the phase runs nothing.
  package var command: [String]
  package var status: Status
  package var exitCode: Int?
  package var signal: Int?
  package var endedBy: EndedBy?
  /// Seconds since 1970.
  package var startedAt: Double
  package var durationMilliseconds: Int
  /// What the program wrote, and nothing of ours.
  package var log: [LogLine]
  package var resources: ResourceUse
  /// What it used over time; nil where nothing was sampled.
  package var samples: [ResourceSample]?
  /// What preflight saw beside it.
  package var observations: [Observation]
  /// The errors in its log; read by the book for its rules, never recorded.
  var read: [ErrorTrace]?

  /// The errors in its log, in the order of their lines.
  var traces: [ErrorTrace] { read ?? [] }

  package init(
    name: Name, command: [String] = [], status: Status, exitCode: Int? = nil, signal: Int? = nil,
    endedBy: EndedBy? = nil, startedAt: Double = 0, durationMilliseconds: Int = 0, log: [LogLine] = [],
    resources: ResourceUse = ResourceUse(), observations: [Observation] = []
  ) {
    self.observations = observations
    self.name = name
    self.command = command
    self.status = status
    self.exitCode = exitCode
    self.signal = signal
    self.endedBy = endedBy
    self.startedAt = startedAt
    self.durationMilliseconds = durationMilliseconds
    self.log = log
    self.resources = resources
  }
}

/// One line the program wrote; invalid UTF-8 is repaired, very long lines are cut.
package struct LogLine: Sendable, Codable, Equatable {
  package enum Stream: String, Sendable, Codable { case stdout, stderr }
  /// One-based number within the phase, over both streams: which came first of two streams is a matter of chance.
  package var number: Int
  /// One-based number within its own stream, which is the same in each run; nil where it is that of the phase.
  package var numberInStream: Int?
  /// Milliseconds since the phase began.
  package var milliseconds: Int
  package var stream: Stream
  package var text: String

  package init(
    number: Int, numberInStream: Int? = nil, milliseconds: Int, stream: Stream, text: String
  ) {
    self.number = number
    self.numberInStream = numberInStream
    self.milliseconds = milliseconds
    self.stream = stream
    self.text = text
  }
}

/// Counters of one phase; nil is "not measured", never zero by default.
package struct ResourceUse: Sendable, Codable, Equatable {
  package var cpuMilliseconds: Int?
  package var memoryPeakBytes: Int64?
  package var processesPeak: Int?
  package var oomKills: Int?
  /// What the phase wrote to the folders that are its own, as they are at its end.
  package var bytesWritten: Int64?
  /// The most that was held beyond the memory limit before a watchdog saw it.
  package var memoryOvershootBytes: Int64?

  package init(
    cpuMilliseconds: Int? = nil, memoryPeakBytes: Int64? = nil, processesPeak: Int? = nil,
    oomKills: Int? = nil, bytesWritten: Int64? = nil
  ) {
    self.cpuMilliseconds = cpuMilliseconds
    self.memoryPeakBytes = memoryPeakBytes
    self.processesPeak = processesPeak
    self.oomKills = oomKills
    self.bytesWritten = bytesWritten
  }
}

/// A socket the program listened on, read from the sandbox's own network namespace.
package struct ListeningSocket: Sendable, Codable, Equatable {
  package var address: String
  package var port: Int
  /// "tcp" or "tcp6".
  package var `protocol`: String
  /// The listening process's name, when it could be found.
  package var process: String?

  package init(address: String, port: Int, protocol: String = "tcp", process: String? = nil) {
    self.address = address
    self.port = port
    self.protocol = `protocol`
    self.process = process
  }
}

/// One attempt to reach the program from outside its loopback interface.
package struct ProbeAttempt: Sendable, Codable, Equatable {
  package var path: String
  package var port: Int
  /// The HTTP status code; nil when no response came.
  package var status: Int?
  /// Why no response came ("connection refused", "timed out", "not HTTP").
  package var failure: String?
  package var durationMilliseconds: Int
  /// The start of the response's body, for evidence; repaired UTF-8, at most 512 bytes.
  package var bodyExcerpt: String?
  /// The health check that was run instead of a request; then `exitCode` is how it ended.
  package var command: String?
  package var exitCode: Int?
  /// The tool of an image that is not built here, for want of which a health check was not run.
  package var missingTool: String?
  /// Whether the connection was accepted, where one was tried.
  package var isConnection: Bool?

  /// What stands in the place of a path where a connection is all that is asked for.
  package static let connectionOnly = "tcp"

  /// Whether the program is well, as far as this attempt goes.
  package var succeeded: Bool {
    if path == Self.connectionOnly, command == nil { return isConnection == true }
    return command == nil ? (status ?? 500) < 400 : exitCode == 0
  }

  /// The program that a failed health check would have run and that is not there; nil where it was run.
  ///
  /// What the project itself has, by a path, is no tool of an image.
  package var programNotFound: String? {
    guard let command, let exitCode, exitCode != 0 else { return nil }
    let name: String
    if exitCode == 127, !command.hasPrefix("/bin/sh -c ") {
      name = String(command.prefix { $0 != " " })
    } else if let line = bodyExcerpt?.split(separator: "\n").first(where: Self.isMissing) {
      name = String(line.split(separator: ":").dropLast().last?.trimmed ?? "")
    } else {
      return nil
    }
    let isOwn = name.isEmpty || name.hasPrefix(".") || (name.has("/") && !name.hasPrefix("/"))
    return isOwn || name.hasPrefix("/app/") ? nil : name
  }

  /// How shells say that there is no such program: "/bin/sh: 1: pg_isready: not found".
  private static func isMissing(_ line: Substring) -> Bool {
    (line.hasPrefix("/bin/sh: ") || line.hasPrefix("sh: ")) && line.hasSuffix("not found")
  }

  /// Whether the program answers HTTP, and only not at this path.
  package var isClientError: Bool { command == nil && (400..<500).contains(status ?? 0) }

  package init(
    path: String, port: Int, status: Int? = nil, failure: String? = nil, durationMilliseconds: Int = 0,
    bodyExcerpt: String? = nil, command: String? = nil, exitCode: Int? = nil, isConnection: Bool? = nil
  ) {
    self.isConnection = isConnection
    self.command = command
    self.exitCode = exitCode
    self.path = path
    self.port = port
    self.status = status
    self.failure = failure
    self.durationMilliseconds = durationMilliseconds
    self.bodyExcerpt = bodyExcerpt
  }
}

/// Attempts to reach one host and port in one phase.
package struct EgressAttempt: Sendable, Codable, Equatable {
  /// A host name, or an address when no name was resolved for it.
  package var host: String
  /// Nil when only a name look-up was seen.
  package var port: Int?
  package var phase: PhaseEvidence.Name
  package var allowed: Bool
  package var count: Int
  /// What was sent when it was not TCP, for example "udp"; nil for TCP, a look-up and the proxy.
  package var transport: String?

  package init(
    host: String, port: Int?, phase: PhaseEvidence.Name, allowed: Bool, count: Int, transport: String? = nil
  ) {
    self.transport = transport
    self.host = host
    self.port = port
    self.phase = phase
    self.allowed = allowed
    self.count = count
  }
}

/// A file the program left behind in a writable place.
package struct WrittenFile: Sendable, Codable, Equatable {
  package var path: String
  package var bytes: Int64
  /// "created", "modified" or "deleted".
  package var kind: String
  /// The end of a log.
  package var tail: String?
  /// The place in the project's files that names it.
  package var namedIn: Finding.Location?
  /// The errors in that end; read by the book for its rules.
  var tailTraces: [ErrorTrace] = []

  private enum CodingKeys: String, CodingKey {
    // What is read for the rules only is no part of the report.
    case path, bytes, kind
  }

  package init(path: String, bytes: Int64, kind: String) {
    self.path = path
    self.bytes = bytes
    self.kind = kind
  }
}
