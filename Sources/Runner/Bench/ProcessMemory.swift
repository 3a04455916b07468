import Glibc
import Isolate

/// Memory of processes, from /proc (proc(5)).
enum ProcessMemory {
  /// A file's device and number.
  struct Identity: Equatable {
    var device: UInt
    var number: UInt
  }

  /// The file behind a path, links followed.
  static func identity(of path: String) -> Identity? {
    var information = stat()
    guard unsafe stat(path, &information) == 0 else { return nil }
    return Identity(device: UInt(information.st_dev), number: UInt(information.st_ino))
  }

  /// All processes that descend from this one.
  static func descendants() -> [pid_t] {
    var children: [pid_t: [pid_t]] = [:]
    for name in (try? Files.names(in: "/proc")) ?? [] {
      guard let pid = pid_t(name), let text = Files.text("/proc/\(pid)/stat"),
        let end = text.lastIndex(of: ")")
      else { continue }
      let fields = text[text.index(after: end)...].split(separator: " ")
      guard fields.count > 1, let parent = pid_t(fields[1]), fields[0] != "Z" else { continue }
      children[parent, default: []].append(pid)
    }
    var found: [pid_t] = []
    var next = children[getpid()] ?? []
    while let pid = next.popLast() {
      found.append(pid)
      next += children[pid] ?? []
    }
    return found
  }

  /// Proportional set size of a process in KiB; its resident set size where that is not told; 0 when it has gone.
  static func kib(of pid: pid_t) -> Int {
    for (file, field) in [("smaps_rollup", "Pss:"), ("status", "VmRSS:")] {
      guard let text = Files.text("/proc/\(pid)/\(file)") else { continue }
      for line in text.split(separator: "\n") where line.hasPrefix(field) {
        if let number = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) { return number }
      }
    }
    return 0
  }
}
