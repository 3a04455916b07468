extension RuntimeSpec {
  /// Limits that a cgroup enforces (config-linux.md, "Control groups"); nil is "no limit asked for".
  public struct Resources: Sendable, Equatable {
    public var memoryLimitInBytes: Int64?
    /// Memory plus swap, as the specification counts it.
    public var memorySwapLimitInBytes: Int64?
    /// Whether an update below what is in use is refused; the kernel would kill instead.
    public var checksMemoryBeforeUpdate = false
    /// Memory below which the kernel does not reclaim (memory.low).
    public var memoryReservationInBytes: Int64?
    public var pidsLimit: Int64?
    public var cpuQuotaMicroseconds: Int64?
    public var cpuPeriodMicroseconds: UInt64?
    public var cpuBurstMicroseconds: UInt64?
    /// The share of version 1, 2 to 262144.
    public var cpuShares: UInt64?
    /// 1 makes the container run only where nothing else wants to (cpu.idle).
    public var cpuIdle: Int64?
    /// Processors, as "0-3,7" (cpuset(7), "List format").
    public var cpus: String?
    /// Memory nodes, in the same format.
    public var memoryNodes: String?
    /// 10 to 1000.
    public var blockIOWeight: UInt64?
    public var blockIOThrottles: [Throttle] = []
    /// Bytes of huge pages by page size, as "2MB".
    public var hugePageLimits: [String: UInt64] = [:]
    /// Handles and objects by device (kernel cgroup-v2.rst, "RDMA").
    public var rdmaLimits: [String: RDMALimit] = [:]
    /// Control files and what is written to them as it stands.
    public var unified: [String: String] = [:]
    public var blockIODeviceWeights: [DeviceWeight] = []
    /// Which devices may be used, later rules before earlier ones. A container with a user namespace reaches no
    /// device but those bound for it, whatever they say.
    public var deviceRules: [DeviceRule] = []

    /// A limit of one block device, in bytes or operations a second (cgroup-v2.rst, "io.max").
    public struct Throttle: Sendable, Equatable {
      public var major: UInt32
      public var minor: UInt32
      /// "rbps", "wbps", "riops" or "wiops".
      public var kind: String
      public var rate: UInt64
    }

    /// The weight of one block device, 10 to 1000 (cgroup-v2.rst, "io.weight").
    public struct DeviceWeight: Sendable, Equatable {
      public var major: UInt32
      public var minor: UInt32
      public var weight: UInt64
    }

    /// Limits of one RDMA device; nil is none.
    public struct RDMALimit: Sendable, Equatable {
      public var handles: UInt32?
      public var objects: UInt32?
    }

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
  private static let throttles = [
    ("throttleReadBpsDevice", "rbps"), ("throttleWriteBpsDevice", "wbps"),
    ("throttleReadIOPSDevice", "riops"),
    ("throttleWriteIOPSDevice", "wiops"),
  ]

  private static let hasNoFile = "version 2 of control groups has no such setting"

  /// Decodes `linux.resources`; for most members 0 says the same as leaving them out, but not for `pids.limit`.
  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init()
    // Of version 1 alone; version 2 has no control file for it.
    if let network = try decoder.object("network") {
      if try network.unsigned("classID").nonZero != nil {
        try network.refuse("classID", because: Self.hasNoFile)
      }
      if try !network.objects("priorities").isEmpty {
        try network.refuse("priorities", because: Self.hasNoFile)
      }
    }
    for rule in try decoder.objects("devices") { deviceRules.append(try RuntimeSpec.DeviceRule(rule)) }
    if let memory = try decoder.object("memory") {
      try memory.refuse("swappiness", because: Self.hasNoFile)
      for key in ["kernel", "kernelTCP"] where try memory.integer(key) ?? 0 > 0 {
        try memory.refuse(key, because: Self.hasNoFile)
      }
      checksMemoryBeforeUpdate = try memory.bool("checkBeforeUpdate") ?? false
      if try memory.bool("disableOOMKiller") == true {
        try memory.refuse("disableOOMKiller", because: Self.hasNoFile)
      }
      memoryLimitInBytes = try memory.integer("limit").nonZero
      memorySwapLimitInBytes = try memory.integer("swap").nonZero
      memoryReservationInBytes = try memory.integer("reservation").nonZero
    }
    if let pids = try decoder.object("pids") { pidsLimit = try pids.integer("limit") }
    if let cpu = try decoder.object("cpu") {
      for key in ["realtimeRuntime", "realtimePeriod"] where try cpu.integer(key).nonZero != nil {
        try cpu.refuse(key, because: Self.hasNoFile)
      }
      cpuQuotaMicroseconds = try cpu.integer("quota").nonZero
      cpuPeriodMicroseconds = try cpu.unsigned("period").nonZero
      cpuBurstMicroseconds = try cpu.unsigned("burst")
      cpuShares = try cpu.unsigned("shares").nonZero
      cpuIdle = try cpu.integer("idle")
      cpus = try cpu.string("cpus").flatMap { $0.isEmpty ? nil : $0 }
      memoryNodes = try cpu.string("mems").flatMap { $0.isEmpty ? nil : $0 }
    }
    try decodeBlockIO(decoder)
    for limit in try decoder.objects("hugepageLimits") {
      // Written in small letters by some: the names of members are the same in any case to runc.
      let key = limit.member("pagesize") == nil ? "pageSize" : "pagesize"
      hugePageLimits[try limit.required(key)] = try limit.unsigned("limit") ?? 0
    }
    for (name, limit) in try decoder.namedObjects("rdma") {
      rdmaLimits[name] = RDMALimit(
        handles: try limit.identifier("hcaHandles"), objects: try limit.identifier("hcaObjects"))
    }
    unified = try decoder.texts("unified")
  }

  private mutating func decodeBlockIO(_ decoder: SpecDecoder) throws(SpecError) {
    guard let blockIO = try decoder.object("blockIO") else { return }
    for device in try blockIO.objects("weightDevice") {
      if try device.unsigned("leafWeight").nonZero != nil {
        try device.refuse("leafWeight", because: Self.hasNoFile)
      }
      guard let weight = try device.unsigned("weight").nonZero else { continue }
      blockIODeviceWeights.append(
        DeviceWeight(
          major: try device.identifier("major") ?? 0, minor: try device.identifier("minor") ?? 0,
          weight: weight))
    }
    if try blockIO.unsigned("leafWeight").nonZero != nil {
      try blockIO.refuse("leafWeight", because: Self.hasNoFile)
    }
    blockIOWeight = try blockIO.unsigned("weight").nonZero
    for (key, kind) in Self.throttles {
      for device in try blockIO.objects(key) {
        blockIOThrottles.append(
          Throttle(
            major: try device.identifier("major") ?? 0, minor: try device.identifier("minor") ?? 0,
            kind: kind,
            rate: try device.unsigned("rate") ?? 0))
      }
    }
  }
}

extension Optional where Wrapped: BinaryInteger {
  /// The number unless it is 0, which asks for nothing.
  package var nonZero: Wrapped? { self == 0 ? nil : self }
}

extension RuntimeSpec.Resources {
  var json: JSONValue {
    var members = SpecEncoder()
    if !deviceRules.isEmpty { members.add("devices", .array(deviceRules.map(\.json))) }
    var memory = SpecEncoder()
    memory.add("limit", memoryLimitInBytes.map(JSONValue.integer))
    memory.add("swap", memorySwapLimitInBytes.map(JSONValue.integer))
    memory.add("reservation", memoryReservationInBytes.map(JSONValue.integer))
    if checksMemoryBeforeUpdate { memory.add("checkBeforeUpdate", .bool(true)) }
    members.add("memory", memory.objectUnlessEmpty)
    var cpu = SpecEncoder()
    cpu.add("quota", cpuQuotaMicroseconds.map(JSONValue.integer))
    cpu.add("period", number: cpuPeriodMicroseconds)
    cpu.add("burst", number: cpuBurstMicroseconds)
    cpu.add("shares", number: cpuShares)
    cpu.add("idle", cpuIdle.map(JSONValue.integer))
    cpu.add("cpus", cpus.map(JSONValue.string))
    cpu.add("mems", memoryNodes.map(JSONValue.string))
    members.add("cpu", cpu.objectUnlessEmpty)
    if let pidsLimit { members.add("pids", .object([("limit", .integer(pidsLimit))])) }
    var blockIO = SpecEncoder()
    blockIO.add("weight", number: blockIOWeight)
    if !blockIODeviceWeights.isEmpty {
      blockIO.add(
        "weightDevice",
        .array(
          blockIODeviceWeights.map { item in
            var device = SpecEncoder()
            device.add("major", number: UInt64(item.major))
            device.add("minor", number: UInt64(item.minor))
            device.add("weight", number: item.weight)
            return device.object
          }))
    }
    for (key, kind) in Self.throttles {
      let devices = blockIOThrottles.filter { $0.kind == kind }.map { throttle in
        var device = SpecEncoder()
        device.add("major", number: UInt64(throttle.major))
        device.add("minor", number: UInt64(throttle.minor))
        device.add("rate", number: throttle.rate)
        return device.object
      }
      if !devices.isEmpty { blockIO.add(key, .array(devices)) }
    }
    members.add("blockIO", blockIO.objectUnlessEmpty)
    let pages = hugePageLimits.sorted { $0.key < $1.key }.map { size, limit in
      var page = SpecEncoder()
      page.add("pageSize", .string(size))
      page.add("limit", number: limit)
      return page.object
    }
    if !pages.isEmpty { members.add("hugepageLimits", .array(pages)) }
    var rdma = SpecEncoder()
    for (name, limit) in rdmaLimits.sorted(by: { $0.key < $1.key }) {
      var device = SpecEncoder()
      device.add("hcaHandles", number: limit.handles.map(UInt64.init))
      device.add("hcaObjects", number: limit.objects.map(UInt64.init))
      rdma.add(name, device.object)
    }
    members.add("rdma", rdma.objectUnlessEmpty)
    var files = SpecEncoder()
    for (name, value) in unified.sorted(by: { $0.key < $1.key }) { files.add(name, .string(value)) }
    members.add("unified", files.objectUnlessEmpty)
    return members.object
  }
}

extension SpecValidator {
  /// Values that mean nothing without another, or nothing at all, are refused, not passed over.
  static func resources(_ resources: RuntimeSpec.Resources) throws(SpecError) {
    let path = "linux.resources"
    if let swap = resources.memorySwapLimitInBytes, swap >= 0, resources.memoryLimitInBytes == nil {
      throw SpecError(path: "\(path).memory.swap", message: "counts memory too, so it needs memory.limit")
    }
    if let swap = resources.memorySwapLimitInBytes, let memory = resources.memoryLimitInBytes, swap >= 0,
      swap < memory
    {
      throw SpecError(
        path: "\(path).memory.swap", message: "counts memory too, so it cannot be below memory.limit")
    }
    if let idle = resources.cpuIdle, !(0...1).contains(idle) {
      throw SpecError(path: "\(path).cpu.idle", message: "\(idle) is neither 0 nor 1")
    }
    for weight in [resources.blockIOWeight].compactMap(\.self) + resources.blockIODeviceWeights.map(\.weight)
    where !(10...1000).contains(weight) {
      throw SpecError(path: "\(path).blockIO.weight", message: "\(weight) is not between 10 and 1000")
    }
    for name in resources.unified.keys.sorted()
    where name.isEmpty || name.contains("/") || !name.contains(".") {
      throw SpecError(path: "\(path).unified.\(name)", message: "is no name of a control file")
    }
    // cgroup.procs would move a process of the host, cgroup.kill end one: they are no limits.
    for name in resources.unified.keys.sorted()
    where name.hasPrefix("cgroup.") && !name.hasPrefix("cgroup.max.") {
      throw SpecError(path: "\(path).unified.\(name)", message: "is the runtime's own, not a limit")
    }
    for name in resources.hugePageLimits.keys.sorted() where name.contains("/") {
      throw SpecError(path: "\(path).hugepageLimits", message: "\"\(name)\" is no page size")
    }
  }
}
