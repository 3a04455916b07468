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

  /// What systemd has properties for (systemd.resource-control(5)), so that it shows and keeps them. The control
  /// files get the same, and the rest, from us: the unit is delegated.
  static func properties(of resources: RuntimeSpec.Resources) -> [SystemdManager.Property] {
    var properties: [SystemdManager.Property] = []
    func add(_ name: String, _ number: Int64?) {
      guard let number else { return }
      properties.append((name, .uint64(number < 0 ? .max : UInt64(number))))
    }
    add("MemoryMax", resources.memoryLimitInBytes)
    add("MemoryLow", resources.memoryReservationInBytes)
    if let total = resources.memorySwapLimitInBytes {
      add("MemorySwapMax", total < 0 ? -1 : max(0, total - max(0, resources.memoryLimitInBytes ?? 0)))
    }
    add("TasksMax", resources.pidsLimit)
    if let shares = resources.cpuShares { add("CPUWeight", Int64(CgroupSettings.weight(shares: shares))) }
    if let quota = resources.cpuQuotaMicroseconds {
      let period = Int64(resources.cpuPeriodMicroseconds ?? 100_000)
      // systemd takes hundredths of a processor; it rounds up what lies between.
      add("CPUQuotaPerSecUSec", quota < 0 ? -1 : (quota * 1_000_000 / period + 9_999) / 10_000 * 10_000)
      add("CPUQuotaPeriodUSec", period)
    }
    if let weight = resources.blockIOWeight { add("IOWeight", Int64(CgroupSettings.weight(blockIO: weight))) }
    for (name, list) in [("AllowedCPUs", resources.cpus), ("AllowedMemoryNodes", resources.memoryNodes)] {
      guard let set = list.flatMap({ CPUSet($0) }) else { continue }
      let bytes = set.words.flatMap { word in
        (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
      }
      properties.append((name, .array(of: "y", bytes.map(BusValue.byte))))
    }
    return properties
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
