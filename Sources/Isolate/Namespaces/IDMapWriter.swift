import CShims
import Glibc

/// Writes a child's id maps from the parent: directly when we are privileged, by newuidmap(1) and
/// newgidmap(1) when the maps need more than the caller's own id.
struct IDMapWriter {
  let uidMappings: [RuntimeSpec.IDMapping]
  let gidMappings: [RuntimeSpec.IDMapping]

  /// True when the child may write the maps itself: one line that maps the caller's own id.
  static func childCanWrite(_ uid: [RuntimeSpec.IDMapping], _ gid: [RuntimeSpec.IDMapping]) -> Bool {
    uid.count == 1 && gid.count == 1 && uid[0].size == 1 && gid[0].size == 1
      && uid[0].hostID == UserNamespace.callersUser
      && gid[0].hostID == UserNamespace.callersGroup
  }

  static func text(_ mappings: [RuntimeSpec.IDMapping]) -> String {
    mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
  }

  /// Writes both maps of `pid`. Returns 0 or -errno.
  func write(pid: Int32) -> Int32 {
    do {
      if UserNamespace.callersUser == 0 {
        try Files.write(Self.text(gidMappings), to: "/proc/\(pid)/gid_map")
        try Files.write(Self.text(uidMappings), to: "/proc/\(pid)/uid_map")
        return 0
      }
    } catch let error {
      return -error.code
    }
    let uid = run("newuidmap", pid: pid, uidMappings)
    return uid < 0 ? uid : run("newgidmap", pid: pid, gidMappings)
  }

  private func run(_ name: String, pid: Int32, _ mappings: [RuntimeSpec.IDMapping]) -> Int32 {
    guard let path = SubordinateIDs.helper(name) else { return -ENOENT }
    var arguments = [name, "\(pid)"]
    for mapping in mappings {
      arguments += ["\(mapping.containerID)", "\(mapping.hostID)", "\(mapping.size)"]
    }
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    defer { unsafe vector.forEach { unsafe free($0) } }
    var child: pid_t = 0
    var environment: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
    let error = unsafe posix_spawn(&child, path, nil, nil, &vector, &environment)
    if error != 0 { return -error }
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0 {
      if errno != EINTR { return -errno }
    }
    return status == 0 ? 0 : -EPERM
  }
}
