import CShims
import Glibc
import Isolate

/// A layer of an overlay that makes files of the layers below disappear.
///
/// A whiteout is a character device with the number 0:0 (kernel documentation, overlayfs, "whiteouts and opaque
/// directories"); since Linux 5.8 anybody may make one.
enum HidingLayer {
  /// Makes the layer; folders above a hidden path have the mode of those they lie over.
  static func make(_ paths: [String], at layer: String, over lower: String) throws(SystemError) {
    try Directories.make(layer, mode: mode(of: lower))
    for path in paths {
      var folder = ""
      for part in path.split(separator: "/").dropLast() {
        folder += "/\(part)"
        try Directories.make(layer + folder, mode: mode(of: lower + folder))
      }
      let status = unsafe mknod("\(layer)/\(path)", S_IFCHR, 0)
      if status != 0 && errno != EEXIST { throw SystemError("mknod", "\(layer)/\(path)", code: errno) }
    }
  }

  private static func mode(of path: String) -> mode_t {
    (Directories.status(of: path).map { $0.st_mode & 0o777 } ?? 0o755) | 0o700
  }
}
