import Analysis
import CShims
import Formats
import Glibc
import Isolate

/// A health check of an image: a further process in a phase's container, confined as its program is.
final class CommandProbe {
  private static let outputBytes = 4096

  private let command: String
  private let port: Int
  private let timeoutMilliseconds: Int
  private let startedAt = Clock.milliseconds()
  private let output: OwnedDescriptor
  /// Nil when there is no such program.
  private let process: Container?
  private let failure: Int32
  private var written: [UInt8] = []
  private var hasTimedOut = false

  /// Starts the process of `spec`.
  ///
  /// - Throws: `Failure` when it could not be started for another reason than what the image says.
  init(
    _ spec: RuntimeSpec, cgroup: Cgroup?, port: Int, timeoutMilliseconds: Int,
    start: (RuntimeSpec.Process, ContainerOptions) throws(IsolateError) -> Container
  ) throws(Failure) {
    self.port = port
    self.timeoutMilliseconds = timeoutMilliseconds
    guard let process = spec.process else { throw Failure(.internalError, "no process to run") }
    command = ShellWords.join(process.args)
    var ends: [Int32] = [-1, -1]
    guard unsafe isl_pipe(&ends) == 0 else {
      throw Failure(.internalError, "pipe: \(SystemError("pipe", code: errno).reason)")
    }
    output = OwnedDescriptor(owning: ends[0])
    let end = OwnedDescriptor(owning: ends[1])
    let null = OwnedDescriptor(owning: unsafe open("/dev/null", O_RDONLY | O_CLOEXEC))
    _ = fcntl(output.number, F_SETFL, O_NONBLOCK)
    var options = ContainerOptions()
    options.standardInput = null.number
    (options.standardOutput, options.standardError) = (end.number, end.number)
    options.cgroup = cgroup
    let started = try Sandbox.PhaseStartError.started { () throws(Sandbox.PhaseStartError) in
      try IsolateError.caught(try start(process, options)) {
        Sandbox.PhaseStartError.isolate($0)
      }
    }
    switch started {
    case .success(let running): (self.process, failure) = (running, 0)
    case .failure(let error): (self.process, failure) = (nil, error.shellStatus)
    }
    extendLifetime(end)
    extendLifetime(null)
  }

  /// How it ended; nil while it runs. Past its time limit it is killed.
  func result() throws(Failure) -> ProbeAttempt? {
    drain()
    guard let process else { return attempt(exitCode: Int(failure)) }
    let end = try Failure.guarding { () throws(IsolateError) in try process.exitIfEnded() }
    if let end {
      drain()
      if hasTimedOut { return attempt(failure: "took longer than its \(timeoutMilliseconds) ms") }
      return attempt(exitCode: Int(end.shellStatus))
    }
    if !hasTimedOut, Clock.milliseconds() - startedAt > timeoutMilliseconds {
      hasTimedOut = true
      process.signal(SIGKILL)
    }
    return nil
  }

  private func attempt(exitCode: Int? = nil, failure: String? = nil) -> ProbeAttempt {
    ProbeAttempt(
      path: "HEALTHCHECK", port: port, failure: failure,
      durationMilliseconds: Clock.milliseconds() - startedAt,
      bodyExcerpt: written.isEmpty ? nil : String(decoding: written.prefix(512), as: UTF8.self),
      command: command, exitCode: exitCode)
  }

  /// Takes what it wrote, and keeps the beginning.
  private func drain() {
    var chunk = [UInt8](repeating: 0, count: 4096)
    for _ in 0..<16 {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(output.number, $0.baseAddress, $0.count) }
      if count <= 0 { return }
      written += chunk[..<min(count, max(0, Self.outputBytes - written.count))]
    }
  }
}
