import Analysis

extension Report {
  /// What was run, and in what surroundings.
  package struct Plan: Sendable, Codable, Equatable {
    package var image: Image?
    /// Command lines, in order.
    package var install: [String]
    package var build: [String]
    package var start: String?
    package var port: Int?
    package var healthPath: String?
    package var environment: [Variable]
    package var limits: Limits
    /// The network policy: "none", "registries", "host" or "allow:HOST,...".
    package var network: String
    /// What a person should know of the plan; nil when there is nothing.
    package var notes: [String]?
    /// Where values came from that say nothing of it themselves.
    package var sources: [Source]?

    /// Makes a plan's description.
    package init(
      image: Image? = nil, install: [String] = [], build: [String] = [], start: String? = nil,
      port: Int? = nil, healthPath: String? = nil, environment: [Variable] = [],
      limits: Limits = Limits(), network: String, notes: [String] = []
    ) {
      self.notes = notes.isEmpty ? nil : notes
      self.image = image
      self.install = install
      self.build = build
      self.start = start
      self.port = port
      self.healthPath = healthPath
      self.environment = environment
      self.limits = limits
      self.network = network
    }

    /// Where a value came from, as `preflight plan` says it.
    package struct Source: Sendable, Codable, Equatable {
      /// "install", "start", "port", "health path", "memory", "processors", "processes" or "disk".
      package var value: String
      package var source: String

      /// Makes a source.
      package init(_ value: String, _ source: String) {
        self.value = value
        self.source = source
      }
    }

    /// The base image.
    package struct Image: Sendable, Codable, Equatable {
      package var reference: String
      package var digest: String?
      /// One clause that says why it was chosen.
      package var reason: String?

      /// Makes an image's name.
      package init(reference: String, digest: String? = nil, reason: String? = nil) {
        self.reference = reference
        self.digest = digest
        self.reason = reason
      }
    }

    /// One environment variable; its value is never reported.
    package struct Variable: Sendable, Codable, Equatable {
      package var name: String
      package var set: Bool
      /// Where it was set or asked for, for example "--env", "PORT of the platform", ".env.example".
      package var source: String

      /// Makes a variable's description.
      package init(name: String, set: Bool, source: String) {
        self.name = name
        self.set = set
        self.source = source
      }
    }

    /// What the program may use; nil is unlimited.
    package struct Limits: Sendable, Codable, Equatable {
      package var memoryBytes: Int64?
      package var cpus: Double?
      package var pids: Int?
      package var timeoutMilliseconds: Int?
      /// What a phase may write to the disk.
      package var diskBytes: Int64?

      /// Makes a set of limits.
      package init(
        memoryBytes: Int64? = nil, cpus: Double? = nil, pids: Int? = nil, timeoutMilliseconds: Int? = nil,
        diskBytes: Int64? = nil
      ) {
        self.diskBytes = diskBytes
        self.memoryBytes = memoryBytes
        self.cpus = cpus
        self.pids = pids
        self.timeoutMilliseconds = timeoutMilliseconds
      }
    }
  }

  /// How strongly the program was kept apart from the host.
  package struct Isolation: Sendable, Codable, Equatable {
    /// "L0" (none) and up; see `preflight doctor`.
    package var level: String
    package var userNamespace: Bool
    /// What enforced limits: "v2", "v1", or "none".
    package var cgroup: String
    package var seccomp: Bool
    package var landlock: Bool
    /// How the network was confined, for example "own namespace, proxy".
    package var network: String
    package var degraded: [Degradation]

    /// Makes a description of the isolation in force.
    package init(
      level: String, userNamespace: Bool, cgroup: String, seccomp: Bool, landlock: Bool, network: String,
      degraded: [Degradation] = []
    ) {
      self.level = level
      self.userNamespace = userNamespace
      self.cgroup = cgroup
      self.seccomp = seccomp
      self.landlock = landlock
      self.network = network
      self.degraded = degraded
    }

    /// One piece of isolation this host does not give, and how to get it.
    package struct Degradation: Sendable, Codable, Equatable {
      package var what: String
      package var why: String
      package var remedy: String

      /// Makes a note of a missing piece.
      package init(what: String, why: String, remedy: String) {
        self.what = what
        self.why = why
        self.remedy = remedy
      }
    }
  }
}
