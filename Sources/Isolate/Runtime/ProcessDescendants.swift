/// A process and everything that descends from it, read from /proc (proc(5), task/TID/children).
///
/// Everything in a container's PID namespace descends from its first process, or from one that has joined it.
package struct ProcessDescendants {
  /// The root first.
  package let processes: [Int32]

  /// Walks down from a process.
  package init(of root: Int32) {
    var found = [root]
    var next = 0
    while next < found.count, found.count < 100_000 {
      let pid = found[next]
      next += 1
      for task in (try? Files.names(in: "/proc/\(pid)/task")) ?? [] {
        let children = Files.text("/proc/\(pid)/task/\(task)/children") ?? ""
        found += children.split(separator: " ").compactMap { Int32($0) }
      }
    }
    processes = found
  }

  /// The processes of a container without a cgroup, its first one first: what descends from that one, and what has
  /// joined its PID namespace from outside (`isolate exec`) with what descends from those.
  package static func ofContainer(_ first: Int32) -> [Int32] {
    var found = ProcessDescendants(of: first).processes
    guard let namespace = Files.link("/proc/\(first)/ns/pid"), namespace != Files.link("/proc/self/ns/pid")
    else { return found }
    var known = Set(found)
    for name in (try? Files.names(in: "/proc")) ?? [] {
      guard let pid = Int32(name), !known.contains(pid), Files.link("/proc/\(pid)/ns/pid") == namespace
      else { continue }
      for process in ProcessDescendants(of: pid).processes where known.insert(process).inserted {
        found.append(process)
      }
    }
    return found
  }
}
