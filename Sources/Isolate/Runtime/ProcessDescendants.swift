/// A process and everything that descends from it, read from /proc (proc(5), task/TID/children).
///
/// Everything in a container's PID namespace descends from its first process.
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
}
