import Foundation
public import Glibc
import Synchronization

/// A program that was started by ``Program/start(_:_:)``, in a session and process group of its own.
///
/// At its time limit its process group is killed. A test that may leave earlier says
/// `defer { program.signal(SIGKILL, group: true) }`.
public final class RunningProgram: Sendable {
  /// The program's process id.
  public let processID: pid_t

  private let command: [String]
  private let output: CaptureFile
  private let errorOutput: CaptureFile
  private let started = ContinuousClock.now
  private let state = Mutex(State())
  private let timeLimit: Duration

  private struct State {
    var ended: (waitStatus: Int32, after: Duration)?
    var timedOut = false
    var waiters: [CheckedContinuation<Void, Never>] = []
  }

  init(path: String, arguments: [String], circumstances: Program.Circumstances) throws {
    command = [path] + arguments
    timeLimit = circumstances.timeLimit
    let input = try CaptureFile(contents: circumstances.standardInput)
    output = try CaptureFile()
    errorOutput = try CaptureFile()
    processID = try Self.spawn(
      command, environment: circumstances.effectiveEnvironment, directory: circumstances.directory,
      descriptors: [input.descriptor, output.descriptor, errorOutput.descriptor])
    Thread.detachNewThread { [self] in
      var status: Int32 = 0
      // The process stays a zombie until `state` is locked, so that `signal` never hits a reused id.
      var info = unsafe siginfo_t()
      while unsafe waitid(P_PID, id_t(processID), &info, WEXITED | WNOWAIT) < 0, errno == EINTR {}
      state.withLock { state in
        while unsafe waitpid(processID, &status, 0) < 0, errno == EINTR {}
        state.ended = (status, ContinuousClock.now - started)
        for waiter in state.waiters { waiter.resume() }
        state.waiters = []
      }
    }
    Thread.detachNewThread { [weak self, timeLimit] in
      let deadline = ContinuousClock.now + timeLimit
      while ContinuousClock.now < deadline {
        usleep(50_000)
        guard let self, !self.hasEnded else { return }
      }
      self?.killForTimeLimit()
    }
  }

  /// Whether the program has ended.
  public var hasEnded: Bool { state.withLock { $0.ended != nil } }

  /// What the program has written to its standard output so far.
  public var outputSoFar: String { String(decoding: output.contents, as: UTF8.self) }

  /// What the program has written to its standard error so far.
  public var errorOutputSoFar: String { String(decoding: errorOutput.contents, as: UTF8.self) }

  /// Sends a signal to the program alone, or with `group` to all of its process group, as Ctrl-C does.
  public func signal(_ number: Int32, group: Bool = false) {
    state.withLock { state in
      guard state.ended == nil else { return }
      _ = kill(group ? -processID : processID, number)
    }
  }

  /// Waits until the program's standard output or standard error holds `text`.
  ///
  /// - Returns: whether it came before the program ended and the limit had passed.
  public func waitForOutput(_ text: String, within limit: Duration = .seconds(300)) async -> Bool {
    let deadline = ContinuousClock.now + limit
    while true {
      let ended = hasEnded
      if outputSoFar.contains(text) || errorOutputSoFar.contains(text) { return true }
      if ended || ContinuousClock.now >= deadline { return false }
      try? await Task.sleep(for: .milliseconds(10))
    }
  }

  /// Waits for the program's end, at most to its time limit, and returns all that it did.
  public func outcome() async -> Outcome {
    await withCheckedContinuation { continuation in
      let ended = state.withLock { state in
        if state.ended == nil { state.waiters.append(continuation) }
        return state.ended != nil
      }
      if ended { continuation.resume() }
    }
    let (ended, timedOut) = state.withLock { ($0.ended, $0.timedOut) }
    let status = ended?.waitStatus ?? 0
    // wait(2): the low seven bits are the signal, the next byte is the exit status.
    let ending: Outcome.Ending =
      status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
    return Outcome(
      command: command, ending: ending, timedOut: timedOut, standardOutput: output.contents,
      standardError: errorOutput.contents, duration: ended?.after ?? .zero)
  }

  private func killForTimeLimit() {
    state.withLock { state in
      guard state.ended == nil else { return }
      state.timedOut = true
      _ = kill(-processID, SIGKILL)
      _ = kill(processID, SIGKILL)
    }
  }

  private static func spawn(
    _ command: [String], environment: [String: String], directory: String?, descriptors: [Int32]
  ) throws -> pid_t {
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    if let directory, let add = unsafe SpawnAction.changeDirectory { _ = unsafe add(&actions, directory) }
    for (target, source) in descriptors.enumerated() {
      unsafe posix_spawn_file_actions_adddup2(&actions, source, Int32(target))
    }
    if let add = unsafe SpawnAction.closeFrom { _ = unsafe add(&actions, Int32(descriptors.count)) }

    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | SpawnAction.newSession)

    let environmentStrings = environment.map { "\($0.key)=\($0.value)" }.sorted()
    var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
    var variables = unsafe environmentStrings.map { unsafe strdup($0) } + [nil]
    defer { unsafe (arguments + variables).forEach { unsafe free($0) } }
    var process: pid_t = 0
    let code = unsafe posix_spawn(&process, command[0], &actions, &attributes, &arguments, &variables)
    guard code == 0 else { throw ProgramError(call: "posix_spawn", path: command[0], code: code) }
    return process
  }
}

/// The parts of posix_spawn(3) that glibc has and that `import Glibc` does not show.
private enum SpawnAction {
  typealias Actions = UnsafeMutablePointer<posix_spawn_file_actions_t>
  typealias ChangeDirectory = @convention(c) (Actions, UnsafePointer<CChar>) -> Int32
  typealias CloseFrom = @convention(c) (Actions, Int32) -> Int32

  /// `POSIX_SPAWN_SETSID`, glibc 2.26.
  static let newSession: Int16 = 0x80

  /// `posix_spawn_file_actions_addchdir_np`, glibc 2.29.
  static var changeDirectory: ChangeDirectory? {
    unsafe unsafeBitCast(dlsym(nil, "posix_spawn_file_actions_addchdir_np"), to: ChangeDirectory?.self)
  }

  /// `posix_spawn_file_actions_addclosefrom_np`, glibc 2.34.
  static var closeFrom: CloseFrom? {
    unsafe unsafeBitCast(dlsym(nil, "posix_spawn_file_actions_addclosefrom_np"), to: CloseFrom?.self)
  }
}

/// An unlinked temporary file that stands in for a standard stream; closed when the last user is gone.
private final class CaptureFile: Sendable {
  let descriptor: Int32

  init(contents: [UInt8] = []) throws {
    let folder = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    var template = Array("\(folder)/capture.XXXXXX".utf8CString)
    descriptor = unsafe mkstemp(&template)
    guard descriptor >= 0 else { throw ProgramError(call: "mkstemp", path: folder, code: errno) }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    // As to a terminal or a pipe: who opens /dev/stdout anew writes at the end, too.
    _ = fcntl(descriptor, F_SETFL, O_APPEND)
    _ = unsafe unlink(template)
    if !contents.isEmpty {
      try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: Data(contents))
      lseek(descriptor, 0, SEEK_SET)
    }
  }

  deinit { close(descriptor) }

  /// All that has been written, read without moving the offset that the program writes at.
  var contents: [UInt8] {
    var result: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe pread(descriptor, &buffer, buffer.count, off_t(result.count))
      guard count > 0 else { return result }
      result.append(contentsOf: buffer[..<count])
    }
  }
}
