import CShims
import Isolate

/// What the processes of a sandbox hold in memory at one moment, counted once however many share it.
///
/// Counted are their own pages, their share of files' pages (smaps_rollup, Linux 4.14), files of memfd_create(2),
/// what is in pipes and sockets, filesystems in memory, and System V segments. Not counted are page tables,
/// files on their way in a socket, and shared memory that was unmapped from every page table while its mapping
/// stays.
struct HeldMemory {
  /// A look through open files, and when it was.
  private struct Look {
    var files: OpenFiles
    var began: Int
    var took: Int

    /// Looks now; milliseconds.
    init(_ processes: [Int32], _ shared: SharedMemory) {
      began = Clock.milliseconds()
      files = OpenFiles(of: processes, notOn: shared.devices, countsSockets: !shared.countsSockets)
      took = Clock.milliseconds() - began
    }

    /// So many files take as long to look through as a program needs to take much memory: then the last look counts
    /// for a while, and for longer where the rest is near the limit.
    func isGood(nearLimit: Bool) -> Bool { Clock.milliseconds() - began < took * (nearLimit ? 50 : 10) }
  }

  /// Bytes in all.
  private(set) var bytes: Int64 = 0
  /// Whether open files were looked through for it.
  let looksAnew: Bool
  private var look: Look?

  /// Counts; `before` is the last count, `present` what `shared` has in bytes. Open files are not looked through where
  /// the rest alone passes `limit`.
  init(
    _ processes: [Int32], shared: SharedMemory, present: Int64, limit: Int64, before: HeldMemory? = nil
  ) {
    var own: Int64 = 0
    var mapped: Int64 = 0
    var sharing: [Int32] = []
    for process in processes {
      let share = Self.share(of: process)
      own += share.own
      mapped += share.mapped
      if share.mapped > 0 { sharing.append(process) }
    }
    let isNear = own + present > limit / 2
    let isKept = own + present > limit || before?.look?.isGood(nearLimit: isNear) == true
    looksAnew = !isKept
    look = isKept ? before?.look : Look(processes, shared)
    let held = present + (look?.files.memoryBytes ?? 0)
    // Pages of held files are in the sums of those that have mapped them, too.
    let isWorthwhile = min(held, mapped) > Self.negligibleBytes
    if isWorthwhile { mapped = Self.otherMappedBytes(of: sharing, but: look?.files.files ?? []) }
    bytes = own + mapped + held
  }

  /// What may be counted twice rather than be looked at one mapping after the other.
  private static let negligibleBytes: Int64 = 4 << 20

  // MARK: Mapped pages

  /// A process's own pages with its share of files' pages, and its share of shared memory's.
  private static func share(of process: Int32) -> (own: Int64, mapped: Int64) {
    var own = 0
    var mapped = 0
    let result = unsafe isl_memory_share(process, &own, &mapped)
    return result < 0 ? (0, 0) : (Int64(own), Int64(mapped))
  }

  /// The share of shared memory in mappings of what is neither among `files` nor a System V segment.
  private static func otherMappedBytes(
    of processes: [Int32], but files: Set<OpenFiles.File>
  ) -> Int64 {
    var sum: Int64 = 0
    for process in processes {
      var isShared = false
      var share: Int64 = 0
      var isCounted = false
      for line in (Files.text("/proc/\(process)/smaps", limit: 64 << 20) ?? "").split(separator: "\n") {
        let fields = line.split(separator: " ", maxSplits: 5)
        if fields.count >= 5, fields[0].contains("-") {
          isShared = isSharedMemory(fields)
          isCounted = isSegment(fields) || file(fields).map(files.contains) ?? true
        } else if isShared, !isCounted, fields.count >= 2 {
          if fields[0] == "Pss:" { share = (Int64(fields[1]) ?? 0) * 1024 }
          // Written through a private mapping a page is the process's own.
          if fields[0] == "Anonymous:" { sum += max(0, share - (Int64(fields[1]) ?? 0) * 1024) }
        }
      }
    }
    return sum
  }

  /// Whether a mapping is of a file that has no disk: memfd_create(2), shared anonymous memory (mmap(2)), segments.
  private static func isSharedMemory(_ fields: [Substring]) -> Bool {
    guard fields.count > 5 else { return false }
    let path = fields[5].drop { $0 == " " }
    return path.hasPrefix("/memfd:") || path.hasPrefix("/dev/zero (deleted)") || path.hasPrefix("/SYSV")
  }

  private static func isSegment(_ fields: [Substring]) -> Bool {
    fields.count > 5 && fields[5].drop { $0 == " " }.hasPrefix("/SYSV")
  }

  private static func file(_ fields: [Substring]) -> OpenFiles.File? {
    guard let device = DeviceNumber(fields[3], radix: 16), let number = UInt64(fields[4]) else { return nil }
    return OpenFiles.File(device: device, number: number)
  }
}
