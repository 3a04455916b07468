/// The counters of a cgroup as one document, of the shape that `runc events` prints.
public struct CgroupStatistics: Sendable {
  private let path: String

  /// Reads the counters of the cgroup in a directory; what the kernel does not count is left out or 0.
  public init(path: String) { self.path = path }

  /// Processor time is in nanoseconds, memory in bytes, pressure in percent and microseconds.
  public var json: JSONValue {
    .object([("cpu", processor), ("memory", memory), ("pids", processes), ("blkio", blockIO)])
  }

  /// How often the out-of-memory killer took a process (memory.events, oom_kill).
  public var outOfMemoryKills: UInt64 { fields("memory.events")["oom_kill"] ?? 0 }

  /// How often a fork was refused for the limit of processes (pids.events, max).
  public var refusedForks: UInt64 { fields("pids.events")["max"] ?? 0 }

  /// What is in use now and the most that ever was (memory.current; memory.peak, Linux 5.19); nil without that
  /// controller or counter.
  public var memoryInBytes: UInt64? { number("memory.current") }
  public var memoryPeakInBytes: UInt64? { number("memory.peak") }

  /// How many processes there are and the most there were (pids.current; pids.peak, Linux 6.1).
  public var processCount: UInt64? { number("pids.current") }
  public var processCountPeak: UInt64? { number("pids.peak") }

  /// Processor time used (cpu.stat).
  public var cpuMicroseconds: UInt64? { fields("cpu.stat")["usage_usec"] }

  private func number(_ file: String) -> UInt64? {
    Files.text("\(path)/\(file)").flatMap { UInt64($0.split(separator: "\n").first ?? "") }
  }

  private func fields(_ file: String) -> [Substring: UInt64] {
    var found: [Substring: UInt64] = [:]
    for line in (Files.text("\(path)/\(file)") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      if words.count == 2 { found[words[0]] = UInt64(words[1]) }
    }
    return found
  }

  private func value(_ number: UInt64?) -> JSONValue { .unsigned(number ?? 0) }

  private var processor: JSONValue {
    let fields = fields("cpu.stat")
    func nanoseconds(_ name: Substring) -> JSONValue { value(fields[name].map { $0 &* 1000 }) }
    return .object([
      (
        "usage",
        .object([
          ("total", nanoseconds("usage_usec")), ("kernel", nanoseconds("system_usec")),
          ("user", nanoseconds("user_usec")),
        ])
      ),
      (
        "throttling",
        .object([
          ("periods", value(fields["nr_periods"])), ("throttledPeriods", value(fields["nr_throttled"])),
          ("throttledTime", nanoseconds("throttled_usec")),
        ])
      ), ("psi", pressure("cpu.pressure")),
    ])
  }

  private var memory: JSONValue {
    let raw = fields("memory.stat").sorted { $0.key < $1.key }
    let limit = number("memory.max") ?? UInt64.max
    return .object([
      (
        "usage",
        .object([
          ("limit", .unsigned(limit)), ("usage", value(number("memory.current"))),
          ("max", value(number("memory.peak"))), ("failcnt", value(fields("memory.events")["max"])),
        ])
      ),
      (
        "swap",
        .object([
          ("limit", .unsigned(number("memory.swap.max") ?? UInt64.max)),
          ("usage", value(number("memory.swap.current"))),
        ])
      ), ("psi", pressure("memory.pressure")),
      ("raw", .object(raw.map { (key: String($0.key), value: .unsigned($0.value)) })),
    ])
  }

  private var processes: JSONValue {
    var members: [(key: String, value: JSONValue)] = [
      ("current", value(processCount)), ("limit", value(number("pids.max"))),
      ("failcnt", value(refusedForks)),
    ]
    if let processCountPeak { members.append(("max", .unsigned(processCountPeak))) }
    return .object(members)
  }

  private var blockIO: JSONValue {
    var entries: [JSONValue] = []
    for line in (Files.text("\(path)/io.stat") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      let device = (words.first ?? "").split(separator: ":").compactMap { UInt64($0) }
      guard device.count == 2 else { continue }
      for word in words.dropFirst() {
        let parts = word.split(separator: "=")
        guard parts.count == 2, let operation = ["rbytes": "Read", "wbytes": "Write"][parts[0]] else {
          continue
        }
        entries.append(
          .object([
            ("major", .unsigned(device[0])), ("minor", .unsigned(device[1])), ("op", .string(operation)),
            ("value", value(UInt64(parts[1]))),
          ]))
      }
    }
    return .object([("ioServiceBytesRecursive", .array(entries)), ("psi", pressure("io.pressure"))])
  }

  /// The lines of a pressure file (kernel psi.rst): shares of time in percent, the total in microseconds.
  private func pressure(_ file: String) -> JSONValue {
    var kinds: [(key: String, value: JSONValue)] = []
    for line in (Files.text("\(path)/\(file)") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      var members: [(key: String, value: JSONValue)] = []
      for word in words.dropFirst() {
        let parts = word.split(separator: "=")
        guard parts.count == 2 else { continue }
        members.append(
          (String(parts[0]), UInt64(parts[1]).map { .unsigned($0) } ?? .string(String(parts[1]))))
      }
      if let kind = words.first { kinds.append((String(kind), .object(members))) }
    }
    return .object(kinds)
  }
}
