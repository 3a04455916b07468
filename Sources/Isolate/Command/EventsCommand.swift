import Glibc
import Isolate

/// `isolate events`: prints a container's counters as JSON, once or again and again, and that memory ran out.
struct EventsCommand {
  private var isOnce = false
  private var seconds = 5
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    var found: [String] = []
    while let argument = arguments.next() {
      if argument == "--stats" {
        isOnce = true
      } else if let value = try arguments.value(of: "--interval", at: argument) {
        guard let number = Int(value.hasSuffix("s") ? String(value.dropLast()) : value),
          (1...86_400).contains(number)
        else { throw UsageError("events: --interval \(value) is not a number of seconds, such as 5s") }
        seconds = number
      } else if argument.hasPrefix("-") {
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
      report("stats", statistics.json)
      return 0
    }
    let record = try store.load(identifier)
    var kills = statistics.outOfMemoryKills
    var passed = 0
    // A look each second: the end of the container and the killer's work are seen soon, whatever the interval.
    while store.status(of: record) != .stopped {
      let now = statistics.outOfMemoryKills
      if now > kills { report("oom", nil) }
      kills = max(now, kills)
      if passed % seconds == 0 { report("stats", statistics.json) }
      sleep(1)
      passed += 1
    }
    return 0
  }

  private func report(_ type: String, _ data: JSONValue?) {
    var members: [(key: String, value: JSONValue)] = [("type", .string(type)), ("id", .string(identifier))]
    if let data { members.append(("data", data)) }
    StandardStream.standardOutput(JSONWriter.line(.object(members)) + "\n")
  }
}
