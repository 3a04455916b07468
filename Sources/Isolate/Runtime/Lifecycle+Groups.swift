import Glibc

extension ContainerStore {
  fileprivate func groupsFile(_ identifier: String) -> String { "\(directory(identifier))/resctrl" }

  /// Writes down which groups of the resctrl filesystem are a container's, before they are made: first those that are
  /// removed with it, after an empty line those its processes belong to.
  func save(_ groups: ResourceControl.Membership, of identifier: String) throws(SystemError) {
    let text = (groups.own + [""] + groups.groups).joined(separator: "\n")
    try Files.write(text, to: groupsFile(identifier), flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
  }

  private func parentsFile(_ identifier: String) -> String { "\(directory(identifier))/cgroup-parents" }

  /// Writes down a cgroup that is made above a container's own, before it is made.
  func add(parent: String, of identifier: String) throws(SystemError) {
    try Files.write(
      parent + "\n", to: parentsFile(identifier), flags: O_WRONLY | O_CREAT | O_APPEND, mode: 0o600)
  }

  /// The cgroups that were made above a container's own, the outermost first.
  func parents(of identifier: String) -> [String] {
    (Files.text(parentsFile(identifier)) ?? "").split(separator: "\n").map(String.init)
  }

  /// The groups of a container; nil when it has none.
  func groups(of identifier: String) -> ResourceControl.Membership? {
    guard let text = Files.text(groupsFile(identifier)) else { return nil }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    guard let gap = lines.firstIndex(of: "") else { return nil }
    return .init(groups: Array(lines[(gap + 1)...]), own: Array(lines[..<gap]))
  }
}

extension Lifecycle {
  /// Makes the groups that `linux.intelRdt` asks for; nil when it asks for none.
  func makeGroups(_ request: Request) throws(IsolateError) -> ResourceControl.Membership? {
    guard let settings = request.bundle.spec.linux.intelRdt else { return nil }
    guard let control = ResourceControl.mounted() else {
      throw ResourceControl.refused(
        "", "no resctrl filesystem is mounted",
        "mount -t resctrl resctrl /sys/fs/resctrl, where the processor has it; or leave it out")
    }
    let groups = try control.membership(settings, identifier: request.identifier)
    do { try store.save(groups, of: request.identifier) } catch { throw .system(error) }
    do { try control.make(groups, settings) } catch {
      // Somebody else's may be in their place.
      unsafe unlink(store.groupsFile(request.identifier))
      throw error
    }
    return groups
  }

  /// Removes what `linux.intelRdt` has made for a container, and the cgroups that were made above its own, which is
  /// gone by now; those that others use stay.
  func removeGroups(of identifier: String) {
    if let groups = store.groups(of: identifier) { ResourceControl.remove(groups.own) }
    for parent in store.parents(of: identifier).reversed() { unsafe rmdir(parent) }
    removeSharedMounts(of: identifier)
  }
}
