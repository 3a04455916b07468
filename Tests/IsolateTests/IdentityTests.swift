import Testing

@testable import Isolate

@Suite("Names and numbers")
struct IdentityTests {
  @Test(
    "a container id may hold letters, digits, _ and +, and - and . after the first",
    arguments: ["a", "0", "_x", "+x", "A-b_c+d.e", "x..", String(repeating: "z", count: 1024)])
  func goodIdentifiers(_ text: String) { #expect(ContainerIdentifier.isValid(text)) }

  @Test(
    "a container id that could be a path, an option or a trick is refused",
    arguments: [
      "", ".", "..", "../x", "a/b", "/", "-x", ".x", " a", "a b", "a\n", "a\0", "a\u{301}", "\u{e9}",
      "\u{430}", "a*", "a;b", "a%", String(repeating: "z", count: 1025),
    ])
  func badIdentifiers(_ text: String) { #expect(!ContainerIdentifier.isValid(text)) }

  @Test("capability names become the kernel's bits")
  func capabilities() throws {
    var warnings: [String] = []
    #expect(Capability.mask([], path: "p", warnings: &warnings) == 0)
    #expect(
      Capability.mask(["CAP_CHOWN", "CAP_KILL", "CAP_KILL"], path: "p", warnings: &warnings) == 0b10_0001)
    #expect(Capability.mask(["CAP_SYS_ADMIN"], path: "p", warnings: &warnings) == 1 << 21)
    #expect(Capability.mask(["CAP_CHECKPOINT_RESTORE"], path: "p", warnings: &warnings) == 1 << 40)
    #expect(warnings.isEmpty)
    #expect(Capability.names.count == 41)
    #expect(Set(Capability.names).count == 41)
  }

  @Test(
    "a capability without its exact name is warned about with its path, and is not granted",
    arguments: ["KILL", "cap_kill", "CAP_ALL", "CAP_", "", "CAP_KILL "])
  func badCapabilities(_ name: String) {
    var warnings: [String] = []
    #expect(Capability.mask(["CAP_CHOWN", name], path: "p", warnings: &warnings) == 1)
    #expect(warnings == ["config.json: p[1]: \"\(name)\" is not a capability; it is not granted"])
  }

  @Test("capabilities that the kernel would refuse are taken out of their set, each with a warning")
  func grantableCapabilities() {
    var warnings: [String] = []
    let all: UInt64 = 0b1_1111
    let sets = LaunchPlanBuilder.grantable(
      [0b1_0111, 0b0_1111, 0b1_1011, 0b0_1101, all], callers: 0b0_1111, warnings: &warnings)
    #expect(sets == [0b0_0111, 0b0_1111, 0b0_1011, 0b0_0101, 0b0_0101])
    #expect(
      warnings == [
        "config.json: process.capabilities.bounding: CAP_FSETID not granted: the caller does not have it",
        "config.json: process.capabilities.effective: CAP_FSETID not granted: not permitted",
        "config.json: process.capabilities.inheritable: CAP_FOWNER not granted: not in the bounding set",
        "config.json: process.capabilities.ambient: CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID not granted: not inheritable",
      ])
  }

  @Test("a range of subordinate ids is found by the user's name and by its number")
  func subordinateRanges() {
    let table = "other:1:2\nname:100000:65536\nname:300000:5\n1000:400000:7\n"
    let byName = SubordinateIDs.range(in: table, name: "name", id: 5)
    #expect(byName?.start == 100_000)
    #expect(byName?.count == 65536)
    let byNumber = SubordinateIDs.range(in: table, name: "nobody", id: 1000)
    #expect(byNumber?.start == 400_000)
    #expect(byNumber?.count == 7)
    #expect(SubordinateIDs.range(in: table, name: "nam", id: 5) == nil)
    #expect(SubordinateIDs.range(in: nil, name: "name", id: 5) == nil)
  }

  @Test(
    "a malformed line of /etc/subuid is passed over, never half understood",
    arguments: [
      "name:100000", "name:100000:65536:1", "name:-1:65536", "name:x:65536", "name:100000:0", "name::",
      "name:4294967295:1", "name:4294967290:10", "name:4294967296:1", "name: 100000:65536", "#name:1:2", "",
    ])
  func malformedRanges(_ line: String) {
    #expect(SubordinateIDs.range(in: line + "\n", name: "name", id: 5) == nil)
    let later = SubordinateIDs.range(in: line + "\nname:7:8\n", name: "name", id: 5)
    #expect(later?.start == 7)
  }

  @Test("a user's name comes from the first line of /etc/passwd with that number")
  func userNames() {
    let passwd = "root:x:0:0::/:/bin/sh\nbroken\na:x:10:10::/:\nb:x:10:10::/:\nc:x:0x0b:1::/:\n"
    #expect(SubordinateIDs.userName(of: 0, passwd: passwd) == "root")
    #expect(SubordinateIDs.userName(of: 10, passwd: passwd) == "a")
    #expect(SubordinateIDs.userName(of: 11, passwd: passwd) == nil)
    #expect(SubordinateIDs.userName(of: 0, passwd: "") == nil)
  }

  @Test("an IPv4 address lies in memory in network order")
  func addressOrder() {
    let address = IPv4Address(10, 1, 2, 3)
    let bytes = unsafe withUnsafeBytes(of: address.networkOrder) { unsafe Array($0) }
    #expect(bytes == [10, 1, 2, 3])
    #expect("\(address)" == "10.1.2.3")
    #expect(address == IPv4Address(10, 1, 2, 3))
    #expect(address != IPv4Address(10, 1, 2, 4))
    #expect(IPv4Address.loopback == IPv4Address(127, 0, 0, 1))
  }

  @Test("an id map is written one line for each range, as /proc/PID/uid_map wants it")
  func mapText() {
    let maps: [RuntimeSpec.IDMapping] = [
      .init(containerID: 0, hostID: 1000, size: 1), .init(containerID: 1, hostID: 100_000, size: 65535),
    ]
    #expect(IDMapWriter.text(maps) == "0 1000 1\n1 100000 65535\n")
    #expect(IDMapWriter.text([]) == "")
  }
}
