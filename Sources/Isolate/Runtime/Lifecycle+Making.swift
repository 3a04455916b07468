import Glibc

/// What a container's cgroup is made of.
extension Lifecycle {
  /// Makes the cgroup that a container is to have; nil where it has none.
  func cgroup(for request: Request, warnings: inout [String]) throws(IsolateError) -> Cgroup? {
    let spec = request.bundle.spec
    let resources = spec.linux.resources ?? RuntimeSpec.Resources()
    do { try SpecValidator.resources(resources) } catch { throw .specification(error) }
    let settings = CgroupSettings(resources)
    let filtersDevices =
      !resources.deviceRules.isEmpty && UserNamespace.callerIsHostRoot
      && (!spec.linux.devices.isEmpty || spec.linux.namespaces.allSatisfy { $0.type != "user" })
    guard request.cgroupManager != .disabled else {
      if filtersDevices { try Self.filterDevices([], of: nil, warnings: &warnings) }
      guard let setting = settings.settings.first else { return nil }
      throw .unavailable(
        what: "config.json: \(setting.member)", why: "--cgroup-manager disabled leaves it without a cgroup",
        remedy: "choose cgroupfs, or ask for no limits")
    }
    let placement = CgroupPlacement(
      identifier: request.identifier, cgroupsPath: spec.linux.cgroupsPath, resources: resources,
      settings: settings,
      isPreferred: request.prefersCgroup || filtersDevices,
      willMake: { place throws(SystemError) in try store.save(place, of: request.identifier) },
      willMakeParent: { path throws(SystemError) in try store.add(parent: path, of: request.identifier) })
    let cgroup =
      request.cgroupManager == .systemd
      ? try placement.makeScope() : try placement.make(warnings: &warnings)
    if filtersDevices {
      try Self.filterDevices(resources.deviceRules, of: cgroup, warnings: &warnings)
    }
    return cgroup
  }

  /// Root's container without a user namespace could open any device it makes a node for. In a user namespace
  /// there are only those that have been bound, and those of `linux.devices`.
  private static func filterDevices(
    _ rules: [RuntimeSpec.DeviceRule], of cgroup: Cgroup?, warnings: inout [String]
  ) throws(IsolateError) {
    guard let cgroup else {
      warnings.append(
        "config.json: linux.resources.devices: not enforced without a cgroup; without CAP_MKNOD in process.capabilities no other devices can be reached"
      )
      return
    }
    do { try DeviceFilter(rules + DeviceFilter.always).attach(to: cgroup.directory) } catch {
      cgroup.remove()
      throw .unavailable(
        what: "config.json: linux.resources.devices", why: "\(error)",
        remedy: "it needs CAP_BPF or CAP_SYS_ADMIN; with a user namespace the rules are not needed")
    }
  }

  /// Fails closed where less than the request's level can be had, as far as that is known before the launch.
  static func requireLevel(of request: Request, hasCgroup: Bool) throws(IsolateError) {
    let linux = request.bundle.spec.linux
    let level = Confinement.ownMounts.level(
      limitsByCgroup: hasCgroup, mapsRange: linux.uidMappings.reduce(0) { $0 + Int($1.size) } > 1)
    guard level < request.minimumLevel else { return }
    throw .unavailable(
      what: "--min-level L\(request.minimumLevel)", why: "the container would have L\(level)",
      remedy: hasCgroup
        ? "L6 takes a range of ids: more than one in linux.uidMappings"
        : "L5 and L6 take a cgroup: start where one is delegated, as by systemd-run --user --scope")
  }

  /// Whether a limit of memory may be too small for the set-up itself. The kernel then ends the child with all
  /// processes that share its memory (oom_kill.c, __oom_kill_process): the child must not share ours, or nobody is
  /// left to say so and to remove the cgroup.
  static func isScarce(_ resources: RuntimeSpec.Resources?) -> Bool {
    guard let resources else { return false }
    let least: Int64 = 32 << 20
    let limits = [resources.memoryLimitInBytes, resources.unified["memory.max"].flatMap { Int64($0) }]
    return limits.contains { limit in limit.map { $0 >= 0 && $0 < least } ?? false }
  }

  /// What is to be said of a process that the kernel ended for its cgroup's limit of memory: its status says no more
  /// than that of one that somebody killed.
  func memoryEnding(of container: Container, _ record: ContainerRecord) -> [String] {
    guard let path = record.cgroupPath, (try? container.exitIfEnded())??.signal == SIGKILL,
      (Cgroup.outOfMemoryKills(of: path) ?? 0) > 0
    else { return [] }
    let limit = (Files.text("\(path)/memory.max") ?? "").split(separator: "\n").first ?? ""
    return [
      "its process was ended by the kernel: out of memory (linux.resources.memory.limit, \(limit) bytes)"
    ]
  }
}
