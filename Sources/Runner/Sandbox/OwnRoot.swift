import CShims
import Formats
import Glibc
import Images
import Isolate

/// The root of a sandbox that has an image where nothing can be mounted: a copy of the image's files, which processes
/// enter by chroot(2). All in it is the program's user's, but for its devices and what is only to be read.
package struct OwnRoot: Sendable {
  /// Without links.
  let path: String
  /// Whose it is.
  let user: UInt32
  /// Devices that are everybody's, and hold nothing.
  static let devices = ["null", "zero", "full", "random", "urandom"].map { "/dev/\($0)" }

  /// What is to be said of it before anything runs.
  package static let warning =
    "isolation level L2: namespaces are refused here, so a user of its own, Landlock, a filter and chroot(2) hold the program in a copy of the image"

  /// The real place of a folder of this root, which is made where it is missing. No link of an image, or of a program
  /// that has ended, leads out of the root. It is its place until somebody runs here again: a program may put a link
  /// in the place of any folder on the way.
  func folder(_ name: String) throws(SystemError) -> String {
    let number = try SystemError.check(unsafe isl_open_in_root(path, name, 1), "open", "\(path)\(name)")
    let folder = OwnedDescriptor(owning: number)
    guard let real = Files.link("/proc/self/fd/\(folder.number)"), "\(real)/".hasPrefix("\(path)/"),
      Directories.kind(of: real) == S_IFDIR
    else { throw SystemError("open", "\(path)\(name)", code: ENOTDIR) }
    if unsafe lchown(real, user, user) != 0 { throw SystemError("chown", real, code: errno) }
    return real
  }

  /// The same without anything in it.
  func emptyFolder(_ name: String) throws(SystemError) -> String {
    let real = try folder(name)
    if real == path { throw SystemError("open", "\(path)\(name)", code: EBUSY) }
    Directories.remove(real)
    if unsafe mkdir(real, 0o755) != 0 || chmod(real, 0o755) != 0 || lchown(real, user, user) != 0 {
      throw SystemError("mkdir", real, code: errno)
    }
    return real
  }

  /// Takes from the program's user what it is only to read.
  func close(_ folder: String) throws(SystemError) {
    _ = try SystemError.check(unsafe isl_settle_tree(folder), "chown", folder)
  }
}

extension StoredRootfs {
  /// Copies the image to where its devices can be used and its programs executed.
  ///
  /// - Throws: `Failure` where that is nowhere, and where the copy would take more than `limit` bytes.
  func makeRoot(for owner: UInt32, limit: Int64?) throws(Failure) -> OwnRoot {
    let bytes = FolderWalk.size(of: trees).bytes
    if let limit, bytes > limit {
      throw Failure(
        .unavailable,
        "the image \(image.reference.familiar) takes \(bytes >> 20) MiB as a copy, and \(limit >> 20) MiB may be written",
        remedy: "raise --disk, or use this machine's own files (--image host)")
    }
    let (parent, devices) = try makeDevices()
    let root = OwnRoot(path: "\(parent)/root-copy", user: owner)
    let started = Clock.milliseconds()
    try Failure.guarding { () throws(SystemError) in
      try name(owner)
      try Directories.make(root.path)
    }
    let layers = trees + ["\(run.path)/\(Self.filesLayer)"]
    let summary = try MergedLayers(layers).copy(to: root.path, owner: owner)
    copied = (summary, Clock.milliseconds() - started)
    try Failure.guarding { () throws(SystemError) in
      // What the image has there is hidden in every sandbox.
      Directories.remove("\(root.path)/dev")
      if unsafe rename(devices, "\(root.path)/dev") != 0 { throw SystemError("rename", devices, code: errno) }
      let shared = "\(root.path)/dev/shm"
      if unsafe mkdir(shared, 0o1777) != 0 || chmod(shared, 0o1777) != 0 {
        throw SystemError("mkdir", shared, code: errno)
      }
      for volume in settings.volumes { _ = try root.folder(volume) }
    }
    return root
  }

  /// A folder with devices that can be opened, and the folder that it is in.
  private func makeDevices() throws(Failure) -> (parent: String, folder: String) {
    var refusals: [String] = []
    var parents = [run.path]
    if run.shownPath != run.path { parents.append(run.shownPath) }
    for parent in parents.compactMap(Files.real) {
      let folder = "\(parent)/root-devices"
      do throws(SystemError) {
        if Surroundings.isOn(parent, .noexec) { throw SystemError("execve", parent, code: EACCES) }
        try Directories.make(folder)
        if unsafe chmod(folder, 0o755) != 0 { throw SystemError("chmod", folder, code: errno) }
        _ = try SystemError.check(unsafe isl_make_devices(folder), "mknod", folder)
        return (parent, folder)
      } catch {
        Directories.remove(folder)
        let why =
          if error.call == "execve" {
            "what is in \(parent) cannot be executed (noexec)"
          } else if error.code == EACCES {
            "devices in \(parent) cannot be opened (nodev)"
          } else if error.code == EPERM {
            "no devices can be made (mknod(2))"
          } else { "\(error)" }
        if !refusals.contains(why) { refusals.append(why) }
      }
    }
    throw Failure(
      .unavailable,
      "the image \(image.reference.familiar) cannot be used at isolation L2: \(refusals.joined(separator: "; "))",
      remedy:
        "set XDG_CACHE_HOME to a folder that is mounted neither nodev nor noexec, leave preflight CAP_MKNOD, or use this machine's own files (--image host)"
    )
  }

  /// The program's user has the name and the home of the image's.
  private func name(_ owner: UInt32) throws(SystemError) {
    guard let bytes = try? MergedLayers(trees).read("etc/passwd", limit: ImageUser.fileLimit) else { return }
    var text = String(decoding: bytes, as: UTF8.self)
    if !text.isEmpty, !text.hasSuffix("\n") { text += "\n" }
    text += "\(user.name ?? "app"):x:\(owner):\(owner)::\(user.home ?? "/"):/bin/sh\n"
    try show(text, at: "/etc/passwd")
  }
}
