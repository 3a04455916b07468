import Glibc
import Isolate

/// The flags before the verb, as runc and crun have them.
struct Invocation {
  var root: String?
  var logFile: String?
  var logsJSON = false
  var cgroupManager = CgroupManager.filesystem

  /// Takes the global flags and gives the verb; nil when there is none. What came before a mistake stays taken, so
  /// that the mistake too goes to the log.
  mutating func takeFlags(_ arguments: inout Arguments) throws(UsageError) -> String? {
    while let argument = arguments.next() {
      if let value = try arguments.value(of: "--root", at: argument) {
        root = value
      } else if let value = try arguments.value(of: "--log", at: argument) {
        logFile = value
      } else if let value = try arguments.value(of: "--log-format", at: argument) {
        guard value == "text" || value == "json" else { throw UsageError("--log-format is text or json") }
        logsJSON = value == "json"
      } else if try arguments.flag("--debug", at: argument) != nil {
        continue  // there is nothing more to tell
      } else if try arguments.value(of: "--rootless", at: argument) != nil {
        continue  // always as much as it needs to be
      } else if let value = try arguments.value(of: "--cgroup-manager", at: argument) {
        guard let manager = Self.managers[value] else {
          throw UsageError("--cgroup-manager \(value): it is cgroupfs, systemd or disabled")
        }
        cgroupManager = manager
      } else if let flag = try arguments.flag("--systemd-cgroup", at: argument) {
        if flag { cgroupManager = .systemd }
      } else {
        arguments.beginVerb()
        return argument
      }
    }
    return nil
  }

  private static let managers: [String: CgroupManager] = [
    "cgroupfs": .filesystem, "systemd": .systemd, "disabled": .disabled,
  ]

  /// The containers that `--root` names.
  func store() throws(IsolateError) -> ContainerStore {
    let variable = unsafe getenv("XDG_RUNTIME_DIR")
    let directory = unsafe variable.map { unsafe String(cString: $0) }
    return try ContainerStore(root: root, runtimeDirectory: directory)
  }

  /// Makes sure that there is a log to write to, where one was asked for: nothing is to be missing from it later.
  func openLog() throws(SystemError) {
    if let logFile { try Files.write("", to: logFile, flags: O_WRONLY | O_CREAT | O_APPEND) }
  }

  /// Prints an error and appends it to the log file.
  func report(_ message: String) {
    StandardStream.standardError("isolate: \(message)\n")
    log(message, level: "error")
  }

  /// Writes warnings where errors go: to the log file, or for want of one to standard error.
  func warn(_ messages: [String]) {
    for message in messages {
      if logFile == nil { StandardStream.standardError("isolate: warning: \(message)\n") }
      log(message, level: "warning")
    }
  }

  private func log(_ message: String, level: String) {
    guard let logFile else { return }
    let line: String
    if logsJSON {
      let value = JSONValue.object([
        ("level", .string(level)), ("msg", .string(message)), ("time", .string(Moment.now())),
      ])
      line = JSONWriter.line(value) + "\n"
    } else {
      line = "\(Moment.now()) \(level) \(message)\n"
    }
    _ = try? Files.write(line, to: logFile, flags: O_WRONLY | O_CREAT | O_APPEND)
  }
}
