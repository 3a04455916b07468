import Analysis
import CShims
import Glibc
package import Isolate
import Synchronization

/// Limits where there is no cgroup: looks at memory, processes and what is written, the more often the nearer a limit
/// is, in a thread of its own, so that nothing else makes a look late. Whoever passes a limit is killed at once.
///
/// Weaker than a cgroup: a program may be over its limit between two looks. The report says by how much it was.
package final class Watchdog {
  package enum Verdict: Sendable { case memory, processes, disk }

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

  /// What the thread has found so far.
  private final class Found: Sendable {
    struct State {
      var verdict: Verdict?
      var memoryPeak: Int64 = 0
      var processesPeak = 0
      var memory: Int64?
      var processes: Int?
    }
    let state = Mutex(State())
  }

  private let limits: Limits
  private let found = Found()
  /// A pipe: once it is written to, the thread ends.
  private let ending: OwnedDescriptor
  private let ended: OwnedDescriptor
  private let thread: JoinedThread?

  /// Watches a container that has just been started. Until `end` nobody else may use the limit of the disk.
  ///
  /// - Throws: what pipe(2) and pthread_create(3) fail with.
  package init(_ container: Container, _ limits: Limits) throws(SystemError) {
    self.limits = limits
    var ends: [Int32] = [-1, -1]
    guard unsafe isl_pipe(&ends) == 0 else { throw SystemError("pipe", code: errno) }
    ending = OwnedDescriptor(owning: ends[1])
    ended = OwnedDescriptor(owning: ends[0])
    if limits.isEmpty {
      thread = nil
      return
    }
    let looks = Looks(container, limits, found, ended: ended.number)
    thread = try JoinedThread { looks.go() }
  }

  /// Ends the looks; the verdict is which limit was passed.
  @discardableResult
  package func end() -> Verdict? {
    if let thread {
      _ = unsafe write(ending.number, [0 as UInt8], 1)
      thread.join()
    }
    return found.state.withLock { $0.verdict }
  }

  deinit { end() }

  /// The most memory that was counted, in bytes.
  var memoryPeak: Int64 { found.state.withLock { $0.memoryPeak } }

  /// The memory that was counted last, in bytes; nil where it is not watched.
  var memory: Int64? { found.state.withLock { $0.memory } }

  /// The tasks that were seen last; nil where they are not watched.
  var processes: Int? { found.state.withLock { $0.processes } }

  /// The most tasks that were seen.
  var processesPeak: Int { found.state.withLock { $0.processesPeak } }

  /// The most that was held beyond the limit, in bytes; nil while the limit was kept or where none is.
  var memoryOvershoot: Int64? {
    let peak = memoryPeak
    guard let limit = limits.memoryInBytes, peak > limit else { return nil }
    return peak - limit
  }

  /// The thread's side: nothing here is touched by another one.
  private final class Looks: @unchecked Sendable {
    private let container: Container
    private let limits: Limits
    private let shared: SharedMemory?
    private let found: Found
    private let ended: Int32
    private var pace = LookPace()
    private var memory = MemoryEstimate()

    init(_ container: Container, _ limits: Limits, _ found: Found, ended: Int32) {
      self.container = container
      self.limits = limits
      self.found = found
      self.ended = ended
      shared = limits.memoryInBytes == nil ? nil : SharedMemory(of: container)
    }

    /// Looks until a limit is passed, the container has ended, or the watchdog is ended.
    func go() {
      // A program of many processes must not make a look late. Where this is refused, looks are later under load.
      _ = isl_run_soon()
      while true {
        var watched = [
          pollfd(fd: ended, events: Int16(POLLIN), revents: 0),
          pollfd(fd: container.processDescriptor, events: Int16(POLLIN), revents: 0),
        ]
        _ = unsafe poll(&watched, 2, Int32(pace.period))
        if watched[0].revents != 0 || watched[1].revents != 0 { return }
        pace.begin(Clock.milliseconds())
        let verdict = container.looking { look() }
        if let verdict {
          found.state.withLock { $0.verdict = verdict }
          container.signal(SIGKILL)
          return
        }
        pace.end(
          Clock.milliseconds(), counted: memory.lookCounted, memory.timeTo(limits.memoryInBytes),
          isRacing: memory.isRacing(for: limits.memoryInBytes))
      }
    }

    private func look() -> Verdict? {
      if limits.memoryInBytes != nil || limits.processes != nil {
        let tree = ProcessTree(of: container)
        let tasks = tree.taskCount
        found.state.withLock {
          $0.processesPeak = max($0.processesPeak, tasks)
          $0.processes = tasks
        }
        if let limit = limits.processes, tasks > limit { return .processes }
        if let limit = limits.memoryInBytes, let shared {
          let isOver = memory.look(tree, shared, limit: limit)
          let counted = memory.counted
          found.state.withLock {
            $0.memoryPeak = max($0.memoryPeak, counted)
            $0.memory = counted
          }
          if isOver { return .memory }
        }
      }
      let isFull =
        limits.disk?.look { OpenFiles(of: ProcessTree(of: container).processes).diskBytes } ?? false
      return isFull ? .disk : nil
    }
  }
}
