import CShims
import Glibc

/// A user namespace with ranges of ids that a caller keeps, for containers with ids of these ranges: theirs are made
/// within it, by a process that enters it and therefore may map its ids, so that newuidmap(1) and newgidmap(1) run
/// once and not for each container (`ContainerOptions.heldUserNamespace`).
///
/// Nobody is in it but for that moment, and a container has a user namespace of its own all the same, with no rights
/// over this one or another container's (user_namespaces(7), "Capabilities"). It ends with this object and the last
/// container.
public final class HeldUserNamespace: Sendable {
  let descriptor: Int32
  private let users: [RuntimeSpec.IDMapping]
  private let groups: [RuntimeSpec.IDMapping]

  /// Makes one with these maps, among which the caller's own ids must be: whoever makes a namespace in it is known in
  /// it.
  ///
  /// - Throws: `IsolateError` when the caller may not map these ids.
  public init(
    users: [RuntimeSpec.IDMapping], groups: [RuntimeSpec.IDMapping]
  ) throws(IsolateError) {
    for (maps, own, member) in [
      (users, UserNamespace.callersUser, "uidMappings"), (groups, UserNamespace.callersGroup, "gidMappings"),
    ] {
      guard Self.place(of: own, size: 1, in: maps) != nil else {
        throw .unavailable(
          what: "held user namespace", why: "\(member) leaves out the caller's own id \(own)",
          remedy: "map it, as SubordinateIDs.mappings does")
      }
    }
    let pid = unsafe isl_spawn_placeholder(isl_namespace_flag("user"))
    guard pid > 0 else { throw .system(SystemError("clone", "user namespace", code: -pid)) }
    defer {
      _ = kill(pid, SIGKILL)
      while waitpid(pid, nil, 0) < 0, errno == EINTR {}
    }
    var maps = IDMapWriter(uidMappings: users, gidMappings: groups)
    let code = maps.write(pid: pid)
    if code < 0 { throw maps.error(code) }
    let path = "/proc/\(pid)/ns/user"
    let number = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard number >= 0 else { throw .system(SystemError("open", path, code: errno)) }
    (descriptor, self.users, self.groups) = (number, users, groups)
  }

  deinit { close(descriptor) }

  /// A configuration's maps as they read within this namespace, whose ids their second column has then.
  ///
  /// - Throws: `SpecError` for ids that are not in it.
  func translated(
    _ linux: RuntimeSpec.Linux
  ) throws(SpecError) -> (users: [RuntimeSpec.IDMapping], groups: [RuntimeSpec.IDMapping]) {
    (
      try Self.translated(linux.uidMappings, in: users, path: "linux.uidMappings"),
      try Self.translated(linux.gidMappings, in: groups, path: "linux.gidMappings")
    )
  }

  private static func translated(
    _ mappings: [RuntimeSpec.IDMapping], in held: [RuntimeSpec.IDMapping], path: String
  ) throws(SpecError) -> [RuntimeSpec.IDMapping] {
    var inside: [RuntimeSpec.IDMapping] = []
    for (index, mapping) in mappings.enumerated() {
      guard let place = place(of: mapping.hostID, size: mapping.size, in: held) else {
        throw SpecError(
          path: "\(path)[\(index)]", message: "is not all in one range of the held user namespace")
      }
      inside.append(
        RuntimeSpec.IDMapping(containerID: mapping.containerID, hostID: place, size: mapping.size))
    }
    return inside
  }

  /// Where ids of the host begin within the namespace, if one of its lines has them all.
  private static func place(of id: UInt32, size: UInt32, in held: [RuntimeSpec.IDMapping]) -> UInt32? {
    for line in held where id >= line.hostID {
      let offset = id - line.hostID
      if UInt64(offset) + UInt64(size) <= UInt64(line.size) { return line.containerID + offset }
    }
    return nil
  }
}
