extension RuntimeSpec {
  /// The Linux part (config-linux.md).
  public struct Linux: Sendable, Equatable {
    public var namespaces: [Namespace] = []
    public var uidMappings: [IDMapping] = []
    public var gidMappings: [IDMapping] = []
    /// Kernel parameters of the container's own namespaces (sysctl(8) names).
    public var sysctl: [String: String] = [:]
    public var maskedPaths: [String] = []
    public var readonlyPaths: [String] = []
    public var cgroupsPath: String?
    public var resources: Resources?
    public var seccomp: Seccomp?
    public var devices: [Device] = []
    public var personality: Personality?
    public var memoryPolicy: MemoryPolicy?
    /// What "monotonic" and "boottime" are ahead of the host's clocks (time_namespaces(7)).
    public var timeOffsets: [String: TimeOffset] = [:]
    /// "shared", "slave", "private" or "unbindable", also with an r before it.
    public var rootfsPropagation: String?
    /// The SELinux context of the container's mounts.
    public var mountLabel: String?
    /// The host's network devices that the container gets, by their names on the host.
    public var netDevices: [String: NetworkDevice] = [:]
    public var intelRdt: IntelRdt?

    public init() {}
  }

  /// A namespace to be made for the container, or one to be entered (namespaces(7)).
  public struct Namespace: Sendable, Equatable {
    /// "user", "mount", "pid", "ipc", "uts", "network", "cgroup" or "time".
    public var type: String
    /// A file that names an existing one, as /proc/PID/ns/net.
    public var path: String?

    public init(type: String, path: String? = nil) {
      self.type = type
      self.path = path
    }
  }

  /// One line of an id map (user_namespaces(7)).
  public struct IDMapping: Sendable, Equatable {
    public var containerID: UInt32
    public var hostID: UInt32
    public var size: UInt32

    public init(containerID: UInt32, hostID: UInt32, size: UInt32) {
      self.containerID = containerID
      self.hostID = hostID
      self.size = size
    }
  }
}

extension [RuntimeSpec.IDMapping] {
  /// The host's id of one inside; nil where it is not mapped, or to no id that there can be.
  func hostID(of inside: UInt32) -> UInt32? {
    guard let mapping = first(where: { inside >= $0.containerID && inside - $0.containerID < $0.size }) else {
      return nil
    }
    let (host, overflows) = mapping.hostID.addingReportingOverflow(inside - mapping.containerID)
    return overflows ? nil : host
  }
}

extension RuntimeSpec.Linux {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init()
    // Members that most configurations lack cost nothing but the question.
    if decoder.member("netDevices") != nil { netDevices = try Self.networkDevices(decoder) }
    if let value = try decoder.object("intelRdt") { intelRdt = try RuntimeSpec.IntelRdt(value) }
    if decoder.member("devices") != nil {
      for device in try decoder.objects("devices") { devices.append(try RuntimeSpec.Device(device)) }
    }
    if let value = try decoder.object("personality") { personality = try RuntimeSpec.Personality(value) }
    if let value = try decoder.object("memoryPolicy") { memoryPolicy = try RuntimeSpec.MemoryPolicy(value) }
    if decoder.member("timeOffsets") != nil { timeOffsets = try Self.timeOffsets(decoder) }
    rootfsPropagation = try decoder.label("rootfsPropagation")
    mountLabel = try decoder.label("mountLabel")
    for namespace in try decoder.objects("namespaces") {
      namespaces.append(
        // A client that writes every member means by an empty path that there is none, as other runtimes read it.
        RuntimeSpec.Namespace(
          type: try namespace.required("type"),
          path: try namespace.string("path").flatMap { $0.isEmpty ? nil : $0 }))
    }
    uidMappings = try Self.mappings(decoder.objects("uidMappings"))
    gidMappings = try Self.mappings(decoder.objects("gidMappings"))
    if decoder.member("sysctl") != nil { sysctl = try decoder.texts("sysctl") }
    maskedPaths = try decoder.strings("maskedPaths")
    readonlyPaths = try decoder.strings("readonlyPaths")
    cgroupsPath = try decoder.string("cgroupsPath")
    if let value = try decoder.object("resources") { resources = try RuntimeSpec.Resources(value) }
    if let value = try decoder.object("seccomp") { seccomp = try RuntimeSpec.Seccomp(value) }
  }

  private static func networkDevices(
    _ decoder: SpecDecoder
  ) throws(SpecError) -> [String: RuntimeSpec.NetworkDevice] {
    var devices: [String: RuntimeSpec.NetworkDevice] = [:]
    for (name, device) in try decoder.namedObjects("netDevices") {
      devices[name] = try RuntimeSpec.NetworkDevice(device)
    }
    return devices
  }

  private static func timeOffsets(_ decoder: SpecDecoder) throws(SpecError) -> [String: RuntimeSpec
    .TimeOffset]
  {
    var offsets: [String: RuntimeSpec.TimeOffset] = [:]
    for (clock, offset) in try decoder.namedObjects("timeOffsets") {
      offsets[clock] = try RuntimeSpec.TimeOffset(clock: clock, offset)
    }
    return offsets
  }

  static func mappings(_ decoders: [SpecDecoder]) throws(SpecError) -> [RuntimeSpec.IDMapping] {
    var mappings: [RuntimeSpec.IDMapping] = []
    for decoder in decoders {
      mappings.append(
        RuntimeSpec.IDMapping(
          containerID: try decoder.identifier("containerID") ?? 0,
          hostID: try decoder.identifier("hostID") ?? 0,
          size: try decoder.count("size") ?? 0))
    }
    return mappings
  }
}

extension RuntimeSpec.Linux {
  var json: JSONValue {
    var members = SpecEncoder()
    members.add("uidMappings", uidMappings.isEmpty ? nil : .array(uidMappings.map(\.json)))
    members.add("gidMappings", gidMappings.isEmpty ? nil : .array(gidMappings.map(\.json)))
    members.add("cgroupsPath", cgroupsPath.map(JSONValue.string))
    members.add("resources", resources?.json)
    members.add("namespaces", .array(namespaces.map(\.json)))
    if !sysctl.isEmpty {
      members.add(
        "sysctl", .object(sysctl.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value)) }))
    }
    if !devices.isEmpty { members.add("devices", .array(devices.map(\.json))) }
    members.add("personality", personality?.json)
    members.add("memoryPolicy", memoryPolicy?.json)
    if !timeOffsets.isEmpty {
      members.add(
        "timeOffsets",
        .object(timeOffsets.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value.json) }))
    }
    members.add("rootfsPropagation", rootfsPropagation.map(JSONValue.string))
    members.add("mountLabel", mountLabel.map(JSONValue.string))
    if !netDevices.isEmpty {
      members.add(
        "netDevices",
        .object(netDevices.sorted { $0.key < $1.key }.map { (key: $0.key, value: $0.value.json) }))
    }
    members.add("intelRdt", intelRdt?.json)
    members.add("seccomp", seccomp?.json)
    members.add("maskedPaths", strings: maskedPaths)
    members.add("readonlyPaths", strings: readonlyPaths)
    return members.object
  }
}

extension RuntimeSpec.IDMapping {
  var json: JSONValue {
    .object([
      ("containerID", .integer(Int64(containerID))), ("hostID", .integer(Int64(hostID))),
      ("size", .integer(Int64(size))),
    ])
  }
}

extension RuntimeSpec.Namespace {
  var json: JSONValue {
    var members = SpecEncoder()
    members.add("type", .string(type))
    members.add("path", path.map(JSONValue.string))
    return members.object
  }
}
