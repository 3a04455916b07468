import CShims
import Glibc
import Isolate

/// What may end a check early: a signal, or its time limit. One per process.
package final class Interruption {
  /// Readable when a signal has come.
  let descriptor: Int32
  /// The read end of a pipe whose write end only this process has: it hangs up when we die.
  let lifeline: Int32
  private let lifelineEnd: Int32
  private let deadline: Int?
  private var signal: Int32?

  /// Blocks SIGINT, SIGTERM and SIGHUP in the calling thread and all it makes from now on.
  ///
  /// `timeoutMilliseconds` is the overall limit; nil is none. With `watchesTerminal` SIGWINCH is blocked and told too.
  package init(timeoutMilliseconds: Int?, watchesTerminal: Bool = false) throws(RunnerError) {
    let signals: [Int32] = [SIGINT, SIGTERM, SIGHUP] + (watchesTerminal ? [SIGWINCH] : [])
    descriptor = unsafe isl_signalfd(signals, Int32(signals.count))
    var ends: [Int32] = [-1, -1]
    guard descriptor >= 0, unsafe isl_pipe(&ends) == 0 else {
      throw RunnerError(.internalError, "signalfd: \(SystemError("signalfd", code: errno).reason)")
    }
    lifeline = ends[0]
    lifelineEnd = ends[1]
    deadline = timeoutMilliseconds.map { Clock.milliseconds() + $0 }
    _ = Glibc.signal(SIGPIPE, SIG_IGN)
  }

  deinit {
    for number in [descriptor, lifeline, lifelineEnd] { _ = close(number) }
  }

  /// Whether a signal asked us to stop.
  package var isRequested: Bool {
    while true {
      let number = isl_signalfd_read(descriptor)
      if number <= 0 { return signal != nil }
      signal = number
    }
  }

  /// Whether the overall limit has passed.
  var isPastDeadline: Bool { deadline.map { Clock.milliseconds() >= $0 } ?? false }

  /// Fails when a signal has come or the time is over; for work between phases.
  func check() throws(RunnerError) {
    if isRequested { throw RunnerError(.interrupted, "interrupted") }
  }
}
