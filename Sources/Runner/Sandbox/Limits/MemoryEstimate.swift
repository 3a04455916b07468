import Glibc
import Isolate

/// What a sandbox may hold by now: the last count, and what has come since as cheap looks tell.
struct MemoryEstimate {
  /// What a cheap look sees.
  private struct Sizes {
    /// Resident in processes, shared pages once for each; bytes.
    var resident: Int64 = 0
    /// In filesystems, segments and sockets, as exactly as any count; bytes.
    var shared: Int64 = 0
    /// What the host has left, and has in memory that may be shared.
    var host: HostMemory
    /// Only where sockets are not among `shared`: each that is opened may be one that holds much.
    var openFiles = 0
    /// What the processes have used of processors, in nanoseconds.
    var busy: Int64 = 0
  }

  /// The last count, in bytes.
  private(set) var counted: Int64 = 0
  /// What counting took in the last look, in milliseconds; 0 where it did not count.
  private(set) var lookCounted = 0
  private var estimate: Int64 = 0
  private var growthPerMillisecond: Int64 = 0
  /// The most that counts of the last while have shown to grow, in bytes a millisecond: two that come within a
  /// millisecond may find a program between two of its writes.
  private var countGrowth: Int64 = 0
  private var grewAt = 0
  private var then = Sizes(host: HostMemory())
  private var last: HeldMemory?
  /// What the host has lost where no size shows it since open files were looked through, in bytes. Counts that come one
  /// after the other see little each.
  private var hidden: Int64 = 0
  private var countedAt = 0
  /// What a count costs, in milliseconds: the less of the last two, as one may have been held up. The first is made by
  /// code and of files that nobody has used yet.
  private var countTook = 0
  private var lastTook = 1
  private var lastLook = 0

  /// How long a count may be good for when nothing points to more, and when the program does something; in
  /// milliseconds.
  private static let longestTrust = 200
  private static let trustInActivity = 20
  /// What changes in any program without a meaning, in bytes.
  private static let idleChange: Int64 = 1 << 20
  /// How many files may be opened before that is noticed.
  private static let manyFiles = 64
  /// What the host may lose beside a program's sizes before its open files are looked through again, in bytes.
  private static let hiddenGrowth: Int64 = 8 << 20
  /// How long before the limit each look counts, in milliseconds.
  private static let raceTime: Int64 = 50
  /// How long a growth that was counted is thought to go on, in milliseconds.
  private static let growthMemory = 100
  /// What a program is thought capable of, in bytes a millisecond: 1 GiB a second.
  private static let leastGrowth: Int64 = (1 << 30) / 1000

  /// Looks at a sandbox's processes; true when they hold more than `limit`.
  mutating func look(_ tree: ProcessTree, _ shared: SharedMemory, limit: Int64) -> Bool {
    let now = Clock.milliseconds()
    let sizes = Self.sizes(tree, shared)
    let before = estimate
    // Whatever is held where no size shows it is missing from the host's memory.
    let lost = sizes.host.lost(since: then.host)
    let grown = sizes.resident - then.resident + sizes.shared - then.shared
    let age = now - countedAt
    estimate = counted + max(0, grown, lost, isActive(sizes) ? countGrowth * Int64(age) : 0)
    let growth = lastLook == 0 ? 0 : max(0, estimate - before) / Int64(max(1, now - lastLook))
    // What pauses for a moment goes on as before.
    growthPerMillisecond = max(growth, countGrowth, growthPerMillisecond / 4 * 3)
    lastLook = now
    lookCounted = 0
    if isCountDue(age, sizes, grown: grown, lost: lost, limit) {
      // What went where no size shows it is in open files, if it is this program's: an older look does not know it.
      hidden += max(0, lost - max(0, grown))
      let isHidden = hidden > Self.hiddenGrowth
      let account = HeldMemory(
        tree.processes, shared: shared, present: sizes.shared, limit: limit, before: isHidden ? nil : last)
      last = account
      if account.looksAnew { hidden = 0 }
      let growth = countedAt == 0 ? 0 : max(0, account.bytes - counted) / Int64(max(1, age))
      if growth >= countGrowth || now - grewAt > Self.growthMemory { (countGrowth, grewAt) = (growth, now) }
      counted = account.bytes
      estimate = account.bytes
      then = sizes
      countedAt = Clock.milliseconds()
      lookCounted = countedAt - now
      countTook = min(lookCounted, lastTook)
      lastTook = lookCounted
    }
    return counted > limit
  }

  private static func sizes(_ tree: ProcessTree, _ shared: SharedMemory) -> Sizes {
    Sizes(
      resident: tree.residentBytes, shared: shared.bytes, host: .now,
      openFiles: shared.countsSockets ? 0 : OpenFiles.count(of: tree.processes),
      busy: tree.processorNanoseconds)
  }

  /// Whether the processes have done anything since the last count.
  private func isActive(_ sizes: Sizes) -> Bool { sizes.busy - then.busy > 2_000_000 }

  /// Whether to count: what is known is old, or the limit may be passed by the time that a count ends.
  private func isCountDue(_ age: Int, _ sizes: Sizes, grown: Int64, lost: Int64, _ limit: Int64) -> Bool {
    if countedAt == 0 || age >= max(Self.longestTrust, countTook * 20) { return true }
    let moved = max(abs(grown), abs(lost)) > Self.idleChange
    let isActive = isActive(sizes)
    if moved || isActive, age >= max(Self.trustInActivity, countTook * 10) { return true }
    // Nothing but less elsewhere can keep it below the limit now.
    if counted + sizes.shared - then.shared > limit { return true }
    let opened = sizes.openFiles - then.openFiles >= Self.manyFiles
    if opened, age >= countTook * 5 { return true }
    if isRacing(for: limit) { return true }
    guard estimate + growthPerMillisecond * Int64(countTook) > limit else { return false }
    // What others take of the host's memory is no reason to look at this program all the time.
    return age >= (isActive || opened ? countTook : countTook * 3)
  }

  /// Whether counts have shown a growth by which `limit` is passed within some fifty milliseconds: so long each look
  /// counts, and comes at once.
  func isRacing(for limit: Int64?) -> Bool {
    guard let limit, countGrowth >= Self.leastGrowth / 2 else { return false }
    return limit - counted < countGrowth * Self.raceTime
  }

  /// How long it takes at least, as far as can be told, until `limit` is passed; in milliseconds.
  func timeTo(_ limit: Int64?) -> Int? {
    guard let limit else { return nil }
    return Int(max(0, limit - estimate) / (2 * max(growthPerMillisecond, Self.leastGrowth)))
  }
}

/// The host's memory at one moment.
struct HostMemory {
  /// What programs may still take before others have to give some up ("MemAvailable", proc(5), Linux 3.14); bytes.
  var available: Int64?
  /// What files in memory and segments take ("Shmem"); bytes.
  var shared: Int64?

  /// Reads /proc/meminfo.
  static var now: HostMemory {
    var memory = HostMemory()
    for line in (Files.text("/proc/meminfo", endsAtShortRead: true) ?? "").split(separator: "\n") {
      if line.hasPrefix("MemAvailable:") { memory.available = bytes(line) }
      if line.hasPrefix("Shmem:") {
        memory.shared = bytes(line)
        break  // it comes after the other one
      }
    }
    return memory
  }

  /// What it has less of by now, in bytes. What is available may lag behind by hundreds of mebibytes, which processors
  /// keep for themselves of freed pages (Linux 6.7); what is shared does not.
  func lost(since then: HostMemory) -> Int64 {
    let less = then.available.flatMap { then in available.map { then - $0 } } ?? 0
    let more = then.shared.flatMap { then in shared.map { $0 - then } } ?? 0
    return max(less, more)
  }

  private static func bytes(_ line: Substring) -> Int64? {
    line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 * 1024 }
  }
}
