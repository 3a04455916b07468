import CShims
import Formats
import Glibc
import Isolate

/// The ids that packages' scripts get when root builds an image: none that anybody else of the machine has.
struct BuildIDs: Equatable {
  var user: UInt32
  var group: UInt32
  var count: UInt32

  /// Those of this machine; nil for who is not root, whose ranges newuidmap(1) maps.
  ///
  /// - Throws: `Failure` when root has too few ids to give some away, as in a container of one id.
  static func ofRoot() throws(Failure) -> BuildIDs? {
    guard geteuid() == 0 else { return nil }
    let users = Source(ranges: Files.text("/etc/subuid"), map: Files.text("/proc/self/uid_map"))
    let groups = Source(ranges: Files.text("/etc/subgid"), map: Files.text("/proc/self/gid_map"))
    guard let ids = choose(users, groups) else {
      throw Failure(
        .system, "root has not enough ids here to build with others than its own",
        remedy: "start the container with a range of 65536 ids, or build as a user without privileges")
    }
    return ids
  }

  /// What is known of one kind of ids: the text of subuid(5) or subgid(5), and the map of our own user namespace
  /// (user_namespaces(7)).
  struct Source {
    var ranges: String?
    var map: String?
  }

  /// How many a Debian system needs: up to nobody's 65534.
  private static let needed: UInt64 = 65536

  static func choose(_ users: Source, _ groups: Source) -> BuildIDs? {
    if let user = start(users), let group = start(groups) {
      return BuildIDs(user: user, group: group, count: UInt32(needed))
    }
    // A container that has no more itself: all but root's own.
    guard has(users, 1, needed - 1), has(groups, 1, needed - 1) else { return nil }
    return BuildIDs(user: 1, group: 1, count: UInt32(needed - 1))
  }

  /// Root's own range, else the one after all that are given away.
  private static func start(_ source: Source) -> UInt32? {
    let ranges = (source.ranges ?? "").split(separator: "\n").compactMap {
      line -> (String, UInt64, UInt64)? in
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 3, let start = UInt32(fields[1]), let count = UInt32(fields[2]) else {
        return nil
      }
      return (String(fields[0]), UInt64(start), UInt64(count))
    }
    // Below, systemd and useradd(8) give ids to people and services.
    let end = ranges.map { $0.1 + $0.2 }.max() ?? 0
    let free = (max(end, 1 << 19) + needed - 1) / needed * needed
    let own = ranges.filter { ["root", "0"].contains($0.0) && $0.2 >= needed }.map(\.1)
    return (own + [free]).first { has(source, $0, needed) }.map { UInt32($0) }
  }

  /// Whether the map of our own namespace has `count` ids from `start` on.
  private static func has(_ source: Source, _ start: UInt64, _ count: UInt64) -> Bool {
    var next = start
    let lines = (source.map ?? "").split(separator: "\n").compactMap { line -> (UInt64, UInt64)? in
      let fields = line.split(separator: " ").compactMap { UInt64($0) }
      return fields.count == 3 ? (fields[0], fields[0] + fields[2]) : nil
    }
    for (first, end) in lines.sorted(by: { $0.0 < $1.0 }) where first <= next && next < end { next = end }
    // 2^32-1 is no id.
    return next >= start + count && start + count < UInt64(UInt32.max)
  }
}
