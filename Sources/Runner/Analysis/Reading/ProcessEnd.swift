/// Names for how a process ended.
package enum ProcessEnd {
  /// The signal a process died of, also when a shell reported it as 128 + N.
  static func signal(exitCode: Int?, signal: Int?) -> Int? {
    if let signal { return signal }
    if let exitCode, (129...159).contains(exitCode) { return exitCode - 128 }
    return nil
  }

  /// Says it in words: "exit code 1", "signal 11 (SIGSEGV, invalid memory access)".
  package static func describe(exitCode: Int?, signal: Int?) -> String {
    if let number = self.signal(exitCode: exitCode, signal: signal) {
      let name = names[number].map { " (\($0))" } ?? ""
      return exitCode.map { "exit code \($0): signal \(number)\(name)" } ?? "signal \(number)\(name)"
    }
    guard let exitCode else { return "no exit status" }
    return "exit code \(exitCode)"
  }

  /// The short name of a signal: "SIGSEGV".
  static func name(of signal: Int) -> String {
    names[signal].map { String($0.prefix { $0 != "," }) } ?? "signal \(signal)"
  }

  private static let names = [
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL, illegal instruction or a trap",
    5: "SIGTRAP", 6: "SIGABRT, it gave up itself", 7: "SIGBUS, invalid memory access",
    8: "SIGFPE, arithmetic error", 9: "SIGKILL", 11: "SIGSEGV, invalid memory access", 13: "SIGPIPE",
    15: "SIGTERM", 24: "SIGXCPU", 25: "SIGXFSZ", 31: "SIGSYS, a system call was refused",
  ]
}
