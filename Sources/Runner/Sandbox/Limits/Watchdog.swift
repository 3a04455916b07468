import Analysis
import Glibc
package import Isolate

/// Limits where there is no cgroup: looks at memory, processes and what is written, the more often the nearer a limit
/// is.
///
/// Weaker than a cgroup: a program may be over its limit between two looks. The report says by how much it was.
package struct Watchdog {
  package enum Verdict { case memory, processes, disk }

  /// The limits that are to be watched; nil is none.
  package struct Limits {
    package var memoryInBytes: Int64?
    package var processes: Int?
    package var disk: DiskUse?

    package init(memoryInBytes: Int64? = nil, processes: Int? = nil, disk: DiskUse? = nil) {
      self.memoryInBytes = memoryInBytes
      self.processes = processes
      self.disk = disk
    }

    /// Whether there is nothing to watch.
    package var isEmpty: Bool { memoryInBytes == nil && processes == nil && disk == nil }

    /// What was passed, in words.
    package func described(_ verdict: Verdict) -> String {
      switch verdict {
      case .memory: "more than \(ByteCount.describe(memoryInBytes ?? 0)) of memory"
      case .processes: "more than \(processes ?? 0) processes"
      case .disk:
        "\(ByteCount.describe(disk?.written ?? 0)) written, more than \(ByteCount.describe(disk?.limit ?? 0))"
      }
    }
  }

  private let limits: Limits
  private let shared: SharedMemory?
  private var pace = LookPace()
  private var memory = MemoryEstimate()
  private(set) var memoryPeak: Int64 = 0
  package private(set) var processesPeak = 0

  /// Watches a container that has just been started.
  package init(_ container: Container, _ limits: Limits) {
    self.limits = limits
    shared = limits.memoryInBytes == nil ? nil : SharedMemory(of: container)
  }

  /// Milliseconds until the next look is due.
  package var period: Int { pace.period }

  /// The most that was held beyond the limit, in bytes; nil while the limit was kept or where none is.
  var memoryOvershoot: Int64? {
    guard let limit = limits.memoryInBytes, memoryPeak > limit else { return nil }
    return memoryPeak - limit
  }

  /// The longest time between two looks, in milliseconds: a program's chance to be over its limit unseen.
  var longestGap: Int { pace.longestGap }

  /// Looks, when it is time to; the verdict is which limit was passed.
  package mutating func look(at root: Int32, now: Int) -> Verdict? {
    guard pace.begin(now) else { return nil }
    let verdict = look(at: root)
    pace.end(Clock.milliseconds(), memory.timeTo(limits.memoryInBytes))
    return verdict
  }

  private mutating func look(at root: Int32) -> Verdict? {
    if limits.memoryInBytes != nil || limits.processes != nil {
      let tree = ProcessTree(root: root)
      let tasks = tree.taskCount
      processesPeak = max(processesPeak, tasks)
      if let limit = limits.processes, tasks > limit { return .processes }
      if let limit = limits.memoryInBytes, let shared {
        let isOver = memory.look(tree, shared, limit: limit)
        memoryPeak = max(memoryPeak, memory.counted)
        if isOver { return .memory }
      }
    }
    let isFull = limits.disk?.look { OpenFiles(of: ProcessTree(root: root).processes).diskBytes } ?? false
    return isFull ? .disk : nil
  }
}
