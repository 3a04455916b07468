import CShims
import Glibc
import Isolate

/// What the open files of a sandbox's processes keep although no folder shows it, each counted once.
struct OpenFiles {
  /// A file by its place on a device (stat(2)).
  struct File: Hashable {
    var device: DeviceNumber
    var number: UInt64
  }

  /// Files without a name that were counted.
  private(set) var files: Set<File> = []
  /// Bytes of memory in files of memfd_create(2), in pipes and in sockets.
  private(set) var memoryBytes: Int64 = 0
  /// Bytes on disk of files that were removed while open.
  private(set) var diskBytes: Int64 = 0
  private var pipes: Set<UInt64> = []
  private var sockets: Set<UInt64> = []
  private let countsSockets: Bool
  private var places = [isl_held_file](repeating: isl_held_file(), count: 64)

  /// Counts; files on `devices` are left out, as who counts those devices has them already.
  init(of processes: [Int32], notOn devices: Set<DeviceNumber> = [], countsSockets: Bool = true) {
    self.countsSockets = countsSockets
    for process in processes { add(process, notOn: devices) }
  }

  /// How many files processes have open, at the cost of one call each (Linux 6.2; 0 before).
  static func count(of processes: [Int32]) -> Int {
    processes.reduce(0) { sum, process in sum + isl_open_file_count(process) }
  }

  private mutating func add(_ process: Int32, notOn devices: Set<DeviceNumber>) {
    var count = unsafe isl_held_files(process, &places, places.count)
    if count > places.count {
      // Some more, as it goes on opening them.
      places = [isl_held_file](repeating: isl_held_file(), count: count + count / 4)
      count = unsafe isl_held_files(process, &places, places.count)
    }
    for held in places.prefix(max(0, count)) { add(held, notOn: devices) }
  }

  private mutating func add(_ held: isl_held_file, notOn devices: Set<DeviceNumber>) {
    switch held.kind {
    case ISL_HELD_PIPE: if pipes.insert(held.inode).inserted { memoryBytes += held.bytes }
    case ISL_HELD_SOCKET: if countsSockets, sockets.insert(held.inode).inserted { memoryBytes += held.bytes }
    default:
      let device = DeviceNumber(dev_t(held.device))
      guard !devices.contains(device), files.insert(File(device: device, number: held.inode)).inserted
      else { return }
      if held.kind == ISL_HELD_MEMORY { memoryBytes += held.bytes } else { diskBytes += held.bytes }
    }
  }
}
