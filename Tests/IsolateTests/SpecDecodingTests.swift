import Testing

@testable import Isolate

@Suite("Decoding config.json")
struct SpecDecodingTests {
  /// The standard configuration with the member at a path such as "linux.namespaces[0].path" set.
  static func standard(setting path: String, to value: String) throws -> JSONValue {
    let steps = path.split { ".[]".contains($0) }.map(String.init)
    let inserted = try JSONParser.parse(Array(value.utf8))
    return set(steps[...], to: inserted, in: RuntimeSpec.standard().json)
  }

  private static func set(_ path: ArraySlice<String>, to value: JSONValue, in json: JSONValue?) -> JSONValue {
    guard let step = path.first else { return value }
    if let index = Int(step) {
      guard case .array(var items)? = json else { return .array([set(path.dropFirst(), to: value, in: nil)]) }
      while items.count <= index { items.append(.object([])) }
      items[index] = set(path.dropFirst(), to: value, in: items[index])
      return .array(items)
    }
    guard case .object(var members)? = json else {
      return .object([(step, set(path.dropFirst(), to: value, in: nil))])
    }
    if let place = members.firstIndex(where: { $0.key == step }) {
      members[place].value = set(path.dropFirst(), to: value, in: members[place].value)
    } else {
      members.append((step, set(path.dropFirst(), to: value, in: nil)))
    }
    return .object(members)
  }

  @Test("gives back what encoding wrote")
  func roundTrip() throws {
    var spec = RuntimeSpec.standard(rootPath: "/r", args: ["a", ""])
    #expect(try RuntimeSpec(json: JSONParser.parse(JSONWriter.write(spec.json))) == spec)
    spec.domainname = "d"
    spec.annotations = ["a.b": "c"]
    spec.process?.user = .init(uid: 7, gid: 8, umask: 0o27, additionalGids: [9, 10])
    spec.process?.capabilities.bounding = ["CAP_KILL"]
    spec.process?.oomScoreAdj = -5
    spec.linux.uidMappings = [.init(containerID: 0, hostID: 5, size: 6)]
    spec.linux.gidMappings = [.init(containerID: 0, hostID: 5, size: 6)]
    spec.linux.cgroupsPath = "x"
    spec.linux.devices = [.init(path: "/dev/x", type: "b", major: 1, minor: 2, fileMode: 3, uid: 4, gid: 5)]
    spec.linux.rootfsPropagation = "shared"
    spec.mounts[0].uidMappings = [.init(containerID: 1, hostID: 2, size: 3)]
    spec.mounts[0].gidMappings = [.init(containerID: 4, hostID: 5, size: 6)]
    spec.linux.mountLabel = "l"
    spec.process?.apparmorProfile = "p"
    spec.process?.selinuxLabel = "s"
    spec.linux.resources = .init(
      memoryLimitInBytes: 1 << 40, memorySwapLimitInBytes: -1, pidsLimit: 5, cpuQuotaMicroseconds: 100,
      cpuPeriodMicroseconds: 200)
    spec.linux.resources?.memoryReservationInBytes = 1
    spec.linux.resources?.checksMemoryBeforeUpdate = true
    spec.linux.resources?.cpuShares = 2
    spec.linux.resources?.cpuBurstMicroseconds = 3
    spec.linux.resources?.cpuIdle = 1
    spec.linux.resources?.cpus = "0-1"
    spec.linux.resources?.memoryNodes = "0"
    spec.linux.resources?.blockIOWeight = 10
    spec.linux.resources?.blockIOThrottles = [.init(major: 8, minor: 1, kind: "wiops", rate: 5)]
    spec.linux.resources?.hugePageLimits = ["2MB": 4]
    spec.linux.resources?.rdmaLimits = ["mlx5_1": .init(handles: 3, objects: nil)]
    spec.linux.resources?.blockIODeviceWeights = [.init(major: 1, minor: 2, weight: 30)]
    spec.linux.resources?.deviceRules = [
      .init(isAllowed: false), .init(isAllowed: true, type: "c", major: 1, minor: nil, access: "rw"),
    ]
    spec.linux.resources?.unified = ["memory.high": "7"]
    #expect(try RuntimeSpec(json: JSONParser.parse(JSONWriter.write(spec.json))) == spec)
  }

  @Test("ignores members it does not know, as the specification asks")
  func unknownMembers() throws {
    for path in ["new", "process.new", "linux.new", "mounts[0].new", "linux.seccomp.new", "root.new"] {
      let json = try Self.standard(setting: path, to: #"{"a":[1]}"#)
      #expect(try RuntimeSpec(json: json) == RuntimeSpec.standard(), "\(path)")
    }
  }

  @Test("takes a null member as an absent one")
  func nullMembers() throws {
    let json = try Self.standard(setting: "hooks", to: "null")
    #expect(try RuntimeSpec(json: json) == RuntimeSpec.standard())
  }

  private static let unsupported = [
    "vm", "zos",
    "linux.resources.memory.swappiness",
  ]

  @Test("refuses what this runtime does not honour and names its path", arguments: unsupported)
  func refusesUnsupported(_ path: String) throws {
    let json = try Self.standard(setting: path, to: #""x""#)
    let error = #expect(throws: SpecError.self) { try RuntimeSpec(json: json) }
    #expect(error?.path == path)
    let reason = path.hasPrefix("linux.resources") ? "version 2 of control groups" : "containers of Linux"
    #expect(error?.message.contains(reason) == true)
    #expect(error?.description == "config.json: \(path): \(error?.message ?? "")")
  }

  private static let malformed: [(path: String, value: String)] = [
    ("ociVersion", "1"), ("root", "[]"), ("root.path", "null"), ("root.readonly", #""true""#),
    ("process", "1"),
    ("process.args", #""sh""#), ("process.args[0]", "7"), ("process.cwd", "null"), ("process.env", "{}"),
    ("process.terminal", "0"), ("process.noNewPrivileges", #""yes""#), ("process.user", "0"),
    ("process.user.uid", "-1"), ("process.user.uid", "1.0"), ("process.user.uid", #""0""#),
    ("process.rlimits", "{}"), ("process.rlimits[0].type", "null"), ("process.rlimits[0].soft", "-1"),
    ("process.capabilities", "[]"), ("process.capabilities.bounding", #""CAP_KILL""#),
    ("process.oomScoreAdj", "1.5"), ("hostname", "3"), ("mounts", "{}"), ("mounts[0]", #""/proc""#),
    ("mounts[0].destination", "null"), ("mounts[0].options", #""ro""#), ("mounts[0].options[0]", "1"),
    ("annotations.a", "1"), ("linux", "[]"), ("linux.namespaces", "{}"), ("linux.namespaces[0]", #""pid""#),
    ("linux.namespaces[0].type", "null"), ("linux.uidMappings", "{}"), ("linux.maskedPaths", #""/""#),
    ("linux.cgroupsPath", "1"), ("linux.resources", "[]"), ("linux.resources.memory", "1"),
    ("linux.resources.memory.limit", #""1G""#), ("linux.resources.memory.limit", "18446744073709551615"),
    ("linux.resources.pids.limit", "1.5"), ("linux.seccomp.defaultAction", "null"),
    ("linux.seccomp.syscalls[0].names", #""read""#), ("linux.seccomp.syscalls[0].action", "null"),
    ("linux.resources.devices[0].allow", "1"), ("linux.resources.blockIO", "1"),
    ("linux.resources.unified.x", "1"), ("linux.resources.rdma", "[]"),
    ("linux.resources.hugepageLimits", "{}"),
    ("linux.resources.cpu.shares", "-1"), ("linux.resources.cpu.cpus", "1"),
  ]

  @Test("refuses a member of the wrong type and names its path", arguments: malformed.indices)
  func refusesMalformed(_ index: Int) throws {
    let (path, value) = Self.malformed[index]
    let json = try Self.standard(setting: path, to: value)
    let error = #expect(throws: SpecError.self, "\(path) = \(value)") { try RuntimeSpec(json: json) }
    #expect(error?.path == path)
  }

  @Test("refuses a NUL character in every string that reaches the kernel")
  func refusesNul() throws {
    for path in [
      "root.path", "process.cwd", "process.args[0]", "process.env[0]", "mounts[0].destination",
      "mounts[0].source", "mounts[0].options[0]", "hostname", "linux.maskedPaths[0]",
      "linux.readonlyPaths[0]",
    ] {
      let json = try Self.standard(setting: path, to: #""/a\u0000b""#)
      let error = #expect(throws: SpecError.self, "\(path)") { try RuntimeSpec(json: json) }
      #expect(error?.path == path)
    }
  }

  /// CVE-2024-40635, CVE-2026-46680: an id that wraps or falls back to a name ends as root.
  @Test(
    "refuses ids of 2^32-1 and above, and never wraps one",
    arguments: ["4294967295", "4294967296", "8589934592", "99999999999", "18446744073709551615", "1e3"])
  func refusesLargeIDs(_ number: String) throws {
    for path in [
      "process.user.uid", "process.user.gid", "process.user.additionalGids[0]",
      "linux.uidMappings[0].containerID", "linux.uidMappings[0].hostID",
      "linux.gidMappings[0].hostID",
    ] {
      let json = try Self.standard(setting: path, to: number)
      let error = #expect(throws: SpecError.self, "\(path)") { try RuntimeSpec(json: json) }
      #expect(error?.path == path)
    }
    // All ids there are can be mapped, and no more.
    if number != "4294967295" {
      let json = try Self.standard(setting: "linux.uidMappings[0].size", to: number)
      let error = #expect(throws: SpecError.self) { try RuntimeSpec(json: json) }
      #expect(error?.path == "linux.uidMappings[0].size")
    } else {
      let json = try Self.standard(setting: "linux.uidMappings[0].size", to: number)
      #expect(try RuntimeSpec(json: json).linux.uidMappings[0].size == .max)
    }
    let largest = try Self.standard(setting: "process.user.uid", to: "4294967294")
    #expect(try RuntimeSpec(json: largest).process?.user.uid == 4_294_967_294)
  }

  @Test("names what is missing from a document that is no configuration")
  func missing() {
    for (text, path) in [("[]", ""), ("{}", "root"), (#"{"root":{"path":"r"}}"#, "ociVersion")] {
      let error = #expect(throws: SpecError.self) {
        try RuntimeSpec(json: JSONParser.parse(Array(text.utf8)))
      }
      #expect(error?.path == path)
    }
  }

  @Test("refuses rules for system calls that name none, and numbers that no errno has")
  func refusesRules() throws {
    for (member, path) in [
      (#""syscalls": [{"names": [], "action": "SCMP_ACT_ALLOW"}]"#, "syscalls[0].names"),
      (
        #""syscalls": [{"names": ["read"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096}]"#,
        "syscalls[0].errnoRet"
      ),
      (#""defaultErrnoRet": 5000, "syscalls": []"#, "defaultErrnoRet"),
    ] {
      let text = "{\"defaultAction\": \"SCMP_ACT_ERRNO\", \(member)}"
      let json = try JSONParser.parse(Array(text.utf8))
      let error = #expect(throws: SpecError.self) {
        try RuntimeSpec.Seccomp(SpecDecoder(value: json, path: "linux.seccomp"))
      }
      #expect(error?.path == "linux.seccomp.\(path)")
    }
    let text = #"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4095}"#
    let json = try JSONParser.parse(Array(text.utf8))
    #expect(try RuntimeSpec.Seccomp(SpecDecoder(value: json, path: "")).defaultErrnoRet == 4095)
  }
}
