import CShims
import Glibc

/// Writes a child's id maps from the parent: directly when we are privileged, by newuidmap(1) and
/// newgidmap(1) when the maps need more than the caller's own id.
struct IDMapWriter {
  let uidMappings: [RuntimeSpec.IDMapping]
  let gidMappings: [RuntimeSpec.IDMapping]
  /// What newuidmap(1) or newgidmap(1) had to say of a map that it did not write, with the map's member.
  private(set) var complaint: (member: String, why: String, remedy: String)?

  init(uidMappings: [RuntimeSpec.IDMapping], gidMappings: [RuntimeSpec.IDMapping]) {
    self.uidMappings = uidMappings
    self.gidMappings = gidMappings
  }

  /// True when the child may write the maps itself: one line that maps the caller's own id.
  static func childCanWrite(_ uid: [RuntimeSpec.IDMapping], _ gid: [RuntimeSpec.IDMapping]) -> Bool {
    uid.count == 1 && gid.count == 1 && uid[0].size == 1 && gid[0].size == 1
      && uid[0].hostID == UserNamespace.callersUser
      && gid[0].hostID == UserNamespace.callersGroup
  }

  static func text(_ mappings: [RuntimeSpec.IDMapping]) -> String {
    var text = ""
    for mapping in mappings { text += "\(mapping.containerID) \(mapping.hostID) \(mapping.size)\n" }
    return text
  }

  /// Writes both maps of `pid`. Returns 0 or -errno.
  mutating func write(pid: Int32) -> Int32 {
    do {
      if UserNamespace.callersUser == 0 {
        try Files.write(Self.text(gidMappings), to: "/proc/\(pid)/gid_map")
        try Files.write(Self.text(uidMappings), to: "/proc/\(pid)/uid_map")
        return 0
      }
    } catch let error {
      return -error.code
    }
    let uid = run("newuidmap", "linux.uidMappings", pid: pid, uidMappings)
    return uid < 0 ? uid : run("newgidmap", "linux.gidMappings", pid: pid, gidMappings)
  }

  /// What `write` failed with.
  func error(_ code: Int32) -> IsolateError {
    guard let (member, why, remedy) = complaint else {
      return .system(SystemError("write", "id maps", code: -code))
    }
    return .unavailable(what: "config.json: \(member)", why: why, remedy: remedy)
  }

  private mutating func run(
    _ name: String, _ member: String, pid: Int32, _ mappings: [RuntimeSpec.IDMapping]
  ) -> Int32 {
    guard let path = SubordinateIDs.helper(name) else {
      complaint = Surroundings.helperCause(name).map { (member, $0.why, $0.advice) }
      return -ENOENT
    }
    var arguments = [name, "\(pid)"]
    for mapping in mappings {
      arguments += ["\(mapping.containerID)", "\(mapping.hostID)", "\(mapping.size)"]
    }
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    defer { unsafe vector.forEach { unsafe free($0) } }
    var environment: [UnsafeMutablePointer<CChar>?] = unsafe [nil]
    let output = unsafe OwnedDescriptor(owning: isl_memfd("output"))
    // Errors are one line, ours.
    let child = unsafe isl_spawn(path, &vector, &environment, [-1, -1, output.number])
    if child < 0 { return child }
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0 {
      if errno != EINTR { return -errno }
    }
    if status == 0 { return 0 }
    var said = [UInt8](repeating: 0, count: 512)
    let count = unsafe pread(output.number, &said, said.count, 0)
    let text = String(decoding: said.prefix(max(0, count)), as: UTF8.self)
    let words = text.split { $0.isNewline }.joined(separator: "; ")
    let cause = Surroundings.helperCause(name)
    complaint = (
      member, cause?.why ?? (words.isEmpty ? "\(name) refuses it" : words),
      cause?.advice
        ?? "/etc/subuid and /etc/subgid say which ids the caller may map, each once"
    )
    return -EPERM
  }
}
