/// The options of one mount, split into what each kernel interface takes.
///
/// Names are those of mount(8) and of the runtime-spec's table (config.md, "Linux mount options").
struct MountOptions: Equatable {
  /// MOUNT_ATTR_* to set (mount_setattr(2)).
  var attributes: UInt64 = 0
  /// MOUNT_ATTR_* to clear.
  var cleared: UInt64 = 0
  /// MOUNT_ATTR_* to set on a bind mount and on every mount below it.
  var treeAttributes: UInt64 = 0
  /// MOUNT_ATTR_* to clear on a bind mount and on every mount below it.
  var treeCleared: UInt64 = 0
  /// Legacy MS_* flags that are not mount attributes (MS_SYNCHRONOUS and its like; mount(2)).
  var superblockFlags: UInt64 = 0
  /// MS_SHARED and its like with MS_REC, or 0.
  var propagation: UInt64 = 0
  /// Whether an attribute of a bind mount itself is named, be it to clear it.
  var namesAttributes = false
  var isBind = false
  var isRecursive = false
  /// Whether an idmapped mount maps what is mounted below it too.
  var mapsTree = false
  /// Changes what is mounted at the destination in place of mounting something; of a bind mount it asks for nothing,
  /// as its attributes are set in any case.
  var changesMounted = false
  /// A tmpfs that begins as a copy of what it covers.
  var copiesUp = false
  /// What is left for the filesystem itself, joined by commas.
  var data = ""
  /// What a filesystem would be told, of a bind mount, which makes none.
  var meaningless: [String] = []

  private static let attribute: [NamedBits] = [
    .init("ro", 0x1), .init("rw", 0, clear: 0x1), .init("nosuid", 0x2), .init("suid", 0, clear: 0x2),
    .init("nodev", 0x4), .init("dev", 0, clear: 0x4),
    .init("noexec", 0x8), .init("exec", 0, clear: 0x8), .init("noatime", 0x10, clear: 0x70),
    .init("strictatime", 0x20, clear: 0x70),
    .init("relatime", 0, clear: 0x70), .init("norelatime", 0), .init("nostrictatime", 0, clear: 0x70),
    .init("atime", 0),
    .init("nodiratime", 0x80), .init("diratime", 0, clear: 0x80),
    .init("nosymfollow", 0x20_0000), .init("symfollow", 0, clear: 0x20_0000),
  ]
  private static let superblock: [NamedBits] = [
    .init("sync", 16), .init("async", 0, clear: 16), .init("dirsync", 128), .init("mand", 64),
    .init("nomand", 0, clear: 64),
    .init("lazytime", 1 << 25), .init("nolazytime", 0, clear: 1 << 25), .init("iversion", 1 << 23),
    .init("noiversion", 0, clear: 1 << 23),
    // What the kernel says in its log of a mount that fails.
    .init("silent", 1 << 15), .init("loud", 0, clear: 1 << 15),
  ]

  /// Every option that is understood here, in order; others are the filesystem's own (features.md, "mountOptions").
  static let names: [String] = {
    let plain = attribute.map(\.name)
    let trees = plain.map { "r\($0)" }
    let others = ["bind", "rbind", "defaults", "idmap", "remount", "ridmap", "tmpcopyup"]
    return Set(plain + trees + others + superblock.map(\.name) + MountPropagation.flags.map(\.name)).sorted()
  }()

  /// Sorts a mount's options.
  init(_ mount: RuntimeSpec.Mount, path: String) throws(SpecError) {
    isBind = mount.type == "bind"
    var data: [String] = []
    // buildah writes an empty option for what it has no word for: it asks for nothing.
    for (index, option) in mount.options.enumerated() where !option.isEmpty {
      if let change = Self.attribute[option] {
        attributes = attributes & ~change.clear | change.set
        cleared = cleared & ~change.set | change.clear
        namesAttributes = namesAttributes || change.set | change.clear != 0
      } else if let change = Self.treeAttribute(option) {
        treeAttributes = treeAttributes & ~change.clear | change.set
        treeCleared = treeCleared & ~change.set | change.clear
      } else if let change = Self.superblock[option] {
        superblockFlags = superblockFlags & ~change.clear | change.set
      } else if option == "bind" || option == "rbind" {
        isBind = true
        isRecursive = isRecursive || option == "rbind"
      } else if option == "idmap" || option == "ridmap" {
        mapsTree = option == "ridmap"
      } else if option == "tmpcopyup" {
        guard mount.type == "tmpfs" else {
          throw SpecError(
            path: "\(path).options[\(index)]", message: "\"tmpcopyup\" is for a mount of type tmpfs")
        }
        copiesUp = true
      } else if let flags = MountPropagation.flags[option]?.set {
        // A slave that is shared as well is the one pair there is (mount_namespaces(7)).
        let both = MountPropagation.shared | MountPropagation.slave
        let paired = (propagation | flags) & ~MountPropagation.recursive == both
        propagation = paired ? propagation | flags : flags
      } else if option == "remount" {
        changesMounted = true
      } else if option == "move" {
        throw SpecError(
          path: "\(path).options[\(index)]", message: "\"move\" says nothing of a mount that is made")
      } else if option != "defaults" {
        data.append(option)
      }
    }
    if isBind {
      // A word could be an attribute misspelt; what has a value is for a filesystem that would be made.
      if let option = data.first(where: { !$0.contains("=") }) {
        throw SpecError(path: "\(path).options", message: "a bind mount takes no option \"\(option)\"")
      }
      meaningless = data
      // A setting of access times takes the place of the source's as a whole (mount(2), MS_REMOUNT).
      if attributes & 0x80 != 0 { cleared |= 0x70 } else if cleared & 0x70 != 0 { cleared |= 0x80 }
    } else {
      for option in data {
        if !self.data.isEmpty { self.data += "," }
        self.data += option
      }
    }
    // A new filesystem has no mounts below it.
    if !isBind {
      attributes = attributes & ~treeCleared | treeAttributes
      cleared = cleared & ~treeAttributes | treeCleared
      treeAttributes = 0
      treeCleared = 0
      namesAttributes = false
    }
  }

  /// "rro" and its like: an attribute's name after an "r".
  private static func treeAttribute(_ option: String) -> NamedBits? {
    guard option.hasPrefix("r"), let change = attribute[String(option.dropFirst())] else { return nil }
    // mount_setattr(2): a mount's access time setting is cleared as a whole.
    return option == "ratime" ? NamedBits("atime", 0, clear: 0x70) : change
  }
}
