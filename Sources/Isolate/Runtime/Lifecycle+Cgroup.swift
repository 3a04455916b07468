import Glibc

extension Lifecycle {
  /// Stops every process of a running container (cgroup.freeze).
  public func pause(_ identifier: String) throws(IsolateError) {
    try freeze(identifier, true, from: [.running, .created], rule: "pause takes a running one")
  }

  /// Lets a paused container go on.
  public func resume(_ identifier: String) throws(IsolateError) {
    try freeze(identifier, false, from: [.paused], rule: "resume takes a paused one")
  }

  private func freeze(
    _ identifier: String, _ isFrozen: Bool, from statuses: [ContainerRecord.Status], rule: String
  ) throws(IsolateError) {
    let lock = store.lock(identifier)
    let record = try store.load(identifier)
    let status = store.status(of: record)
    guard statuses.contains(status) else { throw wrongState(identifier, status, rule) }
    let path = try cgroupPath(of: record)
    do { try Cgroup.setFrozen(isFrozen, path) } catch { throw .system(error) }
    _ = consume lock
  }

  /// Gives a container other limits; what `resources` leaves out stays as it is.
  public func update(_ identifier: String, _ resources: RuntimeSpec.Resources) throws(IsolateError) {
    let lock = store.lock(identifier)
    let record = try store.load(identifier)
    let status = store.status(of: record)
    guard status != .stopped else { throw wrongState(identifier, status, "update takes one that is not") }
    let path = try cgroupPath(of: record)
    let resources = withOwnMemoryLimit(resources, of: path)
    do { try SpecValidator.resources(resources) } catch { throw .specification(error) }
    try checkUse(of: path, resources)
    if let unit = record.systemdUnit {
      // First, or it would set back what it does not know of when it next reads its units.
      let properties = SystemdScope.properties(of: resources)
      let manager = try SystemdManager()
      do throws(BusConnection.Failure) {
        if !properties.isEmpty { try manager.setUnitProperties(unit, properties) }
      } catch {
        throw .unavailable(
          what: "systemd unit \(unit)", why: error.text, remedy: "see `systemctl status \(unit)`")
      }
    }
    let settings = settings(resources, of: path)
    do { try Cgroup.apply(settings, to: path) } catch { throw CgroupPlacement.refused(error, settings) }
    do {
      if !resources.deviceRules.isEmpty, UserNamespace.callerIsHostRoot {
        let directory = OwnedDescriptor(owning: unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        try DeviceFilter(resources.deviceRules + DeviceFilter.always).attach(to: directory.number)
      }
    } catch { throw .system(error) }
    _ = consume lock
  }

  /// Gives a container's class of service other shares of caches and memory bandwidth.
  public func update(_ identifier: String, _ shares: RuntimeSpec.IntelRdt) throws(IsolateError) {
    let lock = store.lock(identifier)
    let record = try store.load(identifier)
    let status = store.status(of: record)
    guard status != .stopped else { throw wrongState(identifier, status, "update takes one that is not") }
    guard let group = store.groups(of: identifier)?.groups.first else {
      throw .unavailable(
        what: "container \(identifier)", why: "has no class of service",
        remedy: "create it with linux.intelRdt in its config.json")
    }
    try ResourceControl.set(shares, of: group)
    _ = consume lock
  }

  /// Swap by itself counts the memory that the container may have already.
  private func withOwnMemoryLimit(
    _ resources: RuntimeSpec.Resources, of path: String
  ) -> RuntimeSpec.Resources {
    guard resources.memorySwapLimitInBytes.map({ $0 >= 0 }) == true, resources.memoryLimitInBytes == nil,
      let limit = (Files.text("\(path)/memory.max") ?? "").split(separator: "\n").first.flatMap({ Int64($0) })
    else { return resources }
    var resources = resources
    resources.memoryLimitInBytes = limit
    return resources
  }

  /// A period by itself keeps the quota, which shares its file (cgroup-v2.rst, "cpu.max").
  private func settings(_ resources: RuntimeSpec.Resources, of path: String) -> CgroupSettings {
    var resources = resources
    if resources.cpuPeriodMicroseconds != nil, resources.cpuQuotaMicroseconds == nil {
      let words = (Files.text("\(path)/cpu.max") ?? "").split(separator: " ")
      resources.cpuQuotaMicroseconds = words.first.flatMap { Int64($0) } ?? -1
    }
    return CgroupSettings(resources, isUpdate: true)
  }

  /// memory.checkBeforeUpdate: below what is in use the kernel would reclaim and then kill.
  private func checkUse(of path: String, _ resources: RuntimeSpec.Resources) throws(IsolateError) {
    guard resources.checksMemoryBeforeUpdate, let limit = resources.memoryLimitInBytes, limit >= 0 else {
      return
    }
    let text = Files.text("\(path)/memory.current") ?? ""
    guard let used = Int64(text.split(separator: "\n").first ?? ""), used > limit else { return }
    throw .unavailable(
      what: "linux.resources.memory.limit", why: "\(used) bytes are in use, more than \(limit)",
      remedy: "set a higher limit, or leave out memory.checkBeforeUpdate")
  }

  /// The processes of a container, as the caller's PID namespace counts them; when it has ended, those it has left.
  public func processes(of identifier: String) throws(IsolateError) -> [Int32] {
    let record = try store.load(identifier)
    return allProcesses(of: record)
  }

  /// The cgroup of a container, for its counters.
  public func cgroupPath(of identifier: String) throws(IsolateError) -> String {
    let record = try store.load(identifier)
    let status = store.status(of: record)
    guard status != .stopped else { throw wrongState(identifier, status, "events takes one that is not") }
    return try cgroupPath(of: record)
  }

  private func cgroupPath(of record: ContainerRecord) throws(IsolateError) -> String {
    if let path = record.cgroupPath { return path }
    throw .unavailable(
      what: "container \(record.identifier)", why: "has no cgroup of its own",
      remedy: "give it linux.cgroupsPath, on a host where a cgroup v2 is delegated to its user")
  }
}
