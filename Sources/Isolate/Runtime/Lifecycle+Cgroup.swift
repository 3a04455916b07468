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
    do { try SpecValidator.resources(resources) } catch { throw .specification(error) }
    let path = try cgroupPath(of: record)
    do { try Cgroup.apply(CgroupSettings(resources), to: path) } catch { throw .system(error) }
    _ = consume lock
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
