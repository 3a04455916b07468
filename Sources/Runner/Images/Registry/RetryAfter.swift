import FoundationEssentials

/// The header Retry-After (RFC 9110, 10.2.3): seconds, or a date.
package enum RetryAfter {
  /// How many seconds to wait, never less than none; nil when the header is absent or makes no sense.
  package static func seconds(_ header: String?) -> Int? { seconds(header, now: Date()) }

  /// The same at a moment.
  static func seconds(_ header: String?, now: Date) -> Int? {
    guard let header else { return nil }
    let text = header.filter { $0 != " " }
    if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) { return Int(text) ?? .max }
    // "Wed, 21 Oct 2015 07:28:00 GMT"; the two older forms are no longer made.
    let parts = header.split { " ,:".contains($0) }
    guard parts.count == 8, parts[7] == "GMT", let day = Int(parts[1]), let year = Int(parts[3]),
      let month = months.firstIndex(of: String(parts[2])), let hour = Int(parts[4]),
      let minute = Int(parts[5]), let second = Int(parts[6])
    else { return nil }
    var components = DateComponents()
    (components.year, components.month, components.day) = (year, month + 1, day)
    (components.hour, components.minute, components.second) = (hour, minute, second)
    components.timeZone = .gmt
    guard let date = Calendar(identifier: .gregorian).date(from: components) else { return nil }
    let wait = date.timeIntervalSince(now).rounded(.up)
    return wait <= 0 ? 0 : wait < 1e9 ? Int(wait) : .max
  }

  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]
}
