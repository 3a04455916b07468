extension RuntimeSpec {
  /// The input and output priority (config.md, "ioPriority"; ioprio_set(2)).
  public struct IOPriority: Sendable, Equatable {
    /// "IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE" or "IOPRIO_CLASS_IDLE".
    public var ioClass: String
    /// 0, the first, to 7.
    public var priority: Int

    /// The word ioprio_set(2) takes.
    var value: UInt64 { UInt64(Self.classes[ioClass] ?? 0) << 13 | UInt64(priority) }

    fileprivate static let classes = ["IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3]
  }

  /// The scheduling policy (config.md, "scheduler"; sched_setattr(2)).
  public struct Scheduler: Sendable, Equatable {
    /// "SCHED_OTHER", "SCHED_FIFO" and their like.
    public var policy: String
    public var nice: Int32 = 0
    public var priority: Int32 = 0
    /// "SCHED_FLAG_RESET_ON_FORK" and its like.
    public var flags: [String] = []
    /// Nanoseconds, for SCHED_DEADLINE.
    public var runtime: UInt64 = 0
    public var deadline: UInt64 = 0
    public var period: UInt64 = 0

    /// Policy, flags, nice, priority, runtime, deadline and period, as ISL_STEP_SCHEDULER takes them.
    var words: [UInt64] {
      [
        UInt64(Self.policies[policy] ?? 0), flags.reduce(0) { $0 | (Self.flagBits[$1] ?? 0) },
        UInt64(UInt32(bitPattern: nice)), UInt64(UInt32(bitPattern: priority)), runtime, deadline, period,
      ]
    }

    fileprivate static let policies = [
      "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5,
      "SCHED_DEADLINE": 6,
    ]
    fileprivate static let flagBits: [String: UInt64] = [
      "SCHED_FLAG_RESET_ON_FORK": 0x01, "SCHED_FLAG_RECLAIM": 0x02, "SCHED_FLAG_DL_OVERRUN": 0x04,
      "SCHED_FLAG_KEEP_POLICY": 0x08, "SCHED_FLAG_KEEP_PARAMS": 0x10, "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
      "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
    ]
  }

  /// The processors of a process that joins, as cpuset(7) lists (config.md, "execCPUAffinity").
  public struct CPUAffinity: Sendable, Equatable {
    /// While the process is made ready; nil leaves the caller's.
    public var initial: CPUSet?
    /// From execve(2) on; nil leaves what the cgroup gives.
    public var final: CPUSet?
  }

  /// The execution domain (config-linux.md, "Personality"; personality(2)).
  public struct Personality: Sendable, Equatable {
    /// "LINUX" or "LINUX32".
    public var domain: String

    /// PER_LINUX or PER_LINUX32.
    var value: UInt64 { domain == "LINUX32" ? 8 : 0 }
  }
}

extension RuntimeSpec.IOPriority {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    ioClass = try decoder.required("class")
    guard Self.classes[ioClass] != nil else {
      throw SpecError(path: "\(decoder.path).class", message: "\"\(ioClass)\" is no class of ioprio_set(2)")
    }
    priority = Int(try decoder.integer("priority") ?? 0)
    guard (0...7).contains(priority) else {
      throw SpecError(path: "\(decoder.path).priority", message: "\(priority) is not between 0 and 7")
    }
  }

  var json: JSONValue {
    .object([("class", .string(ioClass)), ("priority", .integer(Int64(priority)))])
  }
}

extension RuntimeSpec.Scheduler {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    policy = try decoder.required("policy")
    guard Self.policies[policy] != nil else {
      throw SpecError(path: "\(decoder.path).policy", message: "\"\(policy)\" is no policy of sched(7)")
    }
    nice = try Self.number("nice", -20...19, decoder)
    priority = try Self.number("priority", 0...99, decoder)
    flags = try decoder.strings("flags")
    for (index, flag) in flags.enumerated() where Self.flagBits[flag] == nil {
      throw SpecError(
        path: "\(decoder.path).flags[\(index)]", message: "\"\(flag)\" is no flag of sched_setattr(2)")
    }
    runtime = try decoder.unsigned("runtime") ?? 0
    deadline = try decoder.unsigned("deadline") ?? 0
    period = try decoder.unsigned("period") ?? 0
  }

  private static func number(
    _ key: String, _ range: ClosedRange<Int64>, _ decoder: SpecDecoder
  ) throws(SpecError) -> Int32 {
    let number = try decoder.integer(key) ?? 0
    guard range.contains(number) else {
      throw SpecError(
        path: "\(decoder.path).\(key)",
        message: "\(number) is not between \(range.lowerBound) and \(range.upperBound)")
    }
    return Int32(number)
  }

  var json: JSONValue {
    var members = SpecEncoder()
    members.add("policy", .string(policy))
    members.add("nice", .integer(Int64(nice)))
    members.add("priority", .integer(Int64(priority)))
    members.add("flags", strings: flags)
    members.add("runtime", number: runtime)
    members.add("deadline", number: deadline)
    members.add("period", number: period)
    return members.object
  }
}

extension RuntimeSpec.CPUAffinity {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    initial = try Self.set("initial", decoder)
    final = try Self.set("final", decoder)
  }

  private static func set(_ key: String, _ decoder: SpecDecoder) throws(SpecError) -> CPUSet? {
    guard let text = try decoder.label(key) else { return nil }
    guard let set = CPUSet(text) else {
      throw SpecError(path: "\(decoder.path).\(key)", message: "\"\(text)\" is no list such as 0-3,7")
    }
    return set
  }

  var json: JSONValue {
    var members = SpecEncoder()
    members.add("initial", initial.map { .string($0.text) })
    members.add("final", final.map { .string($0.text) })
    return members.object
  }
}

extension RuntimeSpec.Personality {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    domain = try decoder.required("domain")
    guard domain == "LINUX" || domain == "LINUX32" else {
      throw SpecError(path: "\(decoder.path).domain", message: "\"\(domain)\" is neither LINUX nor LINUX32")
    }
    // config-linux.md: no flag has been given a meaning.
    if let flag = try decoder.strings("flags").first {
      throw SpecError(path: "\(decoder.path).flags[0]", message: "\"\(flag)\" is no flag")
    }
  }

  var json: JSONValue { .object([("domain", .string(domain))]) }
}
