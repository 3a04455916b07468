import Glibc
package import Isolate

/// The processes of a sandbox, read from the host's /proc through their parent links.
package struct ProcessTree {
  package let processes: [Int32]

  /// Walks down from a container's first process: everything in its PID namespace descends from it.
  package init(root: Int32) { processes = ProcessDescendants(of: root).processes }

  /// The program's processes: without the keeper of a container that has no PID namespace.
  package init(of container: Container) {
    let all = ProcessDescendants(of: container.processID).processes
    processes = container.confinement.hasNamespaces ? all : Array(all.dropFirst())
  }

  /// The processes' names by their numbers.
  package var names: [Int32: String] {
    var names: [Int32: String] = [:]
    for pid in processes {
      names[pid] = Files.text("/proc/\(pid)/comm")?.split(separator: "\n").first.map(String.init)
    }
    return names
  }

  /// Threads of all processes: what RLIMIT_NPROC and pids.max count.
  var taskCount: Int {
    processes.reduce(0) { sum, pid in sum + ((try? Files.names(in: "/proc/\(pid)/task").count) ?? 0) }
  }

  /// Resident memory summed over the processes; pages shared between them count for each.
  var residentBytes: Int64 {
    let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
    return processes.reduce(0) { sum, pid in
      let fields = (Files.text("/proc/\(pid)/statm") ?? "").split(separator: " ")
      return sum + (fields.count > 1 ? (Int64(fields[1]) ?? 0) * page : 0)
    }
  }

  /// What the processes have used of processors so far; in nanoseconds (clock_getcpuclockid(3)).
  var processorNanoseconds: Int64 {
    processes.reduce(0) { sum, pid in
      var clock = clockid_t()
      var time = timespec()
      guard unsafe clock_getcpuclockid(pid, &clock) == 0, unsafe clock_gettime(clock, &time) == 0 else {
        return sum
      }
      return sum + Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
  }
}
