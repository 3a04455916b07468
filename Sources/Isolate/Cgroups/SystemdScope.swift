import CShims
import Glibc

/// A container's scope unit: the cgroup that systemd makes and removes (systemd.scope(5), systemd's
/// "Control Group APIs and Delegation").
struct SystemdScope: Equatable {
  /// The slice's name, for example "machine.slice".
  let slice: String
  /// "PREFIX-NAME.scope".
  let unit: String

  /// Reads linux.cgroupsPath in the form "SLICE:PREFIX:NAME", as runc and crun have it; each part may be empty.
  init(cgroupsPath: String?, identifier: String, isUsers: Bool) throws(SpecError) {
    let parts = (cgroupsPath ?? "::").split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    func malformed(_ why: String) -> SpecError {
      SpecError(
        path: "linux.cgroupsPath",
        message: "\"\(cgroupsPath ?? "")\" \(why); with systemd it is SLICE:PREFIX:NAME")
    }
    guard parts.count == 3 else { throw malformed("has not three parts") }
    slice = parts[0].isEmpty ? (isUsers ? "user.slice" : "system.slice") : parts[0]
    let prefix = parts[1].isEmpty ? "isolate" : parts[1]
    let name = parts[2].isEmpty ? identifier : parts[2]
    guard slice.hasSuffix(".slice") || slice == "-.slice" else { throw malformed("names no slice") }
    unit = "\(prefix)-\(name).scope"
    let allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\-@"
    for part in [slice, unit] where part.utf8.count > 255 || !part.allSatisfy(allowed.contains) {
      throw malformed("holds what no unit's name may (systemd.unit(5))")
    }
  }

  /// Makes the scope and gives the path of its cgroup.
  ///
  /// The first process of a scope is there before the container's, so that this is made inside it
  /// (CLONE_INTO_CGROUP): its cgroup namespace then begins where it should.
  func make(
    _ manager: SystemdManager, identifier: String, resources: RuntimeSpec.Resources, placeholder: Int32
  ) throws(IsolateError) -> String {
    let properties: [SystemdManager.Property] =
      [
        ("Description", .string("isolate container \(identifier)")), ("Slice", .string(slice)),
        ("Delegate", .boolean(true)), ("DefaultDependencies", .boolean(false)),
        ("CollectMode", .string("inactive-or-failed")),
        ("PIDs", .array(of: "u", [.uint32(UInt32(placeholder))])),
      ] + Self.properties(of: resources)
    do throws(BusConnection.Failure) { try manager.startTransientUnit(unit, properties) } catch {
      throw .unavailable(
        what: "systemd unit \(unit)", why: error.text,
        remedy: "see `systemctl \(manager.isUsers ? "--user " : "")status \(unit)` and the journal")
    }
    guard let mount = CgroupParent.mountPoint(), let path = Cgroup.path(of: placeholder, below: mount),
      path.hasSuffix("/\(unit)")
    else {
      try? manager.stopUnit(unit)
      throw .unavailable(
        what: "systemd unit \(unit)", why: "its cgroup is not in the mounted cgroup v2 hierarchy",
        remedy: "use a host with cgroup v2 only, or --cgroup-manager cgroupfs")
    }
    return path
  }

  private static let unifiedNames: [(file: String, property: String)] = [
    ("memory.max", "MemoryMax"), ("memory.high", "MemoryHigh"), ("memory.low", "MemoryLow"),
    ("memory.min", "MemoryMin"), ("memory.swap.max", "MemorySwapMax"), ("pids.max", "TasksMax"),
    ("cpu.weight", "CPUWeight"), ("io.weight", "IOWeight"),
  ]

  /// What systemd has properties for (systemd.resource-control(5)), so that it shows and keeps them. The control
  /// files get the same, and the rest, from us: the unit is delegated.
  static func properties(of resources: RuntimeSpec.Resources) -> [SystemdManager.Property] {
    var properties: [SystemdManager.Property] = []
    func add(_ name: String, _ number: Int64?) {
      guard let number else { return }
      properties.append((name, .uint64(number < 0 ? .max : UInt64(number))))
    }
    func add(_ name: String, _ list: String?) {
      guard let set = list.flatMap({ CPUSet($0) }) else { return }
      let bytes = set.words.flatMap { word in
        (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
      }
      properties.append((name, .array(of: "y", bytes.map(BusValue.byte))))
    }
    func addQuota(_ quota: Int64, _ period: Int64) {
      // systemd takes hundredths of a processor; it rounds up what lies between.
      add("CPUQuotaPerSecUSec", quota < 0 ? -1 : (quota * 1_000_000 / period + 9_999) / 10_000 * 10_000)
      add("CPUQuotaPeriodUSec", period)
    }
    /// A control file by its name (cgroup-v2.rst), where there is a property for it.
    func addUnified(_ file: String, _ value: String) {
      let number = value == "max" ? -1 : Int64(value)
      switch file {
      case "cpuset.cpus": add("AllowedCPUs", value)
      case "cpuset.mems": add("AllowedMemoryNodes", value)
      case "cpu.max":
        let words = value.split(separator: " ")
        let period = words.count > 1 ? Int64(words[1]) : 100_000
        guard let first = words.first, let quota = first == "max" ? -1 : Int64(first), let period, period > 0
        else {
          return
        }
        addQuota(quota, period)
      default:
        let name = unifiedNames.first { $0.file == file }?.property
        if let name { add(name, number) }
      }
    }
    add("MemoryMax", resources.memoryLimitInBytes)
    add("MemoryLow", resources.memoryReservationInBytes)
    if let total = resources.memorySwapLimitInBytes {
      add("MemorySwapMax", total < 0 ? -1 : max(0, total - max(0, resources.memoryLimitInBytes ?? 0)))
    }
    add("TasksMax", resources.pidsLimit.map(CgroupSettings.processes))
    if let shares = resources.cpuShares { add("CPUWeight", Int64(CgroupSettings.weight(shares: shares))) }
    if let quota = resources.cpuQuotaMicroseconds {
      addQuota(quota, Int64(resources.cpuPeriodMicroseconds ?? 100_000))
    }
    if let weight = resources.blockIOWeight { add("IOWeight", Int64(CgroupSettings.weight(blockIO: weight))) }
    add("AllowedCPUs", resources.cpus)
    add("AllowedMemoryNodes", resources.memoryNodes)
    for (file, value) in resources.unified { addUnified(file, value) }
    // The last word is that of a control file by its name.
    var latest: [String: Int] = [:]
    for (place, property) in properties.enumerated() { latest[property.name] = place }
    return properties.enumerated().filter { latest[$0.element.name] == $0.offset }.map(\.element)
  }

  /// Ends a scope with its processes, these also where systemd cannot be reached any more.
  static func stop(_ unit: String, path: String?) {
    if let path { Cgroup.kill(path) }
    if let manager = try? SystemdManager() { try? manager.stopUnit(unit) }
  }
}

/// A process that waits to be killed, and dies with us: it holds the place of one that is not there yet.
struct Placeholder: ~Copyable {
  let processID: Int32

  init() throws(IsolateError) {
    processID = isl_spawn_placeholder(0)
    if processID < 0 { throw .system(SystemError("clone", code: -processID)) }
  }

  deinit {
    kill(processID, SIGKILL)
    var status: Int32 = 0
    while unsafe waitpid(processID, &status, 0) < 0, errno == EINTR {}
  }
}
