import Testing

@testable import Isolate

@Suite("linux.netDevices, as far as it can be judged without the host,")
struct NetworkDeviceValidationTests {
  private static func spec(_ devices: [String: String?]) -> RuntimeSpec {
    var spec = RuntimeSpec.standard()
    for (name, inside) in devices { spec.linux.netDevices[name] = .init(name: inside) }
    return spec
  }

  @Test("takes names that the kernel takes, a template among them")
  func takes() throws {
    try SpecValidator.validate(Self.spec(["eth0": nil, "veth1.7": "eth1", "a": "net%d", "b": "net%d"]))
  }

  @Test(
    "refuses names that the kernel would not have, or would take for something else, by their path",
    arguments: [
      ("a/b", nil, "linux.netDevices.a/b"), ("", nil, "linux.netDevices."),
      ("..", nil, "linux.netDevices..."),
      ("a b", nil, "linux.netDevices.a b"), ("sixteen-letters-", nil, "linux.netDevices.sixteen-letters-"),
      ("a%d", nil, "linux.netDevices.a%d"), ("lo", "eth0", "linux.netDevices.lo"),
      ("a", "b:c", "linux.netDevices.a.name"), ("a", "%dx", "linux.netDevices.a.name"),
      ("a", "x%s", "linux.netDevices.a.name"), ("a", "x%d%d", "linux.netDevices.a.name"),
      ("a", "fifteen-letters%d", "linux.netDevices.a.name"), ("a", "lo", "linux.netDevices.a.name"),
    ] as [(String, String?, String)])
  func refusesNames(name: String, inside: String?, path: String) {
    let error = #expect(throws: SpecError.self) { try SpecValidator.validate(Self.spec([name: inside])) }
    #expect(error?.path == path)
  }

  @Test("refuses one name for two devices, and a container without a network namespace")
  func refuses() {
    var error = #expect(throws: SpecError.self) {
      try SpecValidator.validate(Self.spec(["a": "eth0", "b": "eth0"]))
    }
    #expect(error?.path == "linux.netDevices.b.name")
    var spec = Self.spec(["a": nil])
    spec.linux.namespaces.removeAll { $0.type == "network" }
    error = #expect(throws: SpecError.self) { try SpecValidator.validate(spec) }
    #expect(error?.path == "linux.netDevices")
  }

  @Test("comes back from JSON as it went there")
  func roundTrip() throws {
    let spec = Self.spec(["eth0": nil, "eth1": "in0"])
    #expect(try RuntimeSpec(json: spec.json) == spec)
  }
}
