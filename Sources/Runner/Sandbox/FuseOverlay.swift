import Formats
import Glibc
import Images
import Isolate

/// The layers of an image as one tree by fuse-overlayfs(1): an overlay in a process of its own, where the kernel mounts
/// none for this user. The mount goes with this value; after a kill the program unmounts itself.
struct FuseOverlay: ~Copyable {
  private let program: HostProgram

  /// How long the program may take to mount, and to unmount.
  private static let patienceMilliseconds = 5000

  /// Mounts `layers`, the lowest first, below `upper` at `path`; all are folders.
  ///
  /// - Throws: `Failure` that says why it cannot be done here.
  init(_ layers: [String], upper: String, work: String, at path: String) throws(Failure) {
    guard let installed = HostProgram.locate("fuse-overlayfs") else {
      throw Failure(
        .system, "fuse-overlayfs is not installed", remedy: "install it: apt-get install fuse-overlayfs")
    }
    guard unsafe access("/dev/fuse", R_OK | W_OK) == 0 else {
      throw Failure(image: SystemError("open", "/dev/fuse", code: errno))
    }
    // They separate its options.
    let isPlain = (layers + [upper, work]).allSatisfy { !$0.utf8.contains { ":,\\".utf8.contains($0) } }
    guard isPlain else {
      throw Failure(.system, "fuse-overlayfs takes no path with a colon, a comma or a backslash")
    }
    let options = "lowerdir=\(layers.reversed().joined(separator: ":")),upperdir=\(upper),workdir=\(work)"
    var program = try HostProgram(
      serving: [installed, "-f", "-o", options, path], grace: Int32(Self.patienceMilliseconds))
    let deadline = Clock.milliseconds() + Self.patienceMilliseconds
    while !Self.isMounted(path) {
      if let words = try program.words() { throw Failure(.system, "fuse-overlayfs: \(words)") }
      guard Clock.milliseconds() < deadline else {
        throw Failure(.system, "fuse-overlayfs did not mount within \(Self.patienceMilliseconds / 1000) s")
      }
      _ = poll(nil, 0, 2)
    }
    self.program = program
  }

  /// Whether another device begins there.
  private static func isMounted(_ path: String) -> Bool {
    guard let own = Directories.status(of: path), let above = Directories.status(of: "\(path)/..") else {
      return false
    }
    return own.st_dev != above.st_dev
  }

  /// Unmounts what a program that was killed has left.
  static func removeStale(at path: String) {
    var information = stat()
    // Whose program is gone is not connected.
    guard unsafe stat(path, &information) != 0, errno == ENOTCONN else { return }
    if unsafe umount2(path, Int32(MNT_DETACH)) == 0 { return }
    guard let helper = HostProgram.locate("fusermount3"),
      var program = try? HostProgram(serving: [helper, "-u", "-z", path], grace: 0)
    else { return }
    for _ in 0..<500 where (try? program.words()) == .some(nil) { _ = poll(nil, 0, 10) }
  }
}
