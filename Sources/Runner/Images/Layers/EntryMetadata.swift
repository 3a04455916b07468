import CShims
import Formats
import Glibc
import Isolate

/// What is set on an open file or folder beside its contents.
enum EntryMetadata {
  /// Of the image's own attributes these would change what overlay shows, or what we recorded.
  private static let ownAttributes = ["user.overlay.", "trusted.overlay.", "user.isolate."].map {
    Array($0.utf8)
  }

  /// Whether `setAttributes` has anything to do.
  static func hasAttributes(_ entry: TarEntry) -> Bool {
    entry.userID != 0 || entry.groupID != 0 || !entry.attributes.isEmpty
  }

  /// Notes the owner, and sets the image's extended attributes.
  static func setAttributes(_ entry: TarEntry, _ file: Int32) throws(Failure) {
    if entry.userID != 0 || entry.groupID != 0 {
      let text = Array("\(entry.userID):\(entry.groupID)".utf8)
      let result = unsafe text.withUnsafeBytes { bytes in
        unsafe isl_set_attribute(file, "user.isolate.owner", bytes.baseAddress, bytes.count)
      }
      // A filesystem without such attributes loses nothing but a note: the layer's list has the owner too.
      if result < 0, errno != EOPNOTSUPP {
        throw LayerTree.failure("fsetxattr", entry.path.components[...], errno)
      }
    }
    for (name, value) in entry.attributes {
      if ownAttributes.contains(where: { name.starts(with: $0) }) { continue }
      let result = LayerTree.with(name) { name in
        unsafe value.withUnsafeBytes { unsafe isl_set_attribute(file, name, $0.baseAddress, $0.count) }
      }
      // Labels, capabilities and other users' namespaces need privileges; the layer's list has them.
      if result < 0, ![EPERM, EOPNOTSUPP, EINVAL].contains(errno) {
        throw LayerTree.failure("fsetxattr", entry.path.components[...], errno)
      }
    }
  }

  /// The time of the last change twice, as utimensat(2) wants it.
  static func times(_ modified: (seconds: Int64, nanoseconds: Int64)) -> [timespec] {
    let time = timespec(tv_sec: Int(modified.seconds), tv_nsec: Int(modified.nanoseconds))
    return [time, time]
  }
}
