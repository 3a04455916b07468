import CShims
package import Formats
import Glibc
import Isolate

/// Whoever follows a build.
package protocol BuildObserver: AnyObject {
  /// What is being done now.
  func step(_ text: String)
  /// Whether to stop.
  var isCancelled: Bool { get }
}

/// A program of the host that is waited for; it ends with all that it has started when this process does, however
/// that comes about.
package struct HostProgram: ~Copyable {
  static let path = "/usr/sbin:/usr/bin:/sbin:/bin"

  /// Where the host has a program of that name, in its system's folders only; nil when it is not installed.
  package static func locate(_ name: String) -> String? {
    path.split(separator: ":").map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
  }

  private let guardian: pid_t
  private let errors: OwnedDescriptor
  /// What the guardian waits for the end of; -1 when it was told.
  private var lifeline: Int32
  private var isEnded = false

  /// How it ended: its exit status, or 128 and the signal; and the last lines it wrote to its standard error.
  struct Ending {
    var status: Int32
    var lines: [String]
  }

  /// Starts the program, its standard output going nowhere; with `ids` in namespaces of its own, as their root.
  /// It is sent SIGTERM `grace` milliseconds before SIGKILL, when that is not 0.
  init(
    _ arguments: [String], _ environment: [String: String], ids: BuildIDs? = nil, grace: Int32 = 0
  ) throws(Failure) {
    let number = unsafe open("/dev/null", O_WRONLY | O_CLOEXEC)
    if number < 0 { throw Failure(image: SystemError("open", "/dev/null", code: errno)) }
    let nowhere = OwnedDescriptor(owning: number)
    let reports = try Self.pipe()
    let life = try Self.pipe()
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    var variables = unsafe environment.sorted { $0.key < $1.key }.map {
      unsafe strdup("\($0.key)=\($0.value)")
    }
    unsafe variables.append(nil)
    let range = ids.map { isl_id_range(user: $0.user, group: $0.group, count: $0.count) }
    let child = unsafe withUnsafePointer(to: range ?? isl_id_range()) { pointer in
      unsafe isl_spawn_guarded(
        &vector, &variables, nowhere.number, reports.writing.number, life.reading.number, life.writing.number,
        range == nil ? nil : pointer, grace)
    }
    unsafe vector.forEach { unsafe free($0) }
    unsafe variables.forEach { unsafe free($0) }
    if child < 0 { throw Failure(image: SystemError("fork", code: -child)) }
    guardian = child
    errors = reports.takeReading()
    lifeline = life.takeWriting().release()
  }

  private struct Pipe: ~Copyable {
    let reading: OwnedDescriptor
    let writing: OwnedDescriptor

    consuming func takeReading() -> OwnedDescriptor { reading }
    consuming func takeWriting() -> OwnedDescriptor { writing }
  }

  private static func pipe() throws(Failure) -> Pipe {
    var ends: [Int32] = [-1, -1]
    guard unsafe isl_pipe(&ends) == 0 else { throw Failure(image: SystemError("pipe", code: errno)) }
    return Pipe(reading: OwnedDescriptor(owning: ends[0]), writing: OwnedDescriptor(owning: ends[1]))
  }

  /// Starts a program that serves as long as this value lives, asked to end then and given `grace` milliseconds.
  package init(serving arguments: [String], grace: Int32) throws(Failure) {
    try self.init(arguments, ["PATH": Self.path], grace: grace)
  }

  /// Runs a program to its end; it is ended when this process dies.
  ///
  /// - Returns: Its exit status, or 128 and the signal, and the last lines of its standard error.
  package static func run(
    _ arguments: [String], environment: [String: String], isCancelled: @escaping () -> Bool
  ) throws(Failure) -> (status: Int32, lines: [String]) {
    var program = try HostProgram(arguments, environment)
    let ending = try program.wait(observer: Cancellation(isCancelled))
    return (ending.status, ending.lines)
  }

  private final class Cancellation: BuildObserver {
    private let asks: () -> Bool
    init(_ asks: @escaping () -> Bool) { self.asks = asks }
    var isCancelled: Bool { asks() }
    func step(_ text: String) {}
  }

  /// What it wrote to its standard error when it has ended by itself; nil as long as it serves.
  package mutating func words() throws(Failure) -> String? {
    var status = unsafe siginfo_t()
    guard unsafe waitid(P_PID, id_t(guardian), &status, WEXITED | WNOHANG | WNOWAIT) == 0,
      unsafe status._sifields._sigchld.si_pid == guardian
    else { return nil }
    return try wait(observer: nil).lines.last ?? "it ended"
  }

  deinit {
    if lifeline >= 0 { close(lifeline) }
    if !isEnded { _ = waitpid(guardian, nil, 0) }
  }

  /// Waits for its end, or ends it when the observer wants to stop.
  mutating func wait(observer: (any BuildObserver)?) throws(Failure) -> Ending {
    var lines: [String] = []
    var rest: [UInt8] = []
    var status: Int32 = 0
    while true {
      var watched = pollfd(fd: errors.number, events: Int16(POLLIN), revents: 0)
      if unsafe poll(&watched, 1, 200) > 0 {
        if !read(&rest) { _ = poll(nil, 0, 20) }
        while let end = rest.firstIndex(where: { $0 == 0x0a || $0 == 0x0d }) {
          note(EntryPath.shown(Array(rest[..<end])), &lines, observer)
          rest.removeSubrange(...end)
        }
      }
      let ended = unsafe waitpid(guardian, &status, WNOHANG)
      if ended == guardian { break }
      if ended < 0, errno != EINTR { throw Failure(image: SystemError("waitpid", code: errno)) }
      if observer?.isCancelled == true, lifeline >= 0 {
        close(lifeline)
        lifeline = -1
      }
    }
    isEnded = true
    while read(&rest) {}
    for line in rest.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }) {
      note(EntryPath.shown(Array(line)), &lines, observer)
    }
    let signal = status & 0x7f
    return Ending(status: signal == 0 ? status >> 8 & 0xff : 128 + signal, lines: lines)
  }

  private static let keptLines = 200

  private func note(_ line: String, _ lines: inout [String], _ observer: (any BuildObserver)?) {
    if line.isEmpty { return }
    lines.append(String(line.prefix(400)))
    if lines.count > Self.keptLines { lines.removeFirst() }
    // mmdebstrap's own words; those on its folders and hooks are for whoever works on it.
    if line.hasPrefix("I: "), line.hasSuffix("..."), !line.contains("/") {
      observer?.step(String(line.dropFirst(3).prefix(70)))
    }
  }

  /// False at the end of what it writes, or when nothing is there.
  private func read(_ bytes: inout [UInt8]) -> Bool {
    var watched = pollfd(fd: errors.number, events: Int16(POLLIN), revents: 0)
    guard unsafe poll(&watched, 1, 0) > 0 else { return false }
    var chunk = [UInt8](repeating: 0, count: 16384)
    let count = unsafe chunk.withUnsafeMutableBytes {
      unsafe Glibc.read(errors.number, $0.baseAddress, $0.count)
    }
    if count > 0 { bytes.append(contentsOf: chunk[..<count]) }
    // A line without an end is cut.
    if bytes.count > 1 << 16 { bytes.append(0x0a) }
    return count > 0
  }
}
