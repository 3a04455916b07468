import Isolate

/// `isolate update`: gives a container other limits.
struct UpdateCommand {
  private var changes = RuntimeSpec.Resources()
  private var resourcesFile: String?
  private let identifier: String

  init(_ arguments: inout Arguments) throws(UsageError) {
    var found: [String] = []
    var changes = RuntimeSpec.Resources()
    while let argument = arguments.next() {
      if let value = try arguments.value(of: "--resources", "-r", at: argument) {
        resourcesFile = value
      } else if argument.hasPrefix("-") {
        try Self.option(argument, &arguments, &changes)
      } else {
        found.append(argument)
      }
    }
    identifier = try Arguments.identifier(found, verb: "update")
    self.changes = changes
    guard resourcesFile != nil || changes != RuntimeSpec.Resources() else {
      throw UsageError("update: nothing to change (--memory, --pids-limit, --resources FILE, ...)")
    }
  }

  /// The flags have the names and units of runc's.
  private static func option(
    _ argument: String, _ arguments: inout Arguments, _ changes: inout RuntimeSpec.Resources
  ) throws(UsageError) {
    if let value = try arguments.value(of: "--memory", at: argument) {
      changes.memoryLimitInBytes = try number(value, "--memory")
    } else if let value = try arguments.value(of: "--memory-swap", at: argument) {
      changes.memorySwapLimitInBytes = try number(value, "--memory-swap")
    } else if let value = try arguments.value(of: "--memory-reservation", at: argument) {
      changes.memoryReservationInBytes = try number(value, "--memory-reservation")
    } else if let value = try arguments.value(of: "--pids-limit", at: argument) {
      changes.pidsLimit = try number(value, "--pids-limit")
    } else if let value = try arguments.value(of: "--cpu-quota", at: argument) {
      changes.cpuQuotaMicroseconds = try number(value, "--cpu-quota")
    } else if let value = try arguments.value(of: "--cpu-period", at: argument) {
      changes.cpuPeriodMicroseconds = try number(value, "--cpu-period")
    } else if let value = try arguments.value(of: "--cpu-burst", at: argument) {
      changes.cpuBurstMicroseconds = try number(value, "--cpu-burst")
    } else if let value = try arguments.value(of: "--cpu-share", "--cpu-shares", at: argument) {
      changes.cpuShares = try number(value, "--cpu-share")
    } else if let value = try arguments.value(of: "--cpu-idle", at: argument) {
      changes.cpuIdle = try number(value, "--cpu-idle")
    } else if let value = try arguments.value(of: "--cpuset-cpus", at: argument) {
      changes.cpus = value
    } else if let value = try arguments.value(of: "--cpuset-mems", at: argument) {
      changes.memoryNodes = value
    } else if let value = try arguments.value(of: "--blkio-weight", at: argument) {
      changes.blockIOWeight = try number(value, "--blkio-weight")
    } else {
      throw UsageError("update: unknown flag \"\(argument)\"")
    }
  }

  private static func number<Number: FixedWidthInteger>(_ text: String, _ flag: String) throws(UsageError)
    -> Number
  {
    guard let number = Number(text) else { throw UsageError("update: \(flag) \(text) is no whole number") }
    return number
  }

  func run(_ invocation: Invocation) throws -> Int32 {
    let lifecycle = Lifecycle(store: try invocation.store())
    if let resourcesFile { try lifecycle.update(identifier, ResourcesFile.read(resourcesFile)) }
    if changes != RuntimeSpec.Resources() { try lifecycle.update(identifier, changes) }
    return 0
  }
}
