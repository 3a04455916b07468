import CShims
import Glibc

/// The bind mounts whose files have other owners inside (config.md, "idmap"), open and detached as long as this lives.
struct IDMappedMounts: ~Copyable {
  /// Descriptors by the mount's place in config.json.
  private(set) var descriptors: [Int: Int32] = [:]

  /// Makes them, with the caller's rights; `joined` is the user namespace that the container joins, or nil.
  ///
  /// - Throws: `IsolateError` that names the mount in config.json.
  init(_ spec: RuntimeSpec, joined: Int32?) throws(IsolateError) {
    do { try make(spec, joined) } catch {
      close()
      throw error
    }
  }

  /// With as many hidden sources, the rootfs and the devices they find room in the plan's header.
  private static let most = Int(ISL_MAX_MOUNTS) / 2 - 1

  private mutating func make(_ spec: RuntimeSpec, _ joined: Int32?) throws(IsolateError) {
    for (index, mount) in spec.mounts.enumerated() {
      guard mount.isIDMapped else { continue }
      let path = "mounts[\(index)]"
      let options: MountOptions
      do { options = try MountOptions(mount, path: path) } catch { throw .specification(error) }
      guard options.isBind, let source = mount.source else {
        throw .specification(
          SpecError(path: path, message: "an idmapped mount is a bind mount, with a source"))
      }
      guard descriptors.count < Self.most else {
        throw .specification(
          SpecError(path: path, message: "is the idmapped mount too many: \(Self.most) at most"))
      }
      // Without maps of its own it has the container's.
      let users = mount.uidMappings.isEmpty ? spec.linux.uidMappings : mount.uidMappings
      let groups = mount.gidMappings.isEmpty ? spec.linux.gidMappings : mount.gidMappings
      // Those of a namespace that it joins are in force there already.
      let names = mount.uidMappings.isEmpty && mount.gidMappings.isEmpty ? joined : nil
      guard names != nil || !users.isEmpty && !groups.isEmpty else {
        throw .specification(
          SpecError(path: path, message: "needs uidMappings and gidMappings, its own or the container's"))
      }
      let descriptor = unsafe isl_idmapped_tree(
        source, names ?? -1, IDMapWriter.text(users), IDMapWriter.text(groups), options.isRecursive ? 1 : 0,
        options.mapsTree ? 1 : 0)
      guard descriptor >= 0 else {
        throw .unavailable(
          what: "config.json: \(path): idmapped mount of \(source)", why: SystemError.reason(of: -descriptor),
          remedy:
            "it needs the rights of the host's root over that filesystem, which must support it (mount_setattr(2))"
        )
      }
      descriptors[index] = descriptor
    }
  }

  private func close() { for descriptor in descriptors.values { _ = Glibc.close(descriptor) } }

  deinit { close() }
}
