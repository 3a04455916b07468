extension RuntimeSpec {
  /// A network device of the host that the container gets (config-linux.md, "Network Devices").
  public struct NetworkDevice: Sendable, Equatable {
    /// Its name in the container; nil keeps the host's. "%d" at its end stands for the first number that is free.
    public var name: String?

    public init(name: String? = nil) { self.name = name }

    init(_ decoder: SpecDecoder) throws(SpecError) {
      name = try decoder.string("name").flatMap { $0.isEmpty ? nil : $0 }
    }

    var json: JSONValue {
      var members = SpecEncoder()
      members.add("name", name.map(JSONValue.string))
      return members.object
    }
  }
}

extension RuntimeSpec.Linux {
  /// What can be said of `netDevices` without looking at the host.
  func validateNetworkDevices() throws(SpecError) {
    guard !netDevices.isEmpty else { return }
    guard namespaces.contains(where: { $0.type == "network" }) else {
      throw SpecError(
        path: "linux.netDevices", message: "needs a \"network\" namespace for the devices to be moved to")
    }
    var taken: Set<String> = ["lo"]
    for (name, device) in netDevices.sorted(by: { $0.key < $1.key }) {
      let path = "linux.netDevices.\(name)"
      guard Self.isInterfaceName(name) else {
        throw SpecError(path: path, message: "\"\(name)\" is no name of a network device")
      }
      guard name != "lo" else { throw SpecError(path: path, message: "the loopback device cannot be moved") }
      let inside = device.name ?? name
      let isTemplate = inside.hasSuffix("%d")
      guard Self.isInterfaceName(isTemplate ? String(inside.dropLast(2)) + "0" : inside) else {
        throw SpecError(
          path: "\(path).name",
          message: "\"\(inside)\" is no name of a network device, nor one with %d at its end")
      }
      guard isTemplate || taken.insert(inside).inserted else {
        throw SpecError(path: "\(path).name", message: "\"\(inside)\" is the name of two devices")
      }
    }
  }

  /// The kernel's rule for names (dev_valid_name), and no sign of a template.
  private static func isInterfaceName(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    return (1...15).contains(bytes.count) && name != "." && name != ".."
      && !bytes.contains { byte in
        byte <= 0x20 || byte == 0x7f || byte == 0xa0
          || [UInt8(ascii: "/"), UInt8(ascii: ":"), UInt8(ascii: "%")].contains(byte)
      }
  }
}
