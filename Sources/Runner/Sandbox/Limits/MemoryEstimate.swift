import Glibc
import Isolate

/// What a sandbox may hold by now: the last count, and what has come since as cheap looks tell.
struct MemoryEstimate {
  /// The last count, in bytes.
  private(set) var counted: Int64 = 0
  private var estimate: Int64 = 0
  private var growthPerMillisecond: Int64 = 0
  private var residentThen: Int64 = 0
  private var availableThen: Int64?
  private var countedAt = 0
  private var countTook = 0
  private var lastLook = 0

  /// How long a count may be good for when nothing points to more, in milliseconds.
  private static let longestTrust = 200
  /// What a program is thought capable of, in bytes a millisecond: 1 GiB a second.
  private static let leastGrowth: Int64 = (1 << 30) / 1000

  /// Looks at a sandbox's processes; true when they hold more than `limit`.
  mutating func look(_ tree: ProcessTree, _ shared: SharedMemory, limit: Int64) -> Bool {
    let now = Clock.milliseconds()
    let resident = tree.residentBytes
    let available = HostMemory.availableBytes
    // Whatever is held where no process's size shows it is missing from the host's memory.
    let lost = availableThen.flatMap { then in available.map { then - $0 } } ?? 0
    let before = estimate
    estimate = counted + max(0, resident - residentThen, lost)
    let isOld = now - countedAt >= max(Self.longestTrust, countTook * 20) || countedAt == 0
    let isRested = now - countedAt >= countTook * 3
    if isOld || (estimate > limit && isRested) {
      let account = HeldMemory(tree.processes, shared: shared)
      counted = account.bytes
      estimate = account.bytes
      residentThen = resident
      availableThen = HostMemory.availableBytes
      countedAt = Clock.milliseconds()
      countTook = countedAt - now
    }
    growthPerMillisecond = lastLook == 0 ? 0 : max(0, estimate - before) / Int64(max(1, now - lastLook))
    lastLook = now
    return counted > limit
  }

  /// How long it takes at least, as far as can be told, until `limit` is passed; in milliseconds.
  func timeTo(_ limit: Int64?) -> Int? {
    guard let limit else { return nil }
    return Int(max(0, limit - estimate) / (2 * max(growthPerMillisecond, Self.leastGrowth)))
  }
}

/// The host's memory.
enum HostMemory {
  /// What programs may still take before others have to give some up ("MemAvailable", proc(5), Linux 3.14); bytes.
  static var availableBytes: Int64? {
    for line in (Files.text("/proc/meminfo", endsAtShortRead: true) ?? "").split(separator: "\n")
    where line.hasPrefix("MemAvailable:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 * 1024 }
    }
    return nil
  }
}
