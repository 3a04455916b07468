extension RuntimeSpec {
  /// Decodes a config.json.
  ///
  /// - Throws: `SpecError` naming the JSON path of what is malformed or not honoured.
  public init(json: JSONValue) throws(SpecError) {
    guard case .object = json else { throw SpecError(path: "", message: "expected an object") }
    let top = SpecDecoder(value: json, path: "")
    try top.refuse("hooks", "vm", "zos")
    guard let root = try top.object("root") else { throw SpecError(path: "root", message: "is missing") }
    self.init(
      ociVersion: try top.required("ociVersion"),
      process: try top.object("process").map { decoder throws(SpecError) in try Process(decoder) },
      root: Root(path: try root.required("path"), readonly: try root.bool("readonly") ?? false),
      hostname: try top.string("hostname"), domainname: try top.string("domainname"))
    for mount in try top.objects("mounts") {
      try mount.refuse("uidMappings", "gidMappings")
      mounts.append(
        Mount(
          destination: try mount.required("destination"), type: try mount.string("type"),
          source: try mount.string("source"), options: try mount.strings("options")))
    }
    annotations = try top.texts("annotations")
    if let decoder = try top.object("linux") { linux = try Linux(decoder) }
  }
}

extension RuntimeSpec.Process {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    try decoder.refuse("apparmorProfile", "selinuxLabel", "ioPriority", "scheduler", "execCPUAffinity")
    self.init(args: try decoder.strings("args"), cwd: try decoder.required("cwd"))
    terminal = try decoder.bool("terminal") ?? false
    env = try decoder.strings("env")
    noNewPrivileges = try decoder.bool("noNewPrivileges") ?? false
    oomScoreAdj = try decoder.integer("oomScoreAdj").map { Int($0) }
    if let size = try decoder.object("consoleSize") {
      consoleSize = RuntimeSpec.ConsoleSize(
        height: UInt16(clamping: try size.unsigned("height") ?? 0),
        width: UInt16(clamping: try size.unsigned("width") ?? 0))
    }
    if let user = try decoder.object("user") {
      self.user = RuntimeSpec.User(
        uid: try user.identifier("uid") ?? 0, gid: try user.identifier("gid") ?? 0,
        umask: try user.identifier("umask"), additionalGids: try user.identifiers("additionalGids"))
    }
    if let sets = try decoder.object("capabilities") {
      capabilities.bounding = try sets.strings("bounding")
      capabilities.effective = try sets.strings("effective")
      capabilities.inheritable = try sets.strings("inheritable")
      capabilities.permitted = try sets.strings("permitted")
      capabilities.ambient = try sets.strings("ambient")
    }
    for limit in try decoder.objects("rlimits") {
      rlimits.append(
        RuntimeSpec.ResourceLimit(
          type: try limit.required("type"), soft: try limit.unsigned("soft") ?? 0,
          hard: try limit.unsigned("hard") ?? 0))
    }
  }
}

extension RuntimeSpec.Linux {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init()
    try decoder.refuse(
      "devices", "netDevices", "rootfsPropagation", "mountLabel", "intelRdt", "personality",
      "timeOffsets", "memoryPolicy")
    for namespace in try decoder.objects("namespaces") {
      try namespace.refuse("path")
      namespaces.append(RuntimeSpec.Namespace(type: try namespace.required("type")))
    }
    uidMappings = try Self.mappings(decoder.objects("uidMappings"))
    gidMappings = try Self.mappings(decoder.objects("gidMappings"))
    sysctl = try decoder.texts("sysctl")
    maskedPaths = try decoder.strings("maskedPaths")
    readonlyPaths = try decoder.strings("readonlyPaths")
    cgroupsPath = try decoder.string("cgroupsPath")
    resources = try decoder.object("resources").map { value throws(SpecError) in
      try RuntimeSpec.Resources(value)
    }
    seccomp = try decoder.object("seccomp").map { value throws(SpecError) in try RuntimeSpec.Seccomp(value) }
  }

  private static func mappings(_ decoders: [SpecDecoder]) throws(SpecError) -> [RuntimeSpec.IDMapping] {
    var mappings: [RuntimeSpec.IDMapping] = []
    for decoder in decoders {
      mappings.append(
        RuntimeSpec.IDMapping(
          containerID: try decoder.identifier("containerID") ?? 0,
          hostID: try decoder.identifier("hostID") ?? 0,
          size: try decoder.identifier("size") ?? 0))
    }
    return mappings
  }
}

extension RuntimeSpec.Resources {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init()
    try decoder.refuse("blockIO", "hugepageLimits", "network", "rdma", "unified")
    for device in try decoder.objects("devices") {
      // A rootless container has no device nodes but those bound from the host: "deny all" holds.
      if try device.bool("allow") == true {
        throw SpecError(path: "\(device.path).allow", message: "not supported by this version of isolate")
      }
    }
    if let memory = try decoder.object("memory") {
      try memory.refuse("reservation", "kernel", "kernelTCP", "swappiness", "disableOOMKiller")
      memoryLimitInBytes = try memory.integer("limit")
      memorySwapLimitInBytes = try memory.integer("swap")
    }
    if let pids = try decoder.object("pids") { pidsLimit = try pids.integer("limit") }
    if let cpu = try decoder.object("cpu") {
      try cpu.refuse("shares", "burst", "realtimeRuntime", "realtimePeriod", "cpus", "mems", "idle")
      cpuQuotaMicroseconds = try cpu.integer("quota")
      cpuPeriodMicroseconds = try cpu.unsigned("period")
    }
  }
}

extension RuntimeSpec.Seccomp {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    try decoder.refuse("flags", "listenerPath", "listenerMetadata")
    self.init(
      defaultAction: try decoder.required("defaultAction"),
      defaultErrnoRet: try decoder.identifier("defaultErrnoRet"),
      architectures: try decoder.strings("architectures"))
    for rule in try decoder.objects("syscalls") {
      var arguments: [Argument] = []
      for argument in try rule.objects("args") {
        arguments.append(
          Argument(
            index: try argument.identifier("index") ?? 0, value: try argument.unsigned("value") ?? 0,
            valueTwo: try argument.unsigned("valueTwo") ?? 0, op: try argument.required("op")))
      }
      syscalls.append(
        Rule(
          names: try rule.strings("names"), action: try rule.required("action"),
          errnoRet: try rule.identifier("errnoRet"), args: arguments))
    }
  }
}
