import CShims
import Glibc

/// A process, told apart from a later one with the same number by the time it was started.
public struct ProcessIdentity: Sendable, Equatable {
  /// In the caller's PID namespace.
  public var processID: Int32
  /// Clock ticks since boot (proc(5), /proc/PID/stat, field 22).
  public var startTime: UInt64

  /// The identity of a live process, or nil when there is none.
  public init?(of processID: Int32) {
    guard let (_, startTime) = Self.status(of: processID) else { return nil }
    self.processID = processID
    self.startTime = startTime
  }

  /// The identity of a process that was started between two readings of `now`. The kernel counts in ticks of 1/100 s:
  /// where both are in one tick, that is it, and nothing has to be asked.
  init?(of processID: Int32, startedAfter begin: UInt64, andBefore end: UInt64) {
    let (first, last) = (Self.ticks(begin), Self.ticks(end))
    guard first != last else {
      self.init(processID: processID, startTime: first)
      return
    }
    self.init(of: processID)
  }

  /// Nanoseconds since boot, as the caller's time namespace counts them (clock_gettime(2), CLOCK_BOOTTIME).
  static func now() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_BOOTTIME, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  /// USER_HZ is 100 on every architecture that there is a runtime for (sysconf(3), _SC_CLK_TCK).
  private static func ticks(_ nanoseconds: UInt64) -> UInt64 { nanoseconds / 10_000_000 }

  init(processID: Int32, startTime: UInt64) {
    self.processID = processID
    self.startTime = startTime
  }

  /// Whether it still runs: neither gone, nor a zombie, nor replaced by another.
  public var isRunning: Bool {
    guard let (state, startTime) = Self.status(of: processID) else { return false }
    return startTime == self.startTime && !Self.isEnd(state)
  }

  private static func isEnd(_ state: Unicode.Scalar) -> Bool { state == "Z" || state == "X" }

  /// A descriptor of exactly this process (isl_open_process), or nil when it is gone; with `onlyRunning` also when it
  /// is a zombie.
  func open(onlyRunning: Bool = false) -> OwnedDescriptor? {
    let number = isl_open_process(processID)
    guard number >= 0 else { return nil }
    let descriptor = OwnedDescriptor(owning: number)
    // Checked after opening: from here on the number cannot come to mean another.
    guard let (state, startTime) = Self.status(of: processID), startTime == self.startTime,
      !onlyRunning || !Self.isEnd(state)
    else { return nil }
    return descriptor
  }

  private static func status(of processID: Int32) -> (state: Unicode.Scalar, startTime: UInt64)? {
    guard let bytes = try? Files.read("/proc/\(processID)/stat", endsAtShortRead: true),
      // The name between the parentheses may hold anything, so fields are counted from behind it: it is field 2.
      var at = bytes.lastIndex(of: UInt8(ascii: ")"))
    else { return nil }
    var (field, state, startTime) = (2, UInt8(0), UInt64?.none)
    at += 1
    while at < bytes.count, field <= 22 {
      if bytes[at] == UInt8(ascii: " ") {
        field += 1
      } else if field == 3 {
        state = bytes[at]
      } else if field == 22 {
        guard bytes[at] >= UInt8(ascii: "0"), bytes[at] <= UInt8(ascii: "9") else { return nil }
        startTime = (startTime ?? 0) &* 10 &+ UInt64(bytes[at] - UInt8(ascii: "0"))
      }
      at += 1
    }
    return startTime.map { (Unicode.Scalar(state), $0) }
  }
}
