extension RuntimeSpec {
  /// Limits that a cgroup enforces (config-linux.md, "Control groups"); nil is "no limit asked for".
  public struct Resources: Sendable, Equatable {
    public var memoryLimitInBytes: Int64?
    /// Memory plus swap, as the specification counts it.
    public var memorySwapLimitInBytes: Int64?
    public var pidsLimit: Int64?
    public var cpuQuotaMicroseconds: Int64?
    public var cpuPeriodMicroseconds: UInt64?

    public init(
      memoryLimitInBytes: Int64? = nil, memorySwapLimitInBytes: Int64? = nil, pidsLimit: Int64? = nil,
      cpuQuotaMicroseconds: Int64? = nil, cpuPeriodMicroseconds: UInt64? = nil
    ) {
      self.memoryLimitInBytes = memoryLimitInBytes
      self.memorySwapLimitInBytes = memorySwapLimitInBytes
      self.pidsLimit = pidsLimit
      self.cpuQuotaMicroseconds = cpuQuotaMicroseconds
      self.cpuPeriodMicroseconds = cpuPeriodMicroseconds
    }
  }
}

extension RuntimeSpec.Resources {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init()
    try decoder.refuse("blockIO", "hugepageLimits", "network", "rdma", "unified")
    for device in try decoder.objects("devices") {
      // A rootless container has no device nodes but those bound from the host: "deny all" holds.
      if try device.bool("allow") == true {
        throw SpecError(path: "\(device.path).allow", message: "not supported by this version of isolate")
      }
    }
    if let memory = try decoder.object("memory") {
      try memory.refuse("reservation", "kernel", "kernelTCP", "swappiness", "disableOOMKiller")
      memoryLimitInBytes = try memory.integer("limit")
      memorySwapLimitInBytes = try memory.integer("swap")
    }
    if let pids = try decoder.object("pids") { pidsLimit = try pids.integer("limit") }
    if let cpu = try decoder.object("cpu") {
      try cpu.refuse("shares", "burst", "realtimeRuntime", "realtimePeriod", "cpus", "mems", "idle")
      cpuQuotaMicroseconds = try cpu.integer("quota")
      cpuPeriodMicroseconds = try cpu.unsigned("period")
    }
  }
}

extension RuntimeSpec.Resources {
  var json: JSONValue {
    var members = SpecEncoder()
    if memoryLimitInBytes != nil || memorySwapLimitInBytes != nil {
      var memory = SpecEncoder()
      memory.add("limit", memoryLimitInBytes.map(JSONValue.integer))
      memory.add("swap", memorySwapLimitInBytes.map(JSONValue.integer))
      members.add("memory", memory.object)
    }
    if cpuQuotaMicroseconds != nil || cpuPeriodMicroseconds != nil {
      var cpu = SpecEncoder()
      cpu.add("quota", cpuQuotaMicroseconds.map(JSONValue.integer))
      cpu.add("period", number: cpuPeriodMicroseconds)
      members.add("cpu", cpu.object)
    }
    if let pidsLimit { members.add("pids", .object([("limit", .integer(pidsLimit))])) }
    return members.object
  }
}
