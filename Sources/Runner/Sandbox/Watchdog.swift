import Glibc
import Isolate

/// Limits where there is no cgroup: looks at memory and process count every few milliseconds.
///
/// Weaker than a cgroup: a program may be over its limit between two looks. The report says so.
struct Watchdog {
  enum Verdict { case memory, processes }

  static let periodMilliseconds = 25

  private let memoryLimit: Int64?
  private let processLimit: Int?
  private var nextLook = 0
  private(set) var memoryPeak: Int64 = 0
  private(set) var processesPeak = 0

  init(memoryLimitInBytes: Int64?, processLimit: Int?) {
    memoryLimit = memoryLimitInBytes
    self.processLimit = processLimit
  }

  /// Looks, when it is time to; the verdict is which limit was passed.
  mutating func look(at root: Int32, now: Int) -> Verdict? {
    guard now >= nextLook else { return nil }
    nextLook = now + Self.periodMilliseconds
    let tree = ProcessTree(root: root)
    let tasks = tree.taskCount
    processesPeak = max(processesPeak, tasks)
    if let processLimit, tasks > processLimit { return .processes }
    let resident = tree.residentBytes
    // The cheap sum counts shared pages several times: only when it is over does the exact one decide.
    guard let memoryLimit, resident > memoryLimit else {
      memoryPeak = max(memoryPeak, resident)
      return nil
    }
    let exact = tree.proportionalBytes ?? resident
    memoryPeak = max(memoryPeak, exact)
    return exact > memoryLimit ? .memory : nil
  }
}
