import CShims
import Glibc

/// A container that is made up to its payload and waits to be told what to run: for callers to whom the time from a
/// request to the payload's first instruction matters.
///
/// It is for one payload. One that is not started, or whose owner is killed, ends and leaves nothing.
public struct PreparedContainer: ~Copyable, Sendable {
  /// What a prepared container runs. All else, the process's user and rights among it, was said when it was made.
  public struct Payload: Sendable {
    /// The program and its arguments.
    public var arguments: [String]
    /// Its whole environment, `NAME=value`; nil leaves that of the specification.
    public var environment: [String]?
    /// Its working directory, an absolute path that is there; nil leaves that of the specification.
    public var workingDirectory: String?
    /// Descriptors that become its 0, 1 and 2; nil leaves those that the container was made with.
    public var standardInput: Int32?
    public var standardOutput: Int32?
    public var standardError: Int32?

    public init(_ arguments: [String]) { self.arguments = arguments }
  }

  /// The waiting process's id in the caller's PID namespace, which is the payload's later.
  public let processID: Int32
  private var begun: Container.Begun?

  /// Makes a container as `Container.start` does and stops before its process. `process.args` of the specification
  /// stands for what is named later.
  ///
  /// - Throws: `IsolateError`, also for a specification with a terminal, which is the payload's; nothing is left then.
  public init(
    _ spec: RuntimeSpec, bundle: String, options: ContainerOptions = ContainerOptions()
  ) throws(IsolateError) {
    guard spec.process?.terminal != true else {
      throw .specification(
        SpecError(path: "process.terminal", message: "is not for a container that is prepared"))
    }
    var options = options
    options.waitsForPayload = true
    self.init(try Container.begin(spec, bundle: bundle, options: options, ContainerLauncher.Callbacks()))
  }

  init(_ begun: Container.Begun) {
    processID = begun.launched.result.pid
    self.begun = begun
  }

  deinit {
    guard var launched = begun?.launched else { return }
    ContainerLauncher.abandon(&launched)
  }

  /// Starts the payload.
  ///
  /// - Throws: `IsolateError` when the payload is no valid one, its program cannot be executed, or the container has
  ///   ended; nothing is left of the container then.
  public consuming func start(_ payload: Payload) throws(IsolateError) -> Container {
    guard let begun, var process = begun.spec.process else {
      throw Surroundings.lostProcess
    }
    process.args = payload.arguments
    if let environment = payload.environment { process.env = environment }
    if let directory = payload.workingDirectory { process.cwd = directory }
    let plan: [UInt8]
    var builder = LaunchPlanBuilder(spec: begun.spec, process: process, bundle: "/", options: begun.options)
    do {
      try SpecValidator.process(process, spec: begun.spec)
      plan = try builder.buildAdopted(seccomp: begun.seccomp)
    } catch { throw .specification(error) }
    let streams = [payload.standardInput, payload.standardOutput, payload.standardError].map { $0 ?? -1 }
    self.begun = nil
    var started = begun
    try ContainerLauncher.adopt(
      &started.launched, plan: plan, subjects: builder.subjects, streams: streams)
    return Container(started)
  }

  /// Whether its process still waits.
  var isWaiting: Bool {
    guard let begun else { return false }
    var end = isl_exit()
    return unsafe isl_wait(begun.launched.result.pidfd, 0, &end) == 0
  }

  /// What waits, for whoever keeps it instead.
  consuming func release() -> Container.Begun? {
    let begun = self.begun
    self.begun = nil
    return begun
  }
}
