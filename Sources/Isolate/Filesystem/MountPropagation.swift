/// How the container's mounts and the host's follow each other (mount_namespaces(7), "Shared subtrees").
struct MountPropagation: Equatable {
  static let recursive: UInt64 = 0x4000
  static let unbindable: UInt64 = 1 << 17
  static let `private`: UInt64 = 1 << 18
  static let slave: UInt64 = 1 << 19
  static let shared: UInt64 = 1 << 20

  /// The MS_* flags of each name (mount(2)).
  static let flags: [NamedBits] = [
    .init("private", `private`), .init("rprivate", `private` | recursive), .init("slave", slave),
    .init("rslave", slave | recursive),
    .init("shared", shared), .init("rshared", shared | recursive), .init("unbindable", unbindable),
    .init("runbindable", unbindable | recursive),
  ]

  /// Of the host's tree as the new mount namespace copies it; 0 leaves it as it is, shared with the host.
  let copiedTree: UInt64
  /// Of the container's / when all is mounted; 0 leaves it private.
  let root: UInt64

  /// Whether nothing of the host's follows the container's, nor the other way round.
  var isPrivate: Bool { copiedTree == Self.private | Self.recursive }

  /// config-linux.md, "Rootfs Mount Propagation". The host's tree stays private unless something asks for more.
  init(of spec: RuntimeSpec) throws(SpecError) {
    var asked: UInt64 = 0
    if let name = spec.linux.rootfsPropagation {
      guard let flags = Self.flags[name] else {
        throw SpecError(
          path: "linux.rootfsPropagation",
          message: "\"\(name)\" is none of shared, slave, private, unbindable")
      }
      asked = flags.set
    }
    root = asked & Self.private == 0 ? asked : 0
    let mounts = spec.mounts.reduce(0 as UInt64) { all, mount in
      mount.options.reduce(all) { $0 | (Self.flags[$1]?.set ?? 0) }
    }
    if asked & Self.shared != 0 {
      copiedTree = 0
    } else if (asked | mounts) & (Self.slave | Self.shared) != 0 {
      copiedTree = Self.slave | Self.recursive
    } else {
      copiedTree = Self.private | Self.recursive
    }
  }
}
