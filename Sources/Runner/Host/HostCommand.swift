import Glibc
import Isolate

/// Runs one of the host's own programs and reads its answer: never anything of a project.
enum HostCommand {
  /// The standard output of a program run in `/`, at most 64 KiB; nil when it fails or takes over ten seconds.
  static func output(_ arguments: [String]) -> String? {
    guard let answer = HostHelper.ask(arguments, timeLimitMilliseconds: 10_000), answer.status == 0 else {
      return nil
    }
    return String(decoding: answer.output, as: UTF8.self)
  }
}

/// Time that never jumps, for durations and deadlines.
enum Clock {
  /// Milliseconds of CLOCK_MONOTONIC.
  static func milliseconds() -> Int {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
  }

  /// Seconds since 1970.
  static func seconds() -> Double {
    var now = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
  }
}
