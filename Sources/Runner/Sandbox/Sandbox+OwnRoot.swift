package import Formats
import Glibc
import Images
package import Isolate

/// Images where nothing can be mounted.
extension Sandbox {
  /// An image as a root that processes can enter.
  ///
  /// - Throws: `Failure` where the program is the caller's user: chroot(2) is root's.
  func enterable(_ stored: StoredRootfs) throws(Failure) -> OwnRoot {
    guard let user = run.user else { throw Self.refusal(of: stored.image.reference.familiar) }
    return try stored.makeRoot(for: user, limit: disk?.limit)
  }

  /// Why an image cannot be used where the program is the caller's user.
  package static func refusal(of image: String) -> Failure {
    let cause = HostCause.ofNamespaces
    let settings = cause.remedies.map { "\($0.place): \($0.setting)" }.joined(separator: ", ")
    return Failure(
      .unavailable,
      "the image \(image) cannot be used at isolation L1: \(cause.why), and only root can give a program another root (chroot(2))",
      remedy:
        "use this machine's own files (--image host), start preflight as the container's root, or allow namespaces: \(settings)"
    )
  }

  /// Where installs have what they download.
  package static let downloads = "/cache"

  /// A folder of the run's own without anything in it: by the name that the program knows it by, or, where another
  /// place stands for that, by its name in the run's directory.
  package func ownFolder(_ shown: String, _ name: String) throws(SystemError) -> String {
    try ownRoot?.emptyFolder(shown) ?? "\(run.shownPath)/\(name)"
  }

  /// Makes ready what a phase is to find in a root of its own, as mounts do elsewhere. Each place is looked up anew.
  func prepare(_ root: OwnRoot, _ phase: Phase, _ workingDirectory: String) throws(SystemError) {
    _ = try root.folder(workingDirectory)
    if project != nil { try Self.give(root.folder(projectRoot), to: root.user) }
    let names = [IndexSettings.folder] + packages.indices.map(PackageFolders.name)
    guard phase.installs else {
      if showsInstallFiles { for name in names + [Self.downloads] { _ = try root.emptyFolder(name) } }
      showsInstallFiles = false
      if environmentPath != nil { try root.close(root.folder(SandboxPath.environment)) }
      return
    }
    showsInstallFiles = true
    for name in [SandboxPath.environment, Self.downloads] {
      try Self.give(root.folder(name), to: root.user)
    }
    let settings = try root.emptyFolder(IndexSettings.folder)
    for (name, text) in indexes.files {
      try Files.write(text, to: "\(settings)/\(name)", flags: O_WRONLY | O_CREAT | O_EXCL)
    }
    try root.close(settings)
    for (number, path) in packages.enumerated() {
      let folder = try root.emptyFolder(PackageFolders.name(number))
      try Directories.copy(path, to: folder)
      try root.close(folder)
    }
  }

  /// What a program on an image has less of than elsewhere at L3 and above.
  package var ownRootDegradations: [(what: String, why: String, remedy: String)] {
    guard let ownRoot, let copied = stored?.copied else { return [] }
    let size = "\(copied.summary.bytes >> 20) MiB in \(copied.summary.entries) files"
    let all = [
      "the image was copied, \(size), which took \(copied.milliseconds) ms",
      "/proc and /sys are empty, and /dev has null, zero, full, random, urandom and shm: what reads others, as the number of processors, free memory or /dev/stdout, finds nothing",
      "the program is user \(ownRoot.user) under the name of the image's own, and the image's files are that user's",
      "dependencies are installed anew by each check",
    ]
    return all.map { ($0, Self.noMounts, "allow namespaces, as for L3") }
  }
}
