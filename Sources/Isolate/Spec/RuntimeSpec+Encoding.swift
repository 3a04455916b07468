extension RuntimeSpec {
  /// The specification as config.json; absent values stay absent.
  public var json: JSONValue {
    var members = Members()
    members.add("ociVersion", .string(ociVersion))
    members.add("process", process.map(\.json))
    members.add("root", .object([("path", .string(root.path)), ("readonly", .bool(root.readonly))]))
    members.add("hostname", hostname.map(JSONValue.string))
    members.add("domainname", domainname.map(JSONValue.string))
    members.add("mounts", .array(mounts.map(\.json)))
    if !annotations.isEmpty {
      members.add(
        "annotations",
        .object(annotations.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }
    members.add("linux", linux.json)
    return members.object
  }
}

/// Collects the members of an object, leaving out what is nil or empty.
private struct Members {
  private var members: [(key: String, value: JSONValue)] = []
  var object: JSONValue { .object(members) }

  mutating func add(_ key: String, _ value: JSONValue?) {
    if let value { members.append((key, value)) }
  }

  mutating func add(_ key: String, strings: [String]) {
    if !strings.isEmpty { add(key, .array(strings.map(JSONValue.string))) }
  }

  mutating func add(_ key: String, number: UInt64?) {
    guard let number else { return }
    add(key, number <= UInt64(Int64.max) ? .integer(Int64(number)) : .unsigned(number))
  }
}

extension RuntimeSpec.Mount {
  fileprivate var json: JSONValue {
    var members = Members()
    members.add("destination", .string(destination))
    members.add("type", type.map(JSONValue.string))
    members.add("source", source.map(JSONValue.string))
    members.add("options", strings: options)
    return members.object
  }
}

extension RuntimeSpec.Process {
  fileprivate var json: JSONValue {
    var userMembers = Members()
    userMembers.add("uid", number: UInt64(user.uid))
    userMembers.add("gid", number: UInt64(user.gid))
    userMembers.add("umask", number: user.umask.map(UInt64.init))
    if !user.additionalGids.isEmpty {
      userMembers.add("additionalGids", .array(user.additionalGids.map { .integer(Int64($0)) }))
    }
    var sets = Members()
    sets.add("bounding", strings: capabilities.bounding)
    sets.add("effective", strings: capabilities.effective)
    sets.add("inheritable", strings: capabilities.inheritable)
    sets.add("permitted", strings: capabilities.permitted)
    sets.add("ambient", strings: capabilities.ambient)
    var members = Members()
    members.add("terminal", .bool(terminal))
    if let consoleSize {
      members.add(
        "consoleSize",
        .object([
          ("height", .integer(Int64(consoleSize.height))), ("width", .integer(Int64(consoleSize.width))),
        ]))
    }
    members.add("user", userMembers.object)
    members.add("args", strings: args)
    members.add("env", strings: env)
    members.add("cwd", .string(cwd))
    members.add("capabilities", sets.object)
    if !rlimits.isEmpty {
      members.add(
        "rlimits",
        .array(
          rlimits.map { limit in
            var members = Members()
            members.add("type", .string(limit.type))
            members.add("hard", number: limit.hard)
            members.add("soft", number: limit.soft)
            return members.object
          }))
    }
    members.add("noNewPrivileges", .bool(noNewPrivileges))
    members.add("oomScoreAdj", oomScoreAdj.map { .integer(Int64($0)) })
    return members.object
  }
}

extension RuntimeSpec.Linux {
  fileprivate var json: JSONValue {
    var members = Members()
    members.add("uidMappings", uidMappings.isEmpty ? nil : .array(uidMappings.map(\.json)))
    members.add("gidMappings", gidMappings.isEmpty ? nil : .array(gidMappings.map(\.json)))
    members.add("cgroupsPath", cgroupsPath.map(JSONValue.string))
    members.add("resources", resources?.json)
    members.add("namespaces", .array(namespaces.map { .object([("type", .string($0.type))]) }))
    if !sysctl.isEmpty {
      members.add(
        "sysctl", .object(sysctl.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }
    members.add("seccomp", seccomp?.json)
    members.add("maskedPaths", strings: maskedPaths)
    members.add("readonlyPaths", strings: readonlyPaths)
    return members.object
  }
}

extension RuntimeSpec.IDMapping {
  fileprivate var json: JSONValue {
    .object([
      ("containerID", .integer(Int64(containerID))), ("hostID", .integer(Int64(hostID))),
      ("size", .integer(Int64(size))),
    ])
  }
}

extension RuntimeSpec.Resources {
  fileprivate var json: JSONValue {
    var members = Members()
    if memoryLimitInBytes != nil || memorySwapLimitInBytes != nil {
      var memory = Members()
      memory.add("limit", memoryLimitInBytes.map(JSONValue.integer))
      memory.add("swap", memorySwapLimitInBytes.map(JSONValue.integer))
      members.add("memory", memory.object)
    }
    if cpuQuotaMicroseconds != nil || cpuPeriodMicroseconds != nil {
      var cpu = Members()
      cpu.add("quota", cpuQuotaMicroseconds.map(JSONValue.integer))
      cpu.add("period", number: cpuPeriodMicroseconds)
      members.add("cpu", cpu.object)
    }
    if let pidsLimit { members.add("pids", .object([("limit", .integer(pidsLimit))])) }
    return members.object
  }
}

extension RuntimeSpec.Seccomp {
  fileprivate var json: JSONValue {
    var members = Members()
    members.add("defaultAction", .string(defaultAction))
    members.add("defaultErrnoRet", number: defaultErrnoRet.map(UInt64.init))
    members.add("architectures", strings: architectures)
    members.add("syscalls", .array(syscalls.map(\.json)))
    return members.object
  }
}

extension RuntimeSpec.Seccomp.Rule {
  fileprivate var json: JSONValue {
    var members = Members()
    members.add("names", strings: names)
    members.add("action", .string(action))
    members.add("errnoRet", number: errnoRet.map(UInt64.init))
    if !args.isEmpty {
      members.add(
        "args",
        .array(
          args.map { argument in
            var members = Members()
            members.add("index", number: UInt64(argument.index))
            members.add("value", number: argument.value)
            members.add("valueTwo", number: argument.valueTwo)
            members.add("op", .string(argument.op))
            return members.object
          }))
    }
    return members.object
  }
}
