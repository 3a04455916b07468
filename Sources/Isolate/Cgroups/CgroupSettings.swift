import Glibc

/// What `linux.resources` says in the words of cgroup version 2 (kernel cgroup-v2.rst).
struct CgroupSettings: Equatable {
  /// One value for one control file, and the member of config.json it comes from.
  struct Setting: Equatable {
    var file: String
    var value: String
    var member: String

    /// Whether it takes a limit away, which is not there where the controller is not.
    var isNoLimit: Bool { file.hasSuffix(".max") && value == "max" }

    /// Whether a kernel that lacks the file has nothing to limit: one that does not count swap, or reservations of huge
    /// pages (before Linux 5.7).
    var isOptional: Bool {
      file == "memory.swap.max" || file.hasSuffix(".rsvd.max") && member.hasSuffix(".hugepageLimits")
    }
  }

  private(set) var settings: [Setting] = []

  /// Whether every process outside of cgroups has what it asks for.
  var limitsNothing: Bool { settings.allSatisfy(\.isNoLimit) }

  /// The controllers that the limits need, sorted; those of the hierarchy itself ("cgroup.") are always there, and
  /// to have no limit needs none.
  var controllers: [Substring] {
    var found: [Substring] = []
    for setting in settings where !setting.isNoLimit {
      let name = setting.file.prefix { $0 != "." }
      if name != "cgroup", !found.contains(name) { found.append(name) }
    }
    return found.sorted()
  }

  /// With `isUpdate` what is left out stays as it is, also swap beside a limit of memory.
  init(_ resources: RuntimeSpec.Resources, isUpdate: Bool = false) {
    memory(resources, isUpdate: isUpdate)
    if let limit = resources.pidsLimit { add("pids.max", Self.limit(Self.processes(limit)), "pids.limit") }
    processor(resources, isUpdate: isUpdate)
    input(resources)
    for (size, limit) in resources.hugePageLimits.sorted(by: { $0.key < $1.key }) {
      add("hugetlb.\(size).max", "\(limit)", "hugepageLimits")
      // A page that is reserved and not there is a SIGBUS where only faults are limited (hugetlb_cgroup).
      add("hugetlb.\(size).rsvd.max", "\(limit)", "hugepageLimits")
    }
    for (device, limit) in resources.rdmaLimits.sorted(by: { $0.key < $1.key }) {
      let handles = limit.handles.map { " hca_handle=\($0)" } ?? ""
      let objects = limit.objects.map { " hca_object=\($0)" } ?? ""
      add("rdma.max", "\(device)\(handles)\(objects)", "rdma.\(device)")
    }
    // Last: whoever names a control file means it to have the last word.
    for (file, value) in resources.unified.sorted(by: { $0.key < $1.key }) {
      add(file, value, "unified.\(file)")
    }
  }

  private mutating func add(_ file: String, _ value: String, _ member: String) {
    settings.append(Setting(file: file, value: value, member: "linux.resources.\(member)"))
  }

  /// 0 is a limit as of runtime-spec 1.3.0 (config-linux.md, "PIDs"), and the least that a container can live with is
  /// its one process. systemd takes no 0.
  static func processes(_ limit: Int64) -> Int64 { limit == 0 ? 1 : limit }

  private static func limit(_ number: Int64) -> String { number < 0 ? "max" : "\(number)" }

  private mutating func memory(_ resources: RuntimeSpec.Resources, isUpdate: Bool) {
    let limit = resources.memoryLimitInBytes
    if let limit { add("memory.max", Self.limit(limit), "memory.limit") }
    if let total = resources.memorySwapLimitInBytes {
      // The specification counts memory plus swap, the kernel swap alone.
      add("memory.swap.max", total < 0 ? "max" : "\(max(0, total - max(0, limit ?? 0)))", "memory.swap")
    } else if let limit, limit >= 0, !isUpdate {
      add("memory.swap.max", "0", "memory.swap")
    }
    if let reservation = resources.memoryReservationInBytes {
      add("memory.low", Self.limit(reservation), "memory.reservation")
    }
  }

  private mutating func processor(_ resources: RuntimeSpec.Resources, isUpdate: Bool) {
    if let idle = resources.cpuIdle { add("cpu.idle", "\(idle)", "cpu.idle") }
    if let shares = resources.cpuShares {
      add("cpu.weight", "\(Self.weight(shares: shares))", "cpu.shares")
    }
    if let quota = resources.cpuQuotaMicroseconds {
      let period = resources.cpuPeriodMicroseconds.map { " \($0)" } ?? (isUpdate ? "" : " 100000")
      add("cpu.max", Self.limit(quota) + period, "cpu.quota")
    } else if let period = resources.cpuPeriodMicroseconds, !isUpdate {
      add("cpu.max", "max \(period)", "cpu.period")
    }
    if let burst = resources.cpuBurstMicroseconds { add("cpu.max.burst", "\(burst)", "cpu.burst") }
    if let cpus = resources.cpus { add("cpuset.cpus", cpus, "cpu.cpus") }
    if let nodes = resources.memoryNodes { add("cpuset.mems", nodes, "cpu.mems") }
  }

  /// 2...262144 of version 1 becomes 1...10000, and the default 1024 the default 100: the curve through these three
  /// that runc and crun have agreed on.
  static func weight(shares: UInt64) -> UInt64 {
    let exponent = log2(Double(min(max(shares, 2), 262_144)))
    return UInt64(pow(10, (exponent * exponent + 125 * exponent - 126) / 612).rounded(.up))
  }

  /// 10...1000 becomes 1...10000.
  static func weight(blockIO weight: UInt64) -> UInt64 { 1 + (weight - 10) * 9999 / 990 }

  private mutating func input(_ resources: RuntimeSpec.Resources) {
    if let weight = resources.blockIOWeight {
      add("io.weight", "\(Self.weight(blockIO: weight))", "blockIO.weight")
    }
    for device in resources.blockIODeviceWeights {
      add(
        "io.weight", "\(device.major):\(device.minor) \(Self.weight(blockIO: device.weight))",
        "blockIO.weightDevice")
    }
    for throttle in resources.blockIOThrottles {
      // A rate of 0 takes a limit away; the kernel's word for that is max.
      let rate = throttle.rate == 0 ? "max" : "\(throttle.rate)"
      add("io.max", "\(throttle.major):\(throttle.minor) \(throttle.kind)=\(rate)", "blockIO")
    }
  }
}
