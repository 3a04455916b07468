import Glibc
import Isolate

/// A folder of the host's that a sandbox is shown.
///
/// A line of /proc/PID/mountinfo names the folder of a bind mount within its filesystem (proc_pid_mountinfo(5), field
/// 4): one in the caller's home says who the caller is. The kernel makes no exception, neither for detached mounts
/// nor for mapped ids. An overlay is a filesystem of its own, whose root is /, and its options name what they are
/// told: here links in the run's directory.
struct ShownFolder {
  /// In the run's directory: an empty lower layer.
  static let nothing = "nothing"

  /// The folder's name in the run's directory; a link with it is made when the folder is elsewhere.
  let name: String
  let path: String

  /// A bind mount.
  func bound(at destination: String, isWritable: Bool) -> RuntimeSpec.Mount {
    RuntimeSpec.Mount(
      destination: destination, type: "bind", source: path,
      options: ["bind", isWritable ? "rw" : "ro", "nosuid", "nodev"])
  }

  /// An overlay with the folder as its writable layer, or as one of its read-only ones.
  func overlaid(at destination: String, isWritable: Bool, in run: RunDirectory) -> RuntimeSpec.Mount {
    let link = "\(run.path)/\(name)"
    // Where this fails the mount does, and there is another way.
    if path != link {
      unsafe unlink(link)
      _ = unsafe symlink(path, link)
    }
    if isWritable { _ = unsafe mkdir("\(link)-work", 0o700) }
    let layers =
      isWritable
      ? ["lowerdir=\(Self.nothing)", "upperdir=\(name)", "workdir=\(name)-work"]
      : ["lowerdir=\(name):\(Self.nothing)"]
    return RuntimeSpec.Mount(
      destination: destination, type: "overlay", source: run.path,
      options: layers + ["userxattr", "nosuid", "nodev"])
  }
}
