import CShims
import Glibc

/// Ranges of ids a user may map into a namespace (subuid(5), subgid(5)).
public struct SubordinateIDs: Sendable, Equatable {
  public var uidStart: UInt32
  public var uidCount: UInt32
  public var gidStart: UInt32
  public var gidCount: UInt32

  /// The first usable ranges of the calling user, or nil when there are none or newuidmap(1) and
  /// newgidmap(1) are not installed.
  public static func ofCaller() -> SubordinateIDs? {
    guard helper("newuidmap") != nil, helper("newgidmap") != nil else { return nil }
    let id = getuid()
    guard id != 0, let name = userName(of: id) else { return nil }
    guard let uids = range(in: Files.text("/etc/subuid"), name: name, id: id),
      let gids = range(in: Files.text("/etc/subgid"), name: name, id: id)
    else { return nil }
    return SubordinateIDs(
      uidStart: uids.start, uidCount: uids.count, gidStart: gids.start, gidCount: gids.count)
  }

  /// Maps that make the caller the container's root and the ranges its users from 1 on.
  public func mappings(
    userID: UInt32, groupID: UInt32
  ) -> (users: [RuntimeSpec.IDMapping], groups: [RuntimeSpec.IDMapping]) {
    func maps(_ own: UInt32, _ start: UInt32, _ count: UInt32) -> [RuntimeSpec.IDMapping] {
      [
        RuntimeSpec.IDMapping(containerID: 0, hostID: own, size: 1),
        RuntimeSpec.IDMapping(containerID: 1, hostID: start, size: count),
      ]
    }
    return (maps(userID, uidStart, uidCount), maps(groupID, gidStart, gidCount))
  }

  /// The caller's name from /etc/passwd: no NSS in a static program.
  static func userName(of id: UInt32, passwd: String? = Files.text("/etc/passwd", limit: 16 << 20)) -> String?
  {
    for line in (passwd ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count > 3, UInt32(fields[2]) == id { return String(fields[0]) }
    }
    return nil
  }

  static func range(in table: String?, name: String, id: UInt32) -> (start: UInt32, count: UInt32)? {
    for line in (table ?? "").split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 3, fields[0] == name || UInt32(fields[0]) == id,
        let start = UInt32(fields[1]), let count = UInt32(fields[2]), count > 0,
        UInt64(start) + UInt64(count) < UInt64(UInt32.max)
      else { continue }
      return (start, count)
    }
    return nil
  }

  /// The helper's path: the fixed system directories only, never PATH.
  static func helper(_ name: String) -> String? { find(name, X_OK) }

  /// The same, whether the caller may execute it or not.
  static func installed(_ name: String) -> String? { helper(name) ?? find(name, F_OK) }

  private static func find(_ name: String, _ mode: Int32) -> String? {
    for directory in ["/usr/bin", "/bin", "/usr/local/bin"]
    where unsafe access("\(directory)/\(name)", mode) == 0 {
      return "\(directory)/\(name)"
    }
    return nil
  }
}
