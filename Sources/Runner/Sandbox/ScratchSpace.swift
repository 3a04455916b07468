import Analysis
import Glibc
import Isolate

/// The temporary folders of a phase, watched by descriptors that outlive the program: proc(5), PID/root.
struct ScratchSpace: ~Copyable {
  /// Where scratch space is.
  static let paths = ["/tmp", "/run", "/var/tmp"]
  /// How much each may hold when nothing else is said.
  static let defaultBytes: Int64 = 256 << 20

  private let folders: [(path: String, descriptor: Int32)]
  private let bytes: Int64

  /// Opens the folders of a container that has just started, each of which may hold `bytes`; those that cannot be
  /// opened are not watched.
  init(of container: Container, bytes: Int64) {
    self.bytes = bytes
    // One without mounts has none that are its own.
    let processID = container.confinement.hasNamespaces ? container.processID : 0
    folders = Self.paths.compactMap { path in
      let descriptor = unsafe open(
        "/proc/\(processID)/root\(path)", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK)
      return descriptor < 0 ? nil : (path, descriptor)
    }
  }

  deinit { for folder in folders { close(folder.descriptor) } }

  /// The first folder in memory that is full, as an observation.
  var full: Observation? {
    uses.first { $0.free < 1 << 16 }.map { .scratchFull(path: $0.path, bytes: UInt64(bytes)) }
  }

  /// The folder in memory that holds the most, as an observation; nil when all are empty.
  var held: Observation? {
    uses.max { $0.used < $1.used }.flatMap {
      $0.used > 0 ? .scratchHeld(path: $0.path, bytes: UInt64($0.used)) : nil
    }
  }

  /// What the folders hold and can still take, in bytes; a folder of another size is none of ours.
  private var uses: [(path: String, used: Int64, free: Int64)] {
    folders.compactMap { path, descriptor in
      var information = statvfs()
      guard unsafe fstatvfs(descriptor, &information) == 0 else { return nil }
      let block = Int64(information.f_frsize)
      guard abs(Int64(information.f_blocks) * block - bytes) <= block else { return nil }
      return (
        path, Int64(information.f_blocks - information.f_bfree) * block, Int64(information.f_bavail) * block
      )
    }
  }
}
