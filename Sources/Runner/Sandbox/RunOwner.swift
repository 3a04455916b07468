import Glibc
import Isolate

/// The process that a run's folder belongs to, noted in it.
///
/// What such a process starts, as fuse-overlayfs and its guardian, inherits the run's lock and may outlive it for a
/// moment.
/// So a lock that is held says that somebody lives; this says whether it is the process itself.
enum RunOwner {
  private static func file(_ run: String) -> String { "\(run)/owner" }

  /// Notes the calling process.
  static func note(in run: String) throws(SystemError) {
    guard let own = ProcessIdentity(of: getpid()), let namespace = Files.link("/proc/self/ns/pid") else {
      return
    }
    let text = "\(own.processID) \(own.startTime) \(namespace)\n"
    try Files.write(text, to: file(run), flags: O_WRONLY | O_CREAT | O_TRUNC)
  }

  /// Whether the process has ended, or ends as soon as it gets a processor (signal(7), SIGKILL). False where that
  /// cannot be known, as for one of another PID namespace.
  static func isGone(_ run: String) -> Bool {
    let words = (Files.text(file(run)) ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    guard words.count == 3, let number = Int32(words[0]), let startTime = UInt64(words[1]), number > 0,
      words[2] == Files.link("/proc/self/ns/pid")
    else { return false }
    guard let now = ProcessIdentity(of: number) else {
      // Not when it could not be looked at, as without a descriptor to do so.
      return kill(number, 0) != 0 && errno == ESRCH
    }
    return now.startTime != startTime || !now.isRunning || isKilled(number)
  }

  /// Whether SIGKILL has been sent to it and is still to be received (proc_pid_status(5), SigPnd and ShdPnd).
  private static func isKilled(_ number: Int32) -> Bool {
    for line in (Files.text("/proc/\(number)/status") ?? "").split(separator: "\n") {
      guard line.hasPrefix("SigPnd:") || line.hasPrefix("ShdPnd:") else { continue }
      let mask = line.dropFirst(7).drop { $0.isWhitespace }
      if (UInt64(mask, radix: 16) ?? 0) >> UInt64(SIGKILL - 1) & 1 == 1 { return true }
    }
    return false
  }
}
