/// What the command line says about a plan; nil leaves it to the project's files.
package struct PlanningOptions: Sendable, Equatable {
  /// `--start`: a shell line.
  package var start: String?
  /// `--install`: a shell line; an empty one means that nothing is installed.
  package var install: String?
  /// `--port`.
  package var port: Int?
  /// `--health`.
  package var healthPath: String?
  /// `--env` and `--env-file`, in the order given; the last of a name wins.
  package var environment: [(name: String, value: String)]
  /// `--memory`, in bytes.
  package var memoryLimitInBytes: Int64?
  /// `--disk`, in bytes.
  package var diskLimitInBytes: Int64?
  /// `--pids`.
  package var processLimit: Int?
  /// `--cpus`.
  package var cpuLimit: Double?
  /// The port that the image exposes, for when nothing else is said.
  package var imagePort: Int?

  /// Who said what, by the names of the settings; what is not here came from a flag.
  package var origins: [String: Origin] = [:]
  /// The same for the variables of `environment`.
  package var variableOrigins: [String: Origin] = [:]

  /// Who said the value of a setting.
  func origin(_ key: String) -> Origin { origins[key] ?? .flag("--\(key)") }

  /// Makes options which leave everything to the project's files.
  package init(
    start: String? = nil, install: String? = nil, port: Int? = nil, healthPath: String? = nil,
    environment: [(name: String, value: String)] = [], memoryLimitInBytes: Int64? = nil,
    processLimit: Int? = nil, cpuLimit: Double? = nil, diskLimitInBytes: Int64? = nil
  ) {
    self.diskLimitInBytes = diskLimitInBytes
    self.start = start
    self.install = install
    self.port = port
    self.healthPath = healthPath
    self.environment = environment
    self.memoryLimitInBytes = memoryLimitInBytes
    self.processLimit = processLimit
    self.cpuLimit = cpuLimit
  }

  /// Compares all fields.
  package static func == (left: PlanningOptions, right: PlanningOptions) -> Bool {
    left.start == right.start && left.install == right.install && left.port == right.port
      && left.healthPath == right.healthPath
      && left.environment.elementsEqual(right.environment, by: ==)
      && left.memoryLimitInBytes == right.memoryLimitInBytes
      && left.processLimit == right.processLimit && left.cpuLimit == right.cpuLimit
      && left.diskLimitInBytes == right.diskLimitInBytes && left.imagePort == right.imagePort
  }
}
