import CShims
import Formats
import Glibc
import Isolate
import Synchronization

/// A state directory in memory, for a caller who has no folder that can be written and whose files can be executed,
/// where namespaces can be had. It is gone with the process, so nothing is kept for the next check.
enum OwnMemory {
  /// Folders that images have and nobody uses. What is in a folder would be hidden.
  private static let places = ["/mnt", "/media", "/srv", "/var/tmp", "/home", "/tmp"]

  /// Where it is once it was made: another one of the same process takes it too.
  private static let made = Mutex<String?>(nil)

  static var current: String? { made.withLock { $0 } }

  /// Makes it, in namespaces that this process enters for it: over `folder`, which is of no use, or over an empty one.
  /// nil where that is refused.
  static func make(over folder: String?) -> String? {
    made.withLock { made in
      if made == nil {
        let empty = places.filter { (try? Files.names(in: $0))?.isEmpty == true }
        made = ([folder].compactMap { $0 } + empty).first { unsafe isl_mount_own_memory($0) == 0 }
      }
      return made
    }
  }
}
