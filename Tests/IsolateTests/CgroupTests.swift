import Testing

@testable import Isolate

@Suite("Finding a cgroup")
struct CgroupTests {
  @Test("limits name the controllers that they need, once, without those of the hierarchy itself")
  func controllers() {
    var resources = RuntimeSpec.Resources(memoryLimitInBytes: 1 << 30, pidsLimit: 5)
    #expect(CgroupSettings(resources).controllers == ["memory", "pids"])
    resources = RuntimeSpec.Resources()
    resources.hugePageLimits = ["2MB": 1, "1GB": 2]
    resources.unified = ["cgroup.max.depth": "3", "io.weight": "5"]
    #expect(CgroupSettings(resources).controllers == ["hugetlb", "io"])
    #expect(CgroupSettings(RuntimeSpec.Resources()).controllers == [])
  }

  @Test("gives a parent with the needed controllers, or says why there is none and what to do")
  func parentOrReason() {
    do {
      let parent = try CgroupParent.find()
      #expect(Files.exists("\(parent.path)/cgroup.subtree_control"))
    } catch {
      #expect(!error.why.isEmpty)
      #expect(error.remedy.contains("Delegate"))
    }
  }

  @Test("reports which folder could not be made")
  func refusedFolder() throws {
    guard let parent = try? CgroupParent.find() else { return }
    let error = #expect(throws: SystemError.self) {
      _ = try Cgroup(name: "no/such/parent", in: parent, resources: .init())
    }
    #expect(error?.subject == "\(parent.path)/no/such/parent")
  }

  @Test("removing a cgroup that is not there is no failure")
  func removeAbsent() { #expect(Cgroup.remove("/nonexistent/isolate-x")) }
}

@Suite("The settings of a cgroup")
struct CgroupSettingsTests {
  private static func files(_ change: (inout RuntimeSpec.Resources) -> Void) -> [String] {
    var resources = RuntimeSpec.Resources()
    change(&resources)
    return CgroupSettings(resources).settings.map { "\($0.file)=\($0.value)" }
  }

  @Test("are none where nothing is asked for, as by the zeros that engines write")
  func nothing() throws {
    let text = #"""
      {"memory": {"limit": 0, "swap": 0}, "cpu": {"shares": 0, "quota": 0, "cpus": ""},
       "blockIO": {"weight": 0}, "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c"}]}
      """#
    let json = try JSONParser.parse(Array(text.utf8))
    let resources = try RuntimeSpec.Resources(SpecDecoder(value: json, path: "linux.resources"))
    #expect(CgroupSettings(resources).settings.isEmpty)
  }

  @Test("count swap apart from memory")
  func swap() {
    let both = Self.files {
      $0.memoryLimitInBytes = 100
      $0.memorySwapLimitInBytes = 150
    }
    #expect(both == ["memory.max=100", "memory.swap.max=50"])
    #expect(Self.files { $0.memoryLimitInBytes = 100 } == ["memory.max=100", "memory.swap.max=0"])
    let unlimited = Self.files {
      $0.memoryLimitInBytes = -1
      $0.memorySwapLimitInBytes = -1
    }
    #expect(unlimited == ["memory.max=max", "memory.swap.max=max"])
    #expect(Self.files { $0.memoryLimitInBytes = -1 } == ["memory.max=max"])
  }

  @Test("take 0 processes for a limit, which leaves the container its one, and not for none")
  func noProcesses() throws {
    let json = try JSONParser.parse(Array(#"{"pids": {"limit": 0}}"#.utf8))
    let resources = try RuntimeSpec.Resources(SpecDecoder(value: json, path: "linux.resources"))
    #expect(CgroupSettings(resources).settings.map(\.value) == ["1"])
    #expect(Self.files { $0.pidsLimit = -1 } == ["pids.max=max"])
  }

  @Test("need no controller, nor a cgroup at all, to have no limit")
  func noLimit() {
    var resources = RuntimeSpec.Resources(memoryLimitInBytes: -1, pidsLimit: -1)
    #expect(CgroupSettings(resources).controllers == [] && CgroupSettings(resources).limitsNothing)
    resources.pidsLimit = 1
    #expect(CgroupSettings(resources).controllers == ["pids"] && !CgroupSettings(resources).limitsNothing)
  }

  @Test(
    "take 0 processes for no limit in a configuration of before 1.3.0",
    arguments: [("1.0.2-dev", "max"), ("1.2.1", "max"), ("1.3.0", "1"), ("1.4.0", "1")])
  func noProcessesByVersion(version: String, limit: String) throws {
    let text = """
      {"ociVersion": "\(version)", "root": {"path": "r"}, "linux": {"resources": {"pids": {"limit": 0}}}}
      """
    let spec = try RuntimeSpec(json: JSONParser.parse(Array(text.utf8)))
    let resources = try #require(spec.linux.resources)
    #expect(CgroupSettings(resources).settings.map(\.value) == [limit])
  }

  @Test(
    "turn shares into weights",
    arguments: [
      (2, 1), (3, 2), (100, 17), (512, 59), (1024, 100), (1025, 101), (262_144, 10_000), (1, 1),
      (1 << 40, 10_000),
    ])
  func weights(shares: UInt64, weight: UInt64) {
    #expect(Self.files { $0.cpuShares = shares } == ["cpu.weight=\(weight)"])
  }

  @Test("cover every controller, and what is named by its file comes last")
  func everything() {
    let files = Self.files {
      $0.unified = ["cpu.weight": "7"]
      $0.cpuQuotaMicroseconds = 5
      $0.cpuBurstMicroseconds = 2
      $0.cpuIdle = 0
      $0.cpuShares = 1024
      $0.cpus = "0-1"
      $0.memoryNodes = "0"
      $0.pidsLimit = -1
      $0.blockIOWeight = 1000
      $0.blockIOThrottles = [.init(major: 8, minor: 0, kind: "rbps", rate: 9)]
      $0.hugePageLimits = ["2MB": 4096]
      $0.rdmaLimits = ["d": .init(handles: 1, objects: 2)]
    }
    #expect(
      files == [
        "pids.max=max", "cpu.idle=0", "cpu.weight=100", "cpu.max=5 100000", "cpu.max.burst=2",
        "cpuset.cpus=0-1",
        "cpuset.mems=0", "io.weight=10000", "io.max=8:0 rbps=9", "hugetlb.2MB.max=4096",
        "hugetlb.2MB.rsvd.max=4096", "rdma.max=d hca_handle=1 hca_object=2", "cpu.weight=7",
      ])
  }

  @Test("of what stands by itself")
  func alone() {
    #expect(Self.files { $0.cpuPeriodMicroseconds = 5000 } == ["cpu.max=max 5000"])
    #expect(Self.files { $0.memorySwapLimitInBytes = -1 } == ["memory.swap.max=max"])
    #expect(Self.files { $0.unified = ["cgroup.max.depth": "2"] } == ["cgroup.max.depth=2"])
    let none = Self.files {
      $0.blockIOThrottles = [.init(major: 8, minor: 0, kind: "wbps", rate: 0)]
    }
    #expect(none == ["io.max=8:0 wbps=max"])
  }

  @Test("of an update leave alone what it does not name")
  func update() {
    var resources = RuntimeSpec.Resources(memoryLimitInBytes: 9, cpuQuotaMicroseconds: 7)
    let files = CgroupSettings(resources, isUpdate: true).settings.map { "\($0.file)=\($0.value)" }
    #expect(files == ["memory.max=9", "cpu.max=7"])
    resources.memorySwapLimitInBytes = 10
    #expect(CgroupSettings(resources, isUpdate: true).settings.contains { $0.value == "1" })
  }

  @Test("that only version 1 has are refused by name, but not their zeros")
  func onlyVersion1() throws {
    func decode(_ text: String) throws -> RuntimeSpec.Resources {
      let json = try JSONParser.parse(Array(text.utf8))
      return try RuntimeSpec.Resources(SpecDecoder(value: json, path: "linux.resources"))
    }
    for (format, path) in [
      (#"{"memory": {"kernel": N}}"#, "memory.kernel"),
      (#"{"memory": {"kernelTCP": N}}"#, "memory.kernelTCP"),
      (#"{"cpu": {"realtimeRuntime": N}}"#, "cpu.realtimeRuntime"),
      (#"{"cpu": {"realtimePeriod": N}}"#, "cpu.realtimePeriod"),
      (#"{"blockIO": {"leafWeight": N}}"#, "blockIO.leafWeight"),
      (#"{"network": {"classID": N}}"#, "network.classID"),
    ] {
      let texts = ["0", "9"].map { number in
        format.split(separator: "N", omittingEmptySubsequences: false).joined(separator: number)
      }
      #expect(try CgroupSettings(decode(texts[0])).settings.isEmpty, "\(texts[0])")
      let error = #expect(throws: SpecError.self) { try decode(texts[1]) }
      #expect(error?.path == "linux.resources.\(path)")
    }
    #expect(try CgroupSettings(decode(#"{"network": {"priorities": []}}"#)).settings.isEmpty)
    #expect(try decode(#"{"memory": {"checkBeforeUpdate": true}}"#).checksMemoryBeforeUpdate)
  }

  @Test("that contradict each other or name no control file are refused")
  func refused() {
    let wrong: [(String, (inout RuntimeSpec.Resources) -> Void)] = [
      ("memory.swap", { $0.memorySwapLimitInBytes = 5 }),
      ("memory.swap", { ($0.memoryLimitInBytes, $0.memorySwapLimitInBytes) = (9, 5) }),
      ("unified.cgroup.procs", { $0.unified = ["cgroup.procs": "1"] }), ("cpu.idle", { $0.cpuIdle = 2 }),
      ("blockIO.weight", { $0.blockIOWeight = 5 }), ("unified.../x.y", { $0.unified = ["../x.y": "1"] }),
      ("unified.memory", { $0.unified = ["memory": "1"] }),
      ("hugepageLimits", { $0.hugePageLimits = ["../x": 1] }),
    ]
    for (member, change) in wrong {
      var resources = RuntimeSpec.Resources()
      change(&resources)
      let error = #expect(throws: SpecError.self) { try SpecValidator.resources(resources) }
      #expect(error?.path == "linux.resources.\(member)")
    }
  }
}
