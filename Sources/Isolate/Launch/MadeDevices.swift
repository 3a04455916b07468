import CShims
import Glibc

/// The device nodes of a container with a new user namespace, made by a caller who may make them: as its owner and mode
/// say, not as the host's node of that name has them. They lie in a filesystem that is mounted nowhere, as long as
/// this lives.
struct MadeDevices: ~Copyable {
  private(set) var filesystem: Int32?
  /// Places in `linux.devices`, which are the names of the nodes.
  private(set) var places: Set<Int> = []

  /// Makes those that are block or character devices; what cannot be made is left to the container's process.
  init(_ linux: RuntimeSpec.Linux) {
    guard !linux.devices.isEmpty, UserNamespace.callersUser == 0,
      linux.namespaces.contains(where: { $0.type == "user" && $0.path == nil }),
      // Not where others would see the filesystem, for the moment that it is mounted.
      linux.namespaces.contains(where: { $0.type == "mount" && $0.path == nil })
    else { return }
    let descriptor = isl_device_filesystem()
    guard descriptor >= 0 else { return }
    filesystem = descriptor
    for (index, device) in linux.devices.enumerated() where device.type != "p" {
      guard let user = linux.uidMappings.hostID(of: device.uid),
        let group = linux.gidMappings.hostID(of: device.gid)
      else { continue }
      let number = isl_makedev(device.major, device.minor)
      if isl_device_node(descriptor, UInt32(index), device.mode, number, user, group) == 0 {
        places.insert(index)
      }
    }
  }

  deinit { if let filesystem { _ = Glibc.close(filesystem) } }
}
