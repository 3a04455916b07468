import Testing

@testable import Isolate

@Suite("Checking a specification")
struct SpecValidationTests {
  /// What is wrong, the path that must be named, and how the standard specification is spoilt.
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var path: String
    var spoil: @Sendable (inout RuntimeSpec) -> Void

    init(_ what: String, _ path: String, _ spoil: @escaping @Sendable (inout RuntimeSpec) -> Void) {
      testDescription = what
      self.path = path
      self.spoil = spoil
    }
  }

  private static let document: [Case] = [
    Case("version 2", "ociVersion") { $0.ociVersion = "2.0.0" },
    Case("version 10", "ociVersion") { $0.ociVersion = "10.1.0" },
    Case("no version", "ociVersion") { $0.ociVersion = "" },
    Case("a root that is nothing", "root.path") { $0.root.path = "" },
    Case("a key that is nothing", "annotations") { $0.annotations = ["": "x"] },
    Case("long host name", "hostname") { $0.hostname = String(repeating: "a", count: 65) },
    Case("host name of the host", "hostname") { $0.linux.namespaces.removeAll { $0.type == "uts" } },
    Case("long domain name", "domainname") { $0.domainname = String(repeating: "a", count: 65) },
    Case("unknown namespace", "linux.namespaces[0].type") { $0.linux.namespaces[0].type = "uid" },
    Case("empty namespace", "linux.namespaces[0].type") { $0.linux.namespaces[0].type = "" },
    Case("offsets without a time namespace", "linux.timeOffsets") {
      $0.linux.timeOffsets = ["boottime": .init(seconds: 1)]
    },
    Case("namespace twice", "linux.namespaces[7].type") { $0.linux.namespaces.append(.init(type: "pid")) },
    Case("propagation without a mount namespace", "linux.rootfsPropagation") {
      $0.linux.namespaces.removeAll { $0.type == "mount" }
      $0.linux.rootfsPropagation = "slave"
    },
    Case("empty mapping", "linux.uidMappings[0].size") {
      $0.linux.uidMappings = [.init(containerID: 0, hostID: 0, size: 0)]
    },
    Case("mapping beyond the last id", "linux.gidMappings[0]") {
      $0.linux.gidMappings = [.init(containerID: 0, hostID: 4_294_967_290, size: 6)]
    },
    Case("mapping beyond the last container id", "linux.uidMappings[1]") {
      $0.linux.uidMappings = [
        .init(containerID: 0, hostID: 0, size: 1), .init(containerID: .max - 1, hostID: 1, size: 2),
      ]
    },
    // CVE-2021-43784: lengths of id maps overflowed in the bootstrap.
    Case("341 mappings", "linux.uidMappings") {
      $0.linux.uidMappings = Array(repeating: .init(containerID: 0, hostID: 0, size: 1), count: 341)
    },
    Case("empty mount destination", "mounts[0].destination") { $0.mounts[0].destination = "" },
    Case("relative masked path", "linux.maskedPaths[1]") { $0.linux.maskedPaths[1] = "proc/kcore" },
    Case("masked path with ..", "linux.maskedPaths[1]") { $0.linux.maskedPaths[1] = "/proc/.." },
    Case("relative read-only path", "linux.readonlyPaths[0]") { $0.linux.readonlyPaths[0] = "." },
    Case("read-only path with ..", "linux.readonlyPaths[0]") { $0.linux.readonlyPaths[0] = "/../proc" },
  ]

  private static let process: [Case] = [
    Case("sysctl of the host", "linux.sysctl.vm.swappiness") { $0.linux.sysctl = ["vm.swappiness": "1"] },
    Case("swap without memory", "linux.resources.memory.swap") {
      $0.linux.resources = .init(memorySwapLimitInBytes: 1)
    },
    Case("mount over the rootfs", "mounts[0].destination") {
      $0.mounts = [.init(destination: "//", type: "tmpfs")]
    },
    Case("no arguments", "process.args") { $0.process?.args = [] },
    Case("empty program", "process.args") { $0.process?.args = [""] },
    Case("relative working directory", "process.cwd") { $0.process?.cwd = "tmp" },
    Case("empty working directory", "process.cwd") { $0.process?.cwd = "" },
    Case("variable without =", "process.env[1]") { $0.process?.env[1] = "TERM" },
    Case("variable without a name", "process.env[0]") { $0.process?.env[0] = "=x" },
    Case("empty variable", "process.env[0]") { $0.process?.env[0] = "" },
    Case("unknown limit", "process.rlimits[0].type") { $0.process?.rlimits[0].type = "RLIMIT_FILES" },
    Case("limit twice", "process.rlimits[1].type") {
      $0.process?.rlimits = [
        .init(type: "RLIMIT_CORE", soft: 0, hard: 0), .init(type: "RLIMIT_CORE", soft: 0, hard: 0),
      ]
    },
    Case("lower-case limit", "process.rlimits[0].type") { $0.process?.rlimits[0].type = "rlimit_nofile" },
    Case("soft above hard", "process.rlimits[0]") { $0.process?.rlimits[0].soft = 2048 },
    Case("oom score too high", "process.oomScoreAdj") { $0.process?.oomScoreAdj = 1001 },
    Case("oom score too low", "process.oomScoreAdj") { $0.process?.oomScoreAdj = -1001 },
  ]

  @Test("names the path of what it refuses", arguments: document + process)
  func refuses(_ item: Case) throws {
    var spec = RuntimeSpec.standard()
    #expect(throws: Never.self) { try SpecValidator.validate(spec) }
    item.spoil(&spec)
    let error = #expect(throws: SpecError.self) { try SpecValidator.validate(spec) }
    #expect(error?.path == item.path)
  }

  @Test("takes values at the edge of what is allowed")
  func edges() throws {
    var spec = RuntimeSpec.standard()
    spec.ociVersion = "1.0.2-dev"
    spec.hostname = String(repeating: "a", count: 64)
    spec.linux.uidMappings = [.init(containerID: 0, hostID: 4_294_967_290, size: 5)]
    spec.mounts[0].destination = "/a..b/...//"
    spec.process?.oomScoreAdj = -1000
    spec.process?.env = ["A=", "B=\u{301}", "C=a=b"]
    spec.process?.rlimits = [.init(type: "RLIMIT_CORE", soft: 0, hard: .max)]
    try SpecValidator.validate(spec)
  }

  @Test("a container without a process is refused before anything is made")
  func withoutProcess() {
    var spec = RuntimeSpec.standard()
    spec.process = nil
    #expect {
      _ = try Container.start(spec, bundle: "/nonexistent")
    } throws: { error in
      guard case .specification(let error)? = error as? IsolateError else { return false }
      return error.path == "process"
    }
  }
}
