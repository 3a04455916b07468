import CShims

/// Checks a decoded specification: each check is small, named and says which path it refuses.
enum SpecValidator {
  static func validate(_ spec: RuntimeSpec) throws(SpecError) {
    try version(spec)
    guard !spec.root.path.isEmpty else { throw SpecError(path: "root.path", message: "names no folder") }
    guard spec.annotations[""] == nil else {
      throw SpecError(path: "annotations", message: "a key is empty")
    }
    try namespaces(spec)
    try mappings(spec.linux.uidMappings, path: "linux.uidMappings")
    try mappings(spec.linux.gidMappings, path: "linux.gidMappings")
    try mounts(spec)
    try hostname(spec)
    try spec.hooks.validate()
    try spec.linux.seccomp?.validate()
    try spec.linux.validateNetworkDevices()
    try spec.linux.intelRdt?.validate()
    if let resources = spec.linux.resources { try self.resources(resources) }
    if let process = spec.process { try self.process(process, spec: spec) }
    if !spec.linux.sysctl.isEmpty {
      for name in spec.linux.sysctl.keys.sorted() { try Sysctl.check(name, spec.linux.namespaces) }
    }
    try paths(spec.linux.maskedPaths, path: "linux.maskedPaths")
    try paths(spec.linux.readonlyPaths, path: "linux.readonlyPaths")
  }

  /// config.md, "Specification version": a SemVer of major version 1.
  private static func version(_ spec: RuntimeSpec) throws(SpecError) {
    guard spec.ociVersion.hasPrefix("1.") else {
      throw SpecError(
        path: "ociVersion", message: "\"\(spec.ociVersion)\" is not a version 1 of the specification")
    }
  }

  private static func namespaces(_ spec: RuntimeSpec) throws(SpecError) {
    var seen: UInt64 = 0
    for (index, namespace) in spec.linux.namespaces.enumerated() {
      var path: String { "linux.namespaces[\(index)].type" }
      let flag = unsafe isl_namespace_flag(namespace.type)
      guard flag != 0 else {
        throw SpecError(
          path: path, message: "\"\(namespace.type)\" is no namespace of namespaces(7)")
      }
      if let file = namespace.path {
        guard file.hasPrefix("/") else {
          throw SpecError(path: "linux.namespaces[\(index)].path", message: "\"\(file)\" is not absolute")
        }
      }
      guard seen & flag == 0 else {
        throw SpecError(path: path, message: "\"\(namespace.type)\" is there twice")
      }
      seen |= flag
    }
    if !spec.linux.timeOffsets.isEmpty,
      !spec.linux.namespaces.contains(where: { $0.type == "time" && $0.path == nil })
    {
      throw SpecError(path: "linux.timeOffsets", message: "needs a new \"time\" namespace")
    }
    guard !spec.sharesMountNamespace || spec.linux.rootfsPropagation == nil else {
      throw SpecError(path: "linux.rootfsPropagation", message: "needs a \"mount\" namespace")
    }
  }

  private static func mappings(
    _ mappings: [RuntimeSpec.IDMapping], path: @autoclosure () -> String
  ) throws(SpecError) {
    if mappings.count > 340 {
      throw SpecError(path: path(), message: "more than 340 lines (user_namespaces(7))")
    }
    for (index, mapping) in mappings.enumerated() {
      guard mapping.size > 0 else {
        throw SpecError(path: "\(path())[\(index)].size", message: "must not be 0")
      }
      for start in [mapping.containerID, mapping.hostID]
      where UInt64(start) + UInt64(mapping.size) > UInt64(UInt32.max) {
        throw SpecError(path: "\(path())[\(index)]", message: "reaches beyond the last id")
      }
    }
  }

  private static func mounts(_ spec: RuntimeSpec) throws(SpecError) {
    for (index, mount) in spec.mounts.enumerated() {
      var path: String { "mounts[\(index)].destination" }
      try mappings(mount.uidMappings, path: "mounts[\(index)].uidMappings")
      try mappings(mount.gidMappings, path: "mounts[\(index)].gidMappings")
      guard mount.destination.contains(where: { $0 != "/" }) else {
        throw SpecError(path: path, message: "would cover the rootfs")
      }
    }
  }

  private static func hostname(_ spec: RuntimeSpec) throws(SpecError) {
    try hostname(spec.hostname, path: "hostname", spec)
    try hostname(spec.domainname, path: "domainname", spec)
  }

  private static func hostname(_ name: String?, path: String, _ spec: RuntimeSpec) throws(SpecError) {
    guard let name else { return }
    guard name.utf8.count <= 64 else { throw SpecError(path: path, message: "longer than 64 bytes") }
    guard spec.linux.namespaces.contains(where: { $0.type == "uts" }) else {
      throw SpecError(path: path, message: "needs a new \"uts\" namespace, or it would rename the host")
    }
  }

  static func process(_ process: RuntimeSpec.Process, spec: RuntimeSpec) throws(SpecError) {
    guard process.args.first?.isEmpty == false else {
      throw SpecError(path: "process.args", message: "names no program")
    }
    guard process.cwd.hasPrefix("/") else {
      throw SpecError(path: "process.cwd", message: "\"\(process.cwd)\" is not absolute")
    }
    for (index, entry) in process.env.enumerated() where !entry.utf8.dropFirst().contains(UInt8(ascii: "=")) {
      throw SpecError(path: "process.env[\(index)]", message: "\"\(entry)\" is not NAME=VALUE")
    }
    var limited: UInt64 = 0
    for (index, limit) in process.rlimits.enumerated() {
      let number = unsafe isl_rlimit_number(limit.type)
      guard number >= 0 else {
        throw SpecError(path: "process.rlimits[\(index)].type", message: "\"\(limit.type)\" is not a limit")
      }
      guard limited & 1 << UInt64(number) == 0 else {
        throw SpecError(path: "process.rlimits[\(index)].type", message: "\"\(limit.type)\" is there twice")
      }
      limited |= 1 << UInt64(number)
      guard limit.soft <= limit.hard else {
        throw SpecError(path: "process.rlimits[\(index)]", message: "soft is above hard")
      }
    }
    if let score = process.oomScoreAdj, !(-1000...1000).contains(score) {
      throw SpecError(path: "process.oomScoreAdj", message: "\(score) is not between -1000 and 1000")
    }
  }

  private static func paths(_ paths: [String], path: String) throws(SpecError) {
    for (index, item) in paths.enumerated() {
      guard item.hasPrefix("/") else {
        throw SpecError(path: "\(path)[\(index)]", message: "\"\(item)\" is not absolute")
      }
      try noParentReferences(item, path: "\(path)[\(index)]")
    }
  }

  private static func noParentReferences(_ item: String, path: @autoclosure () -> String) throws(SpecError) {
    // By bytes, as the kernel splits a path: for Swift "/" and a combining mark are one character.
    var (dots, others) = (0, 0)
    var holdsParent = false
    for byte in item.utf8 {
      if byte == UInt8(ascii: "/") {
        if dots == 2, others == 0 { holdsParent = true }
        (dots, others) = (0, 0)
      } else if byte == UInt8(ascii: ".") {
        dots += 1
      } else {
        others += 1
      }
    }
    if holdsParent || dots == 2 && others == 0 {
      throw SpecError(path: path(), message: "\"\(item)\" holds \"..\"")
    }
  }
}
