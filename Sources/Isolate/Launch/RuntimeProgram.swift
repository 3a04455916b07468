import CShims
import Glibc

/// The file this program is run from. Until execve(2) it is what /proc/self/exe of a container's process leads to,
/// and a payload that could write it would run on the host at the next start (CVE-2019-5736).
struct RuntimeProgram {
  let device: UInt64
  let inode: UInt64
  /// When it was written last, in nanoseconds.
  let modified: Int64
  private let owner: UInt32
  private let mode: UInt32

  static let current = RuntimeProgram()

  private init() {
    var information = stat()
    let isKnown = unsafe stat("/proc/self/exe", &information) == 0
    device = isKnown ? UInt64(information.st_dev) : 0
    inode = isKnown ? UInt64(information.st_ino) : 0
    modified =
      Int64(information.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(information.st_mtim.tv_nsec)
    owner = information.st_uid
    mode = UInt32(information.st_mode)
  }

  /// Whether no process of a container whose new user namespace has the maps of `linux` can write the file or change
  /// its mode: only its owner may write it, who is none of theirs (user_namespaces(7), "Effect of capabilities within
  /// a user namespace"). Without a new user namespace nothing is out of reach. Groups count as others: those of the
  /// caller stay with a payload.
  func isOutOfReach(of linux: RuntimeSpec.Linux?) -> Bool {
    guard let linux, inode != 0, mode & 0o022 == 0 else { return false }
    return !linux.uidMappings.contains {
      owner >= $0.hostID && UInt64(owner) < UInt64($0.hostID) + UInt64($0.size)
    }
  }
}
