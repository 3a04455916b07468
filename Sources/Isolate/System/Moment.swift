import CShims
import Glibc

/// Wall clock time as text, without Foundation.
package enum Moment {
  /// The current time in UTC as RFC 3339 with nanoseconds, as the runtimes' state files have it.
  package static func now() -> String {
    var time = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return text(Int(time.tv_sec), fraction: time.tv_nsec, digits: 9)
  }

  /// Seconds since 1970 in UTC as RFC 3339 with milliseconds; what is before 1970 is 1970.
  package static func text(secondsSince1970 seconds: Double) -> String {
    let milliseconds = Int(max(0, seconds) * 1000)
    return text(milliseconds / 1000, fraction: milliseconds % 1000, digits: 3)
  }

  private static func text(_ time: Int, fraction: Int, digits: Int) -> String {
    // By counting: gmtime_r(3) looks for the local time zone.
    let (days, seconds) = time.quotientAndRemainder(dividingBy: 86400)
    let (year, month, day) = date(daysSinceEpoch: days)
    func padded(_ value: Int, _ width: Int) -> String {
      let digits = String(value)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let date = "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    let clock = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    return "\(date)T\(clock).\(padded(fraction, digits))Z"
  }

  /// The Gregorian date of a day, for days from 1970-01-01 on. Years begin in March, so that leap days end them.
  static func date(daysSinceEpoch days: Int) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468  // since 0000-03-01
    let era = shifted / 146_097  // 400 years
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153  // 0 is March
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }
}
