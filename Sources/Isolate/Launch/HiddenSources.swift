import CShims
import Glibc

/// Bind mounts and a rootfs that lie below folders which only the caller may enter: once in a user namespace of its
/// own the container's process, which is then somebody else, could not reach them. They are opened before, detached,
/// as long as this lives.
struct HiddenSources: ~Copyable {
  /// Descriptors by the mount's place in config.json.
  private(set) var mounts: [Int: Int32] = [:]
  private(set) var rootfs: Int32?

  /// Opens what is hidden from a container; everything else is left to its process, and so is what cannot be opened.
  init(_ spec: RuntimeSpec, rootPath: String, bundle: String) {
    guard UserNamespace.callersUser == 0,
      spec.linux.namespaces.contains(where: { $0.type == "user" && $0.path == nil }),
      !spec.linux.uidMappings.contains(where: { $0.hostID == 0 })
    else { return }
    for (index, mount) in spec.mounts.enumerated() where !mount.isIDMapped {
      guard let options = try? MountOptions(mount, path: ""), options.isBind, let named = mount.source,
        options.propagation & ~(MountPropagation.private | MountPropagation.recursive) == 0
      else { continue }
      let source = named.hasPrefix("/") ? named : "\(bundle)/\(named)"
      guard Self.isHidden(source, spec.linux), mounts.count < Int(ISL_MAX_MOUNTS) / 2 - 1 else { continue }
      let descriptor = unsafe isl_detached_tree(source, options.isRecursive ? 1 : 0)
      if descriptor >= 0 { mounts[index] = descriptor }
    }
    if Self.isHidden(rootPath, spec.linux) {
      let descriptor = unsafe isl_detached_tree(rootPath, 1)
      if descriptor >= 0 { rootfs = descriptor }
    }
  }

  /// Whether a folder on the way to a path can be searched neither by everybody nor by a user of the container's.
  private static func isHidden(_ path: String, _ linux: RuntimeSpec.Linux) -> Bool {
    guard let real = unsafe realpath(path, nil) else { return false }
    defer { unsafe free(real) }
    var folder = unsafe String(cString: real)
    while let slash = folder.lastIndex(of: "/"), folder != "/" {
      folder = slash == folder.startIndex ? "/" : String(folder[..<slash])
      var information = stat()
      guard unsafe stat(folder, &information) == 0 else { return false }
      let owner = information.st_uid
      let isMapped = linux.uidMappings.contains {
        owner >= $0.hostID && UInt64(owner) < UInt64($0.hostID) + UInt64($0.size)
      }
      if information.st_mode & 0o001 == 0, !isMapped { return true }
    }
    return false
  }

  deinit {
    for descriptor in mounts.values { _ = Glibc.close(descriptor) }
    if let rootfs { _ = Glibc.close(rootfs) }
  }
}
