import Isolate

/// `isolate update`: gives a container other limits.
struct UpdateCommand {
  private var changes = RuntimeSpec.Resources()
  private var shares = RuntimeSpec.IntelRdt()
  private var resourcesFile: String?
  /// Whether a flag that is known was given, if only with a 0 that changes nothing.
  private var isAsked = false
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    var found: [String] = []
    var changes = RuntimeSpec.Resources()
    while let argument = arguments.next() {
      if let value = try arguments.value(of: "--resources", "-r", at: argument) {
        resourcesFile = value
      } else if let value = try arguments.value(of: "--l3-cache-schema", at: argument) {
        shares.l3CacheSchema = value
      } else if let value = try arguments.value(of: "--mem-bw-schema", at: argument) {
        shares.memBwSchema = value
      } else if arguments.isFlag(argument) {
        try Self.option(argument, &arguments, &changes)
        isAsked = true
      } else {
        found.append(argument)
      }
    }
    identifier = try Arguments.identifier(found, verb: "update")
    self.changes = changes
    guard isAsked || resourcesFile != nil || shares != RuntimeSpec.IntelRdt()
    else {
      throw UsageError("update: nothing to change (--memory, --pids-limit, --resources FILE, ...)")
    }
  }

  /// The flags have the names and units of runc's; a 0 changes nothing, but for the number of processes.
  private static func option(
    _ argument: String, _ arguments: inout Arguments, _ changes: inout RuntimeSpec.Resources
  ) throws(UsageError) {
    if let value = try arguments.value(of: "--memory", at: argument) {
      changes.memoryLimitInBytes = try size(value, "--memory").nonZero
    } else if let value = try arguments.value(of: "--memory-swap", at: argument) {
      changes.memorySwapLimitInBytes = try size(value, "--memory-swap").nonZero
    } else if let value = try arguments.value(of: "--memory-reservation", at: argument) {
      changes.memoryReservationInBytes = try size(value, "--memory-reservation").nonZero
    } else if let value = try arguments.value(of: "--pids-limit", at: argument) {
      changes.pidsLimit = try number(value, "--pids-limit")
    } else if let value = try arguments.value(of: "--cpu-quota", at: argument) {
      changes.cpuQuotaMicroseconds = try number(value, "--cpu-quota").nonZero
    } else if let value = try arguments.value(of: "--cpu-period", at: argument) {
      changes.cpuPeriodMicroseconds = try number(value, "--cpu-period").nonZero
    } else if let value = try arguments.value(of: "--cpu-burst", at: argument) {
      changes.cpuBurstMicroseconds = try number(value, "--cpu-burst")
    } else if let value = try arguments.value(of: "--cpu-share", "--cpu-shares", at: argument) {
      changes.cpuShares = try number(value, "--cpu-share").nonZero
    } else if let value = try arguments.value(of: "--cpu-idle", at: argument) {
      changes.cpuIdle = try number(value, "--cpu-idle")
    } else if let value = try arguments.value(of: "--cpuset-cpus", at: argument) {
      changes.cpus = value
    } else if let value = try arguments.value(of: "--cpuset-mems", at: argument) {
      changes.memoryNodes = value
    } else if let value = try arguments.value(of: "--blkio-weight", at: argument) {
      changes.blockIOWeight = try number(value, "--blkio-weight").nonZero
    } else {
      for flag in ["--cpu-rt-period", "--cpu-rt-runtime", "--kernel-memory", "--kernel-memory-tcp"] {
        guard let value = try arguments.value(of: flag, at: argument) else { continue }
        // 0 asks for nothing, as in config.json.
        if value == "0" { return }
        throw UsageError("update: \(flag): version 2 of control groups has no such setting")
      }
      throw UsageError("update: unknown flag \"\(argument)\"")
    }
  }

  /// Bytes, also with a unit of 1024 or its powers (64M, 1g, 2GiB) as runc takes them; -1 is no limit.
  private static func size(_ text: String, _ flag: String) throws(UsageError) -> Int64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).lowercased()
    guard !digits.isEmpty, let power = Self.units.firstIndex(of: String(unit.prefix(1))),
      ["", "b", "ib"].contains(unit.dropFirst()) && (!unit.isEmpty || power == 0)
    else { return try number(text, flag) }
    let (bytes, overflows) = (Int64(digits) ?? .max).multipliedReportingOverflow(by: 1 << (10 * power))
    guard !overflows, Int64(digits) != nil else {
      throw UsageError("update: \(flag) \(text) is more than there can be")
    }
    return bytes
  }

  private static let units = ["", "k", "m", "g", "t", "p"]

  private static func number<Number: FixedWidthInteger>(_ text: String, _ flag: String) throws(UsageError)
    -> Number?
  {
    guard let number = Number(text) else { throw UsageError("update: \(flag) \(text) is no whole number") }
    return number
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    let lifecycle = Lifecycle(store: try invocation.store())
    if let resourcesFile { try lifecycle.update(identifier, ResourcesFile.read(resourcesFile)) }
    if changes != RuntimeSpec.Resources() { try lifecycle.update(identifier, changes) }
    if shares != RuntimeSpec.IntelRdt() { try lifecycle.update(identifier, shares) }
    return 0
  }
}
