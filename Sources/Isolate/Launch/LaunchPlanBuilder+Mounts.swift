import CShims

extension LaunchPlanBuilder {
  /// With `keepsPrivate` every mount is private to begin with.
  mutating func addMounts(keepsPrivate: Bool) throws(SpecError) {
    for (index, mount) in spec.mounts.enumerated() {
      var options = try MountOptions(mount, path: "mounts[\(index)]")
      if options.attributes & Self.readOnly != 0, isFilledLater(mount, index, options) {
        laterReadOnly.append((index, options))
        options.attributes &= ~Self.readOnly
      }
      var flags: isl_step_flags = [ISL_FLAG_CREATE]
      let propagation =
        keepsPrivate && options.propagation & MountPropagation.private != 0 ? 0 : options.propagation
      let target = buffer.string(mount.destination)
      if options.isBind {
        for option in options.meaningless {
          warnings.append(
            "config.json: mounts[\(index)].options: \"\(option)\" says nothing of a bind mount, which has the filesystem of its source"
          )
        }
        guard let named = mount.source, !named.isEmpty else {
          throw SpecError(path: "mounts[\(index)].source", message: "a bind mount needs one")
        }
        let source = named.hasPrefix("/") ? named : "\(bundle)/\(named)"
        if options.isRecursive { flags.insert(ISL_FLAG_RECURSIVE) }
        if options.namesAttributes { flags.insert(ISL_FLAG_REMOUNT) }
        step(
          ISL_STEP_BIND, "\(source) on \(mount.destination)", flags: flags, index: index,
          a: buffer.string(source), b: UInt32(propagation), c: target,
          d: UInt32((self.options.preparedMounts.firstIndex { $0.index == index } ?? -1) + 1),
          v: options.treeAttributes << 32 | options.attributes,
          w: options.treeCleared << 32 | options.cleared)
        continue
      }
      if options.changesMounted {
        step(
          ISL_STEP_MOUNT, "again \(mount.destination)", flags: [ISL_FLAG_REMOUNT], index: index, c: target,
          d: buffer.string(options.data), v: options.attributes,
          w: options.superblockFlags | propagation << 32)
        continue
      }
      guard let named = mount.type else {
        throw SpecError(path: "mounts[\(index)].type", message: "is missing")
      }
      // In the specification "cgroup" is whichever version the host has; only version 2 is mounted.
      let type = named == "cgroup" ? "cgroup2" : named
      if type == "cgroup2", let host = hostsCgroups {
        step(
          ISL_STEP_BIND, "\(host) on \(mount.destination)", flags: flags, index: index,
          a: buffer.string(host),
          c: target, v: options.attributes | Self.harmless)
        continue
      }
      // CVE-2019-19921: a /proc or /sys that is a symbolic link would leave the real one unmasked.
      if type == "proc" || type == "sysfs" || mount.destination == "/dev" {
        flags.insert(ISL_FLAG_NO_SYMLINKS)
      }
      if type == "proc", self.options.leastConfinement <= .boundProc { flags.insert(ISL_FLAG_BORROW) }
      if options.copiesUp {
        flags.insert(ISL_FLAG_COPY_UP)
        if let names = LeftOutFiles(of: mount.destination, in: rootPath).list {
          warnings.append(
            "config.json: mounts[\(index)].options: tmpcopyup leaves out devices, sockets and FIFOs: \(names)"
          )
        }
      }
      // Layers' paths soon exceed the 255 bytes fsconfig(2) takes for a value.
      if type == "overlay" {
        flags.insert(ISL_FLAG_LEGACY)
        if mount.source?.hasPrefix("/") == true { flags.insert(ISL_FLAG_RELATIVE) }
      } else if options.superblockFlags != 0 {
        // MS_SYNCHRONOUS and its like are known to mount(2) alone.
        flags.insert(ISL_FLAG_LEGACY)
      }
      let isDevice = mount.destination == "/dev" && type == "tmpfs"
      if isDevice, !options.copiesUp { flags.insert(ISL_FLAG_FRESH) }
      var data = options.data
      let label = ["proc", "sysfs", "cgroup2"].contains(type) ? nil : spec.linux.mountLabel
      if let label, type != "mqueue" {
        // Quoted, as the categories of a context are parted by commas; mount(2) alone knows quotes.
        data += data.isEmpty ? "context=\"\(label)\"" : ",context=\"\(label)\""
        flags.insert(ISL_FLAG_LEGACY)
      }
      step(
        ISL_STEP_MOUNT, "\(type) on \(mount.destination)", flags: flags, index: index, a: buffer.string(type),
        b: buffer.string(mount.source ?? ""), c: target, d: buffer.string(data),
        v: options.attributes, w: options.superblockFlags | propagation << 32)
      if let label, type == "mqueue" {
        // It refuses the option.
        step(
          ISL_STEP_LABEL, "\(mount.destination) as \(label)", index: index, a: buffer.string(label), c: target
        )
      }
      if isDevice { addDefaultDevices(attributes: options.attributes) }
    }
    // The rootfs' own /dev has them too (config-linux.md, "Default Devices").
    if !spec.mounts.contains(where: { $0.destination == "/dev" }) { addDefaultDevices(attributes: nil) }
    // What a bound /dev holds is the host's to make.
    let bound = spec.mounts.contains { mount in
      mount.destination == "/dev" && mount.options.contains { $0 == "bind" || $0 == "rbind" }
    }
    let hasOwnMultiplexer = spec.mounts.contains { $0.destination == "/dev" && $0.type == "tmpfs" }
    let devices = spec.linux.devices.enumerated().filter { _, device in
      // The host's, of a privileged container that asks for all there are: its terminals are those of its own devpts.
      (!bound || !device.path.hasPrefix("/dev/")) && !(hasOwnMultiplexer && device.path == "/dev/ptmx")
    }
    let made = options.madeDevices?.places ?? []
    let place = options.preparedMounts.count + (options.preparedRoot == nil ? 0 : 1) + 1
    let last = devices.last { made.contains($0.offset) }?.offset
    for (index, device) in devices {
      step(
        ISL_STEP_NODE, device.path, flags: index == last ? ISL_FLAG_LAST : [], index: index,
        a: buffer.string(device.path), b: device.uid, c: device.gid,
        d: made.contains(index) ? UInt32(place) : 0,
        v: isl_makedev(device.major, device.minor), w: UInt64(device.mode))
    }
  }

  /// MOUNT_ATTR_RDONLY (mount_setattr(2)).
  private static let readOnly: UInt64 = 1

  /// Whether a filesystem of its own gets mount points or devices before the payload runs.
  private func isFilledLater(_ mount: RuntimeSpec.Mount, _ index: Int, _ options: MountOptions) -> Bool {
    guard !options.isBind, !options.changesMounted, ["tmpfs", "ramfs"].contains(mount.type) else {
      return false
    }
    let below = "\(mount.destination)/"
    return mount.destination == "/dev"
      || spec.mounts[(index + 1)...].contains { $0.destination.hasPrefix(below) }
      || spec.linux.devices.contains { $0.path.hasPrefix(below) }
  }

  /// What was asked to be read-only becomes so when everything is in it.
  mutating func addLaterReadOnly() {
    for (index, options) in laterReadOnly {
      let destination = spec.mounts[index].destination
      step(
        ISL_STEP_MOUNT, "read-only \(destination)", flags: [ISL_FLAG_REMOUNT], index: index,
        c: buffer.string(destination), v: options.attributes, w: options.superblockFlags)
    }
  }

  /// Whether a process of the container can be the owner of the host's device nodes, who could change their modes.
  var ownsDeviceNodes: Bool { !makes("user") || spec.linux.uidMappings.contains { $0.hostID == 0 } }

  /// MOUNT_ATTR_RDONLY, _NOSUID, _NODEV, _NOEXEC (mount_setattr(2)).
  private static let harmless: UInt64 = 0xf

  /// The host's control groups, where the kernel lets a container mount none: they belong to the cgroup namespace, and
  /// it has none of its own. It sees those of the host then, and can change nothing (CVE-2023-25809).
  private var hostsCgroups: String? {
    // Nor where we are in a user namespace of somebody else's making already, as podman's.
    guard makes("user") || !UserNamespace.callerIsHostRoot,
      !spec.linux.namespaces.contains(where: { $0.type == "cgroup" })
    else { return nil }
    return ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].first { unsafe isl_is_cgroup2($0) == 1 }
  }

  /// Bound from the host: a user namespace may not make device nodes. Those that linux.devices names are left
  /// to it.
  private mutating func addDefaultDevices(attributes: UInt64?) {
    for (name, major, minor) in RuntimeSpec.Device.defaults {
      let path = "/dev/\(name)"
      if spec.linux.devices.contains(where: { $0.path == path }) { continue }
      // Without /dev/null hardly anything works; the others a machine may lack.
      step(
        ISL_STEP_DEVICE, path, flags: name == "null" ? [] : [ISL_FLAG_SOFT], a: buffer.string(path),
        v: isl_makedev(major, minor))
    }
    if ownsDeviceNodes, let attributes {
      step(ISL_STEP_DEVICE_ATTRIBUTES, "/dev", v: attributes)
    }
    let links = [
      ("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
      ("stderr", "/proc/self/fd/2"), ("ptmx", "pts/ptmx"),
    ]
    for (name, contents) in links {
      let path = "/dev/\(name)"
      step(ISL_STEP_SYMLINK, path, a: buffer.string(path), b: buffer.string(contents))
    }
  }

  /// After devpts is mounted and while the host's /proc is there to open descriptors by.
  mutating func addConsole(isFirst: Bool) {
    guard process.terminal else { return }
    let size = process.consoleSize
    step(
      ISL_STEP_CONSOLE, "/dev/pts/ptmx", flags: isFirst ? [ISL_FLAG_CREATE] : [],
      index: ContainerOptions.consoleTag,
      v: UInt64(process.user.uid),
      w: UInt64(size?.height ?? 0) << 16 | UInt64(size?.width ?? 0) | (options.relaysTerminal ? 1 << 32 : 0))
  }
}
