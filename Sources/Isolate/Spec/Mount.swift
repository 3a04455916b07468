extension RuntimeSpec {
  /// One entry of `mounts` (config.md, "Mounts").
  public struct Mount: Sendable, Equatable {
    public var destination: String
    public var type: String?
    public var source: String?
    public var options: [String]
    /// Whose files are whose inside (mount_setattr(2), MOUNT_ATTR_IDMAP); empty takes the container's maps where the
    /// options ask for it.
    public var uidMappings: [IDMapping] = []
    public var gidMappings: [IDMapping] = []

    /// Whether it asks for other owners of its files, by maps or by an option.
    var isIDMapped: Bool {
      !uidMappings.isEmpty || !gidMappings.isEmpty || options.contains { $0 == "idmap" || $0 == "ridmap" }
    }

    public init(destination: String, type: String? = nil, source: String? = nil, options: [String] = []) {
      self.destination = destination
      self.type = type
      self.source = source
      self.options = options
    }
  }
}

extension RuntimeSpec.Mount {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    self.init(
      destination: try decoder.required("destination"), type: try decoder.string("type"),
      source: try decoder.string("source"), options: try decoder.strings("options"))
    uidMappings = try RuntimeSpec.Linux.mappings(decoder.objects("uidMappings"))
    gidMappings = try RuntimeSpec.Linux.mappings(decoder.objects("gidMappings"))
  }
}

extension RuntimeSpec.Mount {
  var json: JSONValue {
    var members = SpecEncoder()
    members.add("destination", .string(destination))
    members.add("type", type.map(JSONValue.string))
    members.add("source", source.map(JSONValue.string))
    members.add("options", strings: options)
    members.add("uidMappings", uidMappings.isEmpty ? nil : .array(uidMappings.map(\.json)))
    members.add("gidMappings", gidMappings.isEmpty ? nil : .array(gidMappings.map(\.json)))
    return members.object
  }
}
