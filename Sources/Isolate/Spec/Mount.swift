extension RuntimeSpec {
  /// One entry of `mounts` (config.md, "Mounts").
  public struct Mount: Sendable, Equatable {
    public var destination: String
    public var type: String?
    public var source: String?
    public var options: [String]

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
    try decoder.refuse("uidMappings", "gidMappings")
    self.init(
      destination: try decoder.required("destination"), type: try decoder.string("type"),
      source: try decoder.string("source"), options: try decoder.strings("options"))
  }
}

extension RuntimeSpec.Mount {
  var json: JSONValue {
    var members = SpecEncoder()
    members.add("destination", .string(destination))
    members.add("type", type.map(JSONValue.string))
    members.add("source", source.map(JSONValue.string))
    members.add("options", strings: options)
    return members.object
  }
}
