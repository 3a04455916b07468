import Glibc
import Isolate

/// `isolate events`: prints a container's counters as JSON, once or again and again, and that memory ran out.
struct EventsCommand {
  private var isOnce = false
  /// In milliseconds.
  private var interval = 5000
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    var found: [String] = []
    while let argument = arguments.next() {
      if let flag = try arguments.flag("--stats", at: argument) {
        isOnce = flag
      } else if let value = try arguments.value(of: "--interval", at: argument) {
        guard let duration = Self.milliseconds(value), (1...86_400_000).contains(duration) else {
          throw UsageError("events: --interval \(value) is no time from 1ms to 24h, such as 5s or 1m30s")
        }
        interval = duration
      } else if arguments.isFlag(argument) {
        throw UsageError("events: unknown flag \"\(argument)\"")
      } else {
        found.append(argument)
      }
    }
    identifier = try Arguments.identifier(found, verb: "events")
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    let store = try invocation.store()
    let statistics = CgroupStatistics(path: try Lifecycle(store: store).cgroupPath(of: identifier))
    if isOnce {
      try report("stats", statistics.json)
      return 0
    }
    let record = try store.load(identifier)
    var kills = statistics.outOfMemoryKills
    var left = 0
    // A look each second: the end of the container and the killer's work are seen soon, whatever the interval.
    while store.status(of: record) != .stopped {
      let now = statistics.outOfMemoryKills
      if now > kills { try report("oom", nil) }
      kills = max(now, kills)
      if left <= 0 {
        try report("stats", statistics.json)
        left = interval
      }
      let step = min(left, 1000)
      usleep(UInt32(step) * 1000)
      left -= step
    }
    // The one that ended it.
    if statistics.outOfMemoryKills > kills { try report("oom", nil) }
    return 0
  }

  /// Seconds, or numbers with units as "1m30s" and "500ms"; nil when it is neither.
  static func milliseconds(_ text: String) -> Int? {
    if let seconds = Int(text) { return seconds.multipliedReportingOverflow(by: 1000).partialValue }
    guard let total = GoDuration.milliseconds(text) else { return nil }
    return total > 0 && total < 1e12 ? Int(total.rounded(.up)) : nil
  }

  private func report(_ type: String, _ data: JSONValue?) throws(SystemError) {
    var members: [(key: String, value: JSONValue)] = [("type", .string(type)), ("id", .string(identifier))]
    if let data { members.append(("data", data)) }
    try StandardStream.print(JSONWriter.compact(.object(members)) + "\n")
  }
}
