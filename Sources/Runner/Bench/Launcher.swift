import CBench
import CShims
import Formats
import Glibc
import Isolate

/// Starts programs, takes the time, and ends what is left of them.
final class Launcher {
  /// What a program did.
  struct Run {
    /// CLOCK_MONOTONIC in nanoseconds: just before it was started, and when its end was known.
    var started: Int64
    var ended: Int64
    /// Its exit status, or 128 and a signal's number.
    var status: Int32
    var output: [UInt8]
    var errors: String

    var milliseconds: Double { Double(ended - started) / 1e6 }
    /// The first line of an error that says something.
    var reason: String {
      let lines = errors.split(separator: "\n").filter { !$0.contains("level=warning") }
      return lines.first.map { String(Self.message(in: $0).prefix(200)) } ?? "it ended with status \(status)"
    }

    /// What stands in a line of Go's logs, which is `time="..." level=error msg="..."`.
    private static func message(in line: Substring) -> Substring {
      guard let begin = line.firstRange(of: "msg=\"")?.upperBound else { return line }
      var message = line[begin...]
      for end in ["\"", "\\n"] where message.hasSuffix(end) { message = message.dropLast(end.count) }
      return message
    }
  }

  /// Longer than that nothing may take.
  static let limitInMilliseconds: Int32 = 30_000

  /// Readable when a signal asked for the end.
  let stop: Int32
  private let output: OwnedDescriptor
  private let errors: OwnedDescriptor

  /// Blocks SIGINT, SIGTERM and SIGHUP.
  init() throws(Failure) {
    let signals: [Int32] = [SIGINT, SIGTERM, SIGHUP]
    stop = unsafe isl_signalfd(signals, Int32(signals.count))
    let (out, err) = unsafe (isl_memfd("output"), isl_memfd("errors"))
    output = OwnedDescriptor(owning: out)
    errors = OwnedDescriptor(owning: err)
    for (call, code) in [("signalfd", stop), ("memfd_create", out), ("memfd_create", err)]
    where code < 0 { throw Failure(bench: SystemError(call, code: -code)) }
    _ = Glibc.signal(SIGPIPE, SIG_IGN)
  }

  /// From now on every process whose parent ends is a child of this one.
  func adoptOrphans() throws(Failure) {
    let result = ben_adopt_orphans()
    if result < 0 { throw Failure(bench: SystemError("prctl", code: -result)) }
  }

  deinit { if stop >= 0 { close(stop) } }

  /// Fails when a signal has come.
  func check() throws(Failure) {
    var watched = pollfd(fd: stop, events: Int16(POLLIN), revents: 0)
    if unsafe poll(&watched, 1, 0) > 0 { throw Self.interrupted }
  }

  private static let interrupted = Failure(.interrupted, "interrupted")

  /// Runs a program to its end.
  func run(_ command: [String], _ environment: [String]) throws(Failure) -> Run {
    var process = try start(command, environment, captures: true)
    var ending = ben_ending()
    let result = unsafe ben_await(&process, stop, Self.limitInMilliseconds, &ending)
    if result != 1 {
      unsafe ben_kill(&process)
      if result == -EINTR { throw Self.interrupted }
    }
    let text = String(decoding: contents(of: errors.number), as: UTF8.self)
    if result != 1 {
      return Run(
        started: process.started, ended: ben_now(), status: 124, output: [],
        errors: "no end after \(Self.limitInMilliseconds / 1000) s")
    }
    return Run(
      started: process.started, ended: ending.ended, status: ending.status,
      output: contents(of: output.number), errors: text)
  }

  /// Starts a program and leaves it running; with `captures`, what it writes is kept, for one at a time.
  func start(
    _ command: [String], _ environment: [String], captures: Bool = false
  ) throws(Failure) -> ben_process {
    if captures { for file in [output.number, errors.number] { rewind(file) } }
    var process = ben_process()
    let result = unsafe withVectors(command, environment) { arguments, variables in
      unsafe ben_spawn(
        arguments, variables, captures ? output.number : -1, captures ? errors.number : -1, &process)
    }
    if result < 0 { throw Failure(bench: SystemError("posix_spawn", command.first ?? "", code: -result)) }
    return process
  }

  /// What a program asked the kernel for until the file at `payload` was executed.
  func countCalls(
    _ command: [String], _ environment: [String], until payload: String
  ) throws(Failure) -> (trace: ben_trace, failure: String?) {
    var information = stat()
    _ = unsafe stat(payload, &information)
    for file in [output.number, errors.number] { rewind(file) }
    var trace = ben_trace()
    let result = unsafe withVectors(command, environment) { arguments, variables in
      unsafe ben_count_calls(
        arguments, variables, output.number, errors.number, UInt64(information.st_dev),
        UInt64(information.st_ino), stop, Self.limitInMilliseconds, &trace)
    }
    if result == -EINTR { throw Self.interrupted }
    if result < 0 { return (trace, "ptrace: \(SystemError("ptrace", code: -result).reason)") }
    if trace.reached == 0 {
      let run = Run(
        started: 0, ended: 0, status: trace.status, output: [],
        errors: String(decoding: contents(of: errors.number), as: UTF8.self))
      return (trace, "under ptrace(2): \(run.reason)")
    }
    return (trace, nil)
  }

  private func withVectors(
    _ command: [String], _ environment: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>, UnsafePointer<UnsafeMutablePointer<CChar>?>) ->
      Int32
  ) -> Int32 {
    var arguments = unsafe command.map { unsafe strdup($0) }
    var variables = unsafe environment.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    unsafe variables.append(nil)
    defer {
      unsafe arguments.forEach { unsafe free($0) }
      unsafe variables.forEach { unsafe free($0) }
    }
    return unsafe body(&arguments, &variables)
  }

  private func rewind(_ file: Int32) {
    _ = ftruncate(file, 0)
    _ = lseek(file, 0, SEEK_SET)
  }

  private func contents(of file: Int32) -> [UInt8] {
    var information = stat()
    guard unsafe fstat(file, &information) == 0, information.st_size > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: min(Int(information.st_size), 1 << 20))
    let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(file, $0.baseAddress, $0.count, 0) }
    return Array(bytes.prefix(max(0, count)))
  }
}
