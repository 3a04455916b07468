import CShims
package import Formats
import Glibc
import Images
import Isolate

/// What may end a check early: a signal, or its time limit. One per process.
package final class Interruption {
  /// Readable when a signal has come.
  package let descriptor: Int32
  /// The read end of a pipe whose write end only this process has: it hangs up when we die.
  package let lifeline: Int32
  private let lifelineEnd: Int32
  private var deadline: Int?
  private let began = Clock.milliseconds()
  private var signal: Int32?

  private static let signals: [Int32] = [SIGINT, SIGTERM, SIGHUP]

  /// Blocks SIGINT, SIGTERM and SIGHUP in the calling thread and all it makes from now on.
  ///
  /// `timeoutMilliseconds` is the overall limit; nil is none. With `watchesTerminal` SIGWINCH is blocked and told too.
  package init(timeoutMilliseconds: Int?, watchesTerminal: Bool = false) throws(Failure) {
    let signals = Self.signals + (watchesTerminal ? [SIGWINCH] : [])
    descriptor = unsafe isl_signalfd(signals, Int32(signals.count))
    var ends: [Int32] = [-1, -1]
    guard descriptor >= 0, unsafe isl_pipe(&ends) == 0 else {
      throw Failure(.internalError, "signalfd: \(SystemError("signalfd", code: errno).reason)")
    }
    lifeline = ends[0]
    lifelineEnd = ends[1]
    deadline = timeoutMilliseconds.map { Clock.milliseconds() + $0 }
    _ = Glibc.signal(SIGPIPE, SIG_IGN)
  }

  deinit {
    for number in [descriptor, lifeline, lifelineEnd] { _ = close(number) }
  }

  /// Sets the overall limit anew, counted from the beginning.
  package func limit(milliseconds: Int?) { deadline = milliseconds.map { began + $0 } }

  /// Whether a signal asked us to stop.
  package var isRequested: Bool {
    while true {
      let number = isl_signalfd_read(descriptor)
      if number <= 0 { return signal != nil }
      signal = number
    }
  }

  /// Whether the overall limit has passed.
  package var isPastDeadline: Bool { deadline.map { Clock.milliseconds() >= $0 } ?? false }

  static let requested = Failure(.interrupted, "interrupted")
  package static let timeLimit = Failure(
    .timeLimit, "the check took longer than its time limit",
    remedy: "raise it with --timeout, for example --timeout 20m")

  /// Fails when a signal has come or the time is over; for work between phases.
  package func check() throws(Failure) {
    if isRequested { throw Self.requested }
    if isPastDeadline { throw Self.timeLimit }
  }

  /// Whether a signal has come or the time is over.
  package var isDue: Bool { isRequested || isPastDeadline }

  /// Carries out work that does not look at this by itself: `ending` is called in a thread of its own when a signal
  /// comes or the time is over meanwhile, and ends the process.
  package func watching<Result>(
    _ body: () throws(Failure) -> Result, ending: @escaping @Sendable (Failure) -> Never
  ) throws(Failure) -> Result {
    var ends: [Int32] = [-1, -1]
    guard unsafe isl_pipe(&ends) == 0 else { throw Failure(image: SystemError("pipe", code: errno)) }
    // Of its own: a terminal that changes its size ends nothing.
    let number = unsafe isl_signalfd(Self.signals, Int32(Self.signals.count))
    if number < 0 { throw Failure(image: SystemError("signalfd", code: errno)) }
    let signals = OwnedDescriptor(owning: number)
    let reading = OwnedDescriptor(owning: ends[0])
    let writing = OwnedDescriptor(owning: ends[1])
    let (descriptor, ended, deadline) = (signals.number, reading.number, deadline)
    let watcher = try Failure.guarding(.ofImages) { () throws(SystemError) in
      try JoinedThread {
        while true {
          let left = deadline.map { max($0 - Clock.milliseconds(), 0) } ?? -1
          var watched = [
            pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0),
            pollfd(fd: ended, events: Int16(POLLIN), revents: 0),
          ]
          let count = unsafe poll(&watched, 2, Int32(clamping: left))
          if watched[1].revents != 0 { return }
          // The signal itself is left for whoever asks next.
          if watched[0].revents != 0 { ending(Self.requested) }
          if count == 0 { ending(Self.timeLimit) }
        }
      }
    }
    defer {
      _ = unsafe write(writing.number, [0 as UInt8], 1)
      watcher.join()
    }
    return try body()
  }
}
