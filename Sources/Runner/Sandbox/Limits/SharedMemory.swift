import CShims
import Glibc
import Isolate

/// Memory of a sandbox that belongs to none of its processes: filesystems in memory, System V segments, and what is in
/// sockets.
///
/// What is opened here keeps nothing alive but the sandbox's IPC and network namespaces, until this is let go.
final class SharedMemory {
  /// A filesystem in memory, by a descriptor of its root.
  private final class Filesystem {
    let root: OwnedDescriptor
    let device: DeviceNumber

    init(_ root: consuming OwnedDescriptor, _ device: DeviceNumber) {
      self.root = root
      self.device = device
    }
  }

  /// O_PATH (open(2)), which the C library's headers show to GNU programs only.
  private static let pathOnly: Int32 = 0o10_000_000

  private let filesystems: [Filesystem]
  /// The table of segments; negative where it cannot be had.
  private let segments: Int32
  /// What tells of sockets; negative where it cannot be had.
  private let sockets: Int32
  /// Whether sockets of TCP need to be asked for.
  private var connections: Connections

  /// Finds them in a container that has just been started; what it mounts later is not seen, and our filter refuses
  /// that.
  init(of container: Container) {
    // Without mounts of its own it has those of the machine.
    filesystems =
      container.confinement.hasNamespaces ? Self.filesystems(ofProcess: container.processID) : []
    segments = (try? container.openSegmentTable()) ?? -1
    let sockets = (try? container.openSocketTable()) ?? -1
    let isTold = sockets >= 0 && isl_socket_memory(sockets, nil) >= 0
    if sockets >= 0, !isTold { close(sockets) }
    self.sockets = isTold ? sockets : -1
    connections = Connections(ofProcess: container.processID)
  }

  deinit {
    if segments >= 0 { close(segments) }
    if sockets >= 0 { close(sockets) }
  }

  /// Whether `bytes` has what is in sockets.
  var countsSockets: Bool { sockets >= 0 }

  /// Devices whose files are counted by `bytes`.
  var devices: Set<DeviceNumber> { Set(filesystems.map(\.device)) }

  /// The bytes that files, segments and sockets take now.
  var bytes: Int64 { filesystemBytes + segmentBytes + socketBytes }

  private var socketBytes: Int64 {
    if sockets < 0 { return 0 }
    let inUse = connections.inUse
    if connections.areNone(inUse) { return Int64(max(0, isl_socket_memory(sockets, nil))) }
    var seen = isl_tcp_sockets()
    let bytes = unsafe isl_socket_memory(sockets, &seen)
    connections.take(listening: seen.listening, connected: seen.connected, inUse)
    return Int64(max(0, bytes))
  }

  private var filesystemBytes: Int64 {
    filesystems.reduce(0) { sum, filesystem in
      var information = statvfs()
      guard unsafe fstatvfs(filesystem.root.number, &information) == 0 else { return sum }
      // An unlimited tmpfs (size=0) has no blocks to count.
      let used = Int64(information.f_blocks) - Int64(information.f_bfree)
      return sum + max(0, used) * Int64(information.f_frsize)
    }
  }

  /// Column "rss" of /proc/sysvipc/shm (sysvipc(7)), in bytes.
  private var segmentBytes: Int64 {
    guard segments >= 0, lseek(segments, 0, SEEK_SET) == 0 else { return 0 }
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while text.count < 1 << 20 {
      let count = unsafe read(segments, &chunk, chunk.count)
      if count <= 0 { break }
      text += chunk[..<count]
    }
    return Self.residentBytes(ofSegments: String(decoding: text, as: UTF8.self))
  }

  /// Sums the column "rss" of a table like /proc/sysvipc/shm.
  static func residentBytes(ofSegments table: String) -> Int64 {
    let rows = table.split(separator: "\n")
    guard let column = rows.first?.split(separator: " ").firstIndex(of: "rss") else { return 0 }
    return rows.dropFirst().reduce(0) { sum, row in
      let fields = row.split(separator: " ")
      return sum + (fields.count > column ? Int64(fields[column]) ?? 0 : 0)
    }
  }

  private static func filesystems(ofProcess process: Int32) -> [Filesystem] {
    var found: [Filesystem] = []
    for line in (Files.text("/proc/\(process)/mountinfo") ?? "").split(separator: "\n") {
      // proc(5): "36 35 98:0 /root /mount/point options [optional fields] - type source options".
      let fields = line.split(separator: " ")
      // A folder of one that is elsewhere as well, as of the run's in memory, is no filesystem of the sandbox's.
      guard let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count, fields.count > 4,
        fields[dash + 1] == "tmpfs", fields[3] == "/"
      else { continue }
      let number = unsafe open("/proc/\(process)/root\(fields[4])", pathOnly | O_CLOEXEC)
      guard number >= 0 else { continue }
      let root = OwnedDescriptor(owning: number)
      var information = stat()
      // The program may have covered the place since: only what is on that very device counts.
      guard unsafe fstat(number, &information) == 0 else { continue }
      let device = DeviceNumber(information.st_dev)
      guard DeviceNumber(fields[2], radix: 10) == device, !found.contains(where: { $0.device == device })
      else { continue }
      found.append(Filesystem(root, device))
    }
    return found
  }
}
