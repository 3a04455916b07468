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
  private var buffers: Set<String> = []

  /// Counts; files on `devices` are left out, as who counts those devices has them already.
  init(of processes: [Int32], notOn devices: Set<DeviceNumber> = []) {
    for process in processes { add(process, notOn: devices) }
  }

  private mutating func add(_ process: Int32, notOn devices: Set<DeviceNumber>) {
    guard let names = try? Files.names(in: "/proc/\(process)/fd") else { return }
    var pidfd: Int32 = -1
    defer { if pidfd >= 0 { close(pidfd) } }
    for name in names {
      let path = "/proc/\(process)/fd/\(name)"
      guard let target = Files.link(path) else { continue }
      if target.hasPrefix("pipe:") || target.hasPrefix("socket:") {
        guard buffers.insert(target).inserted, let number = Int32(name) else { continue }
        if pidfd < 0 { pidfd = isl_pidfd_open(process) }
        if pidfd >= 0 { memoryBytes += max(0, Int64(isl_buffered_bytes(pidfd, number))) }
      } else if target.hasSuffix(" (deleted)") {
        addNameless(path, isMemory: target.hasPrefix("/memfd:"), notOn: devices)
      }
    }
  }

  private mutating func addNameless(_ path: String, isMemory: Bool, notOn devices: Set<DeviceNumber>) {
    var information = stat()
    guard unsafe stat(path, &information) == 0, information.st_mode & S_IFMT == S_IFREG,
      !devices.contains(DeviceNumber(information.st_dev)),
      files.insert(File(device: DeviceNumber(information.st_dev), number: UInt64(information.st_ino)))
        .inserted
    else { return }
    let size = Int64(information.st_blocks) * 512
    if isMemory { memoryBytes += size } else if information.st_nlink == 0 { diskBytes += size }
  }
}
