import Glibc

/// The mounts of a container that has no mount namespace: they are in the caller's, below the rootfs, until the
/// container is deleted.
extension Lifecycle {
  private func sharedMountsFile(_ identifier: String) -> String { "\(store.directory(identifier))/mounts" }

  /// Writes down where they will be, and how many mounts are at that place before.
  func prepareSharedMounts(_ request: Request) throws(IsolateError) {
    let spec = request.bundle.spec
    guard spec.sharesMountNamespace else { return }
    let path = spec.root.path.hasPrefix("/") ? spec.root.path : "\(request.bundle.path)/\(spec.root.path)"
    // One that is missing is said by who opens it.
    guard let root = Files.real(path) else { return }
    do throws(SystemError) {
      try Files.write(
        "\(Self.mounts(at: root)) \(root)", to: sharedMountsFile(request.identifier),
        flags: O_WRONLY | O_CREAT | O_TRUNC, mode: 0o600)
    } catch {
      throw .system(error)
    }
  }

  /// Detaches the container's root with all that is mounted below it.
  func removeSharedMounts(of identifier: String) {
    guard let text = Files.text(sharedMountsFile(identifier)), let space = text.firstIndex(of: " "),
      let before = Int(text[..<space])
    else { return }
    let root = String(text[text.index(after: space)...])
    for _ in 0..<64 where Self.mounts(at: root) > before {
      if unsafe umount2(root, Int32(MNT_DETACH | UMOUNT_NOFOLLOW)) != 0 { return }
    }
  }

  /// How many mounts are on top of each other at a path (proc_pid_mountinfo(5)).
  private static func mounts(at path: String) -> Int {
    // The kernel writes blanks and backslashes of paths as octal numbers.
    let escapes: [Character: String] = [" ": "\\040", "\t": "\\011", "\n": "\\012", "\\": "\\134"]
    let written = path.map { escapes[$0] ?? String($0) }.joined()
    let lines = (Files.text("/proc/self/mountinfo", limit: 16 << 20) ?? "").split(separator: "\n")
    return lines.count { line in
      let fields = line.split(separator: " ")
      return fields.count > 4 && fields[4] == written
    }
  }
}
