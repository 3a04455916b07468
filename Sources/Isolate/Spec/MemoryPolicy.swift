extension RuntimeSpec {
  /// Which memory nodes pages come from (config-linux.md, "Memory Policy"; set_mempolicy(2)).
  public struct MemoryPolicy: Sendable, Equatable {
    /// "MPOL_BIND" and its like.
    public var mode: String
    public var nodes: CPUSet?
    /// "MPOL_F_STATIC_NODES" and its like.
    public var flags: [String] = []

    /// The mode with its flags, as set_mempolicy(2) takes it.
    var value: UInt64 { flags.reduce(Self.modes[mode] ?? 0) { $0 | (Self.flagBits[$1] ?? 0) } }

    static let modes: [String: UInt64] = [
      "MPOL_DEFAULT": 0, "MPOL_PREFERRED": 1, "MPOL_BIND": 2, "MPOL_INTERLEAVE": 3, "MPOL_LOCAL": 4,
      "MPOL_PREFERRED_MANY": 5, "MPOL_WEIGHTED_INTERLEAVE": 6,
    ]
    static let flagBits: [String: UInt64] = [
      "MPOL_F_STATIC_NODES": 1 << 15, "MPOL_F_RELATIVE_NODES": 1 << 14, "MPOL_F_NUMA_BALANCING": 1 << 13,
    ]
  }
}

extension RuntimeSpec.MemoryPolicy {
  init(_ decoder: SpecDecoder) throws(SpecError) {
    mode = try decoder.required("mode")
    guard Self.modes[mode] != nil else {
      throw SpecError(path: "\(decoder.path).mode", message: "\"\(mode)\" is no mode of set_mempolicy(2)")
    }
    if let text = try decoder.label("nodes") {
      guard let set = CPUSet(text) else {
        throw SpecError(path: "\(decoder.path).nodes", message: "\"\(text)\" is no list such as 0-3,7")
      }
      nodes = set
    }
    flags = try decoder.strings("flags")
    for (index, flag) in flags.enumerated() where Self.flagBits[flag] == nil {
      throw SpecError(
        path: "\(decoder.path).flags[\(index)]", message: "\"\(flag)\" is no flag of set_mempolicy(2)")
    }
  }

  var json: JSONValue {
    var members = SpecEncoder()
    members.add("mode", .string(mode))
    members.add("nodes", nodes.map { .string($0.text) })
    members.add("flags", strings: flags)
    return members.object
  }
}
