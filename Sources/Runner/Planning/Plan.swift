package import Analysis
import Formats

/// Everything a check will do with a project, and why: printed by `preflight plan`, carried out by `preflight check`.
///
/// Paths in commands are those inside the sandbox: the project is at `SandboxPath.project`, Python's virtual
/// environment at `SandboxPath.environment`.
package struct Plan: Sendable, Codable, Equatable {
  /// Stands in commands for the Python interpreter which the runner resolved.
  package static let interpreterPlaceholder = "{python}"

  /// The folder's own name.
  package var projectName: String
  /// Nil when only a start command is known.
  package var ecosystem: EcosystemID?
  /// The web framework, in lower case ("flask", "express"); nil when none was recognised.
  package var framework: String?
  /// The tool that installs; nil when nothing is installed.
  package var packageManager: String?
  /// The interpreter version the project asks for; nil when it does not say.
  package var requestedRuntimeVersion: RuntimeRequest?
  /// The programs that the commands start by name and that must exist in the sandbox.
  package var requiredTools: [String]
  /// Folders inside the sandbox that come first on the program's PATH.
  package var pathPrefixes: [String]
  /// The file that declares the dependencies, relative to the project's root.
  package var manifest: String?
  /// Names of the declared distributions or packages: production only, normalised (PEP 503 for Python), sorted.
  package var declaredDependencies: [String]
  /// Commands of the install phase, in order; may hold `interpreterPlaceholder`.
  package var install: [[String]]
  /// Where the install commands come from.
  package var installOrigin: Origin
  /// Commands of the build phase, in order.
  package var build: [[String]]
  /// The command that starts the program, and the others that were considered.
  package var start: StartCommand
  /// The processes that are run besides that one, each by itself: `release` before it, the others after it.
  package var others: [OtherProcess]
  /// Whether the program must listen on the port, and how that is known.
  package var listening: ListenExpectation
  /// The port handed to the program as PORT.
  package var port: Sourced<Int>
  /// The path the probe asks for first.
  package var healthPath: Sourced<String>
  /// The variables set for the program besides what the sandbox itself sets; sorted by name.
  package var environment: [EnvironmentVariable]
  /// What the start phase may use.
  package var limits: Limits
  /// The files (and their part) which decided the ecosystem and framework.
  package var detectedFrom: [String]
  /// Other ecosystems that were recognised but not chosen, best first.
  package var otherCandidates: [Candidate]
  /// Whether an installed environment may be kept for the next check, and under which key.
  package var dependencyCache: DependencyCache
  /// What is in the folder and will not be shown to the program, because it would not be deployed; with the reason.
  package var leftOut: [String]
  /// What a person should know about this plan: doubts, ignored files, probable mistakes.
  package var notes: [String]
  /// What the check runs on, and why; nil until that was looked for.
  package var image: Image?
  /// The conditions of the check that nothing else here shows, with their origins; nil where they are not known.
  package var settings: [Setting]?
  /// Whom the program runs as, where a descriptor says so.
  package var user: Sourced<User>?
  /// The signal that asks the program to stop, where a descriptor says so.
  package var stopSignal: Sourced<String>?
  /// What is run beside the program to see that it is well, where a descriptor says so and nobody names a path.
  package var healthCommand: Sourced<HealthCommand>?
}

extension Plan {
  /// The root filesystem of the sandboxes.
  package struct Image: Sendable, Codable, Equatable {
    /// "host", or the image's name.
    package var reference: String
    /// Of its manifest.
    package var digest: String?
    /// One clause that says why it was chosen, and what was not.
    package var reason: String

    package init(reference: String, digest: String? = nil, reason: String) {
      self.reference = reference
      self.digest = digest
      self.reason = reason
    }
  }

  /// The version of the interpreter a project asks for.
  package struct RuntimeRequest: Sendable, Codable, Equatable {
    /// A version ("3.11.7"), a prefix ("3.11"), a range (">=3.10,<4") or an alias ("lts/*").
    package var version: String
    /// The file that says so, and its part: "runtime.txt", "package.json engines.node".
    package var source: String

    /// Makes a request.
    package init(version: String, source: String) {
      self.version = version
      self.source = source
    }
  }

  /// The command that starts the program.
  package struct StartCommand: Sendable, Codable, Equatable {
    /// How the command is written down.
    package enum Form: Sendable, Codable, Equatable {
      /// A program and its arguments, started without a shell.
      case arguments([String])
      /// One line for `/bin/sh -c`.
      case shell(String)
    }
    /// The command as it was written or made.
    package var form: Form
    /// Where the command comes from.
    package var origin: Origin
    /// Commands that were considered and not taken, as a person would type them, best first.
    package var alternatives: [String]
    /// The place in the project's files where the command is written.
    package var place: Place?

    /// The argument vector to execute.
    ///
    /// A line that is one plain command replaces its shell: Debian's sh would stay, as process 1 ignore SIGTERM,
    /// and the program would be blamed for it. In other lines the shell stays, as it does on a platform.
    package var arguments: [String] {
      switch form {
      case .arguments(let arguments): arguments
      case .shell(let line): ["/bin/sh", "-c", ShellWords.replacingShell(line)]
      }
    }

    /// The command as a person would type it.
    package var displayed: String {
      switch form {
      case .arguments(let arguments): ShellWords.join(arguments)
      case .shell(let line): line
      }
    }
  }

  /// Whether the program must listen, and how that is known.
  ///
  /// The rule: it must when there is evidence for it, namely `--port` or `--health`, a Procfile `web` line, a
  /// recognised web framework, or a server started in the source of the start file. A Procfile `worker` line
  /// means it need not. Without evidence the role is `unknown`, and a program that does not listen is not at fault.
  package struct ListenExpectation: Sendable, Codable, Equatable {
    /// What the program is.
    package enum Role: String, Sendable, Codable { case web, worker, unknown }
    /// What the program is taken for.
    package var role: Role
    /// One clause that says how the role is known.
    package var reason: String
    /// Whether something says that what it serves is HTTP: a framework, a server's name, its source.
    package var speaksHTTP = false
    /// True when a program that does not listen on the port is not ready.
    package var isExpected: Bool { role == .web }
  }

  /// One environment variable of the program.
  package struct EnvironmentVariable: Sendable, Codable, Equatable {
    /// The variable's name.
    package var name: String
    /// Nil when the value is not known yet and the variable must be inherited or supplied.
    package var value: String?
    /// Who sets it.
    package var origin: Origin

    /// Makes a variable.
    package init(name: String, value: String?, origin: Origin) {
      self.name = name
      self.value = value
      self.origin = origin
    }
  }

  /// What the start phase may use; nil is unlimited.
  package struct Limits: Sendable, Codable, Equatable {
    /// For all processes together.
    package var memoryInBytes: Sourced<Int64>?
    /// Processes and threads together.
    package var processes: Sourced<Int>?
    /// Processors, in whole and parts.
    package var cpus: Sourced<Double>?
    /// What each phase may write to the disk; nil leaves it to the runner, which knows how much is free.
    package var diskInBytes: Sourced<Int64>?
  }

  /// An ecosystem that was recognised, with its evidence.
  package struct Candidate: Sendable, Codable, Equatable {
    /// The ecosystem that was recognised.
    package var ecosystem: EcosystemID
    /// The sum of its evidence; comparable within one plan only.
    package var score: Int
    /// The files, and what in them, that speak for it.
    package var evidence: [String]

    /// Makes a candidate.
    package init(ecosystem: EcosystemID, score: Int, evidence: [String]) {
      self.ecosystem = ecosystem
      self.score = score
      self.evidence = evidence
    }
  }

  /// Whether what the install phase makes may be kept for the next check.
  package enum DependencyCache: Sendable, Codable, Equatable {
    /// The key covers the install commands and all files they read, not the interpreter: the runner adds that.
    case cacheable(key: String, files: [String])
    /// It may not be kept, for this reason.
    case notCacheable(reason: String)
  }

  /// The install commands with the interpreter's real path in the place of its placeholder.
  package func installCommands(interpreter: String) -> [[String]] {
    install.map { $0.map { $0 == Plan.interpreterPlaceholder ? interpreter : $0 } }
  }
}

extension Plan {
  /// A line of one of the project's files.
  package struct Place: Sendable, Codable, Equatable {
    /// Relative to the project's root.
    package var file: String
    /// One-based; nil is the whole file.
    package var line: Int?

    /// Makes a place.
    package init(file: String, line: Int? = nil) {
      self.file = file
      self.line = line
    }
  }
}

/// A value and where it comes from.
package struct Sourced<Value: Sendable & Codable & Equatable>: Sendable, Codable, Equatable {
  /// The effective value.
  package var value: Value
  /// Where it comes from.
  package var origin: Origin

  /// Makes a value with its origin.
  package init(_ value: Value, _ origin: Origin) {
    self.value = value
    self.origin = origin
  }
}

/// Where an effective value comes from; the cases stand in the order of their precedence.
package enum Origin: Sendable, Codable, Equatable {
  /// A command line option, with its name ("--port").
  case flag(String)
  /// A variable of the caller's ("PREFLIGHT_PORT").
  case variable(String)
  /// A file of settings, with its line ("preflight.toml:3").
  case file(String)
  /// A file that describes the deployment, with its part ("Procfile web").
  case descriptor(String)
  /// Read out of the project, with the evidence ("app.py creates a Flask application").
  case inference(String)
  /// Nothing said otherwise.
  case byDefault

  /// The origin in a few words.
  package var displayed: String {
    switch self {
    case .flag(let name), .variable(let name), .file(let name): name
    case .descriptor(let name): name
    case .inference(let evidence): evidence
    case .byDefault: "default"
    }
  }
}
