extension RuntimeSpec {
  /// The container's share of caches and memory bandwidth (config-linux.md, "IntelRdt").
  public struct IntelRdt: Sendable, Equatable {
    /// The class of service: a group of the resctrl filesystem, "/" for the one that everybody is in; nil makes one
    /// named as the container.
    public var closID: String?
    public var l3CacheSchema: String?
    public var memBwSchema: String?
    /// Lines of the group's schemata file, written after the two above.
    public var schemata: [String] = []
    /// Whether the container gets a monitoring group of its own.
    public var enableMonitoring = false
    /// Counters that the host must have: those of the cache's occupancy, and of the memory's bandwidth.
    public var enableCMT = false
    public var enableMBM = false

    public init() {}
  }
}

extension RuntimeSpec.IntelRdt {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    closID = try decoder.label("closID")
    l3CacheSchema = try decoder.label("l3CacheSchema")
    memBwSchema = try decoder.label("memBwSchema")
    schemata = try decoder.strings("schemata")
    enableMonitoring = try decoder.bool("enableMonitoring") ?? false
    enableCMT = try decoder.bool("enableCMT") ?? false
    enableMBM = try decoder.bool("enableMBM") ?? false
  }

  func validate() throws(SpecError) {
    let path = "linux.intelRdt"
    // Files and folders that the filesystem has beside its groups (kernel, Documentation/arch/x86/resctrl.rst).
    let taken = ["info", "mon_data", "mon_groups"]
    if let closID, closID != "/" {
      guard !closID.contains("/"), closID != ".", closID != "..", !taken.contains(closID),
        !closID.contains("\n"), closID.utf8.count < 256
      else {
        throw SpecError(path: "\(path).closID", message: "\"\(closID)\" is no name of a class of service")
      }
    }
    if let memBwSchema, !memBwSchema.hasPrefix("MB:") || memBwSchema.contains("\n") {
      throw SpecError(path: "\(path).memBwSchema", message: "is not one line that starts with \"MB:\"")
    }
    for (index, line) in schemata.enumerated() where line.isEmpty || line.contains("\n") {
      throw SpecError(path: "\(path).schemata[\(index)]", message: "is not one line")
    }
  }

  /// The lines of `l3CacheSchema` and `memBwSchema` together: the latter's stands for those of the former's.
  var cacheAndBandwidth: [String] {
    var lines = (l3CacheSchema ?? "").split(separator: "\n").map(String.init)
    if let memBwSchema {
      lines.removeAll { $0.hasPrefix("MB:") }
      lines.append(memBwSchema)
    }
    return lines
  }

  var json: JSONValue {
    var members = SpecEncoder()
    members.add("closID", closID.map(JSONValue.string))
    members.add("l3CacheSchema", l3CacheSchema.map(JSONValue.string))
    members.add("memBwSchema", memBwSchema.map(JSONValue.string))
    members.add("schemata", strings: schemata)
    members.add("enableMonitoring", enableMonitoring ? .bool(true) : nil)
    members.add("enableCMT", enableCMT ? .bool(true) : nil)
    members.add("enableMBM", enableMBM ? .bool(true) : nil)
    return members.object
  }
}
