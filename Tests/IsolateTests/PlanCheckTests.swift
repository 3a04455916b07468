import CShims
import Glibc
import TestSupport
import Testing

@testable import Isolate

@Suite("The launch plan")
struct PlanCheckTests {
  private static func plan(_ change: (inout RuntimeSpec, inout ContainerOptions) -> Void = { _, _ in }) throws
    -> (bytes: [UInt8], subjects: [String])
  {
    var spec = RuntimeSpec.standard(rootPath: "/rootfs", args: ["sh", "-c", "true"])
    spec.linux.uidMappings = [.init(containerID: 0, hostID: 1, size: 1)]
    spec.linux.gidMappings = [.init(containerID: 0, hostID: 1, size: 1)]
    spec.process?.user.additionalGids = [5, 6, 7]
    var options = ContainerOptions()
    change(&spec, &options)
    guard let process = spec.process, let profile = spec.linux.seccomp else { throw Missing() }
    let seccomp = try CompiledFilter(profile)
    var builder = LaunchPlanBuilder(spec: spec, process: process, bundle: "/b", options: options)
    let bytes = try builder.build(seccomp: seccomp)
    return (bytes, builder.subjects)
  }

  private struct Missing: Error {}

  private static func check(_ plan: [UInt8]) -> Int32 {
    unsafe plan.withUnsafeBytes { unsafe isl_plan_check($0.baseAddress, UInt32($0.count)) }
  }

  @Test("that is built passes its check, in every shape the options give it")
  func builtPlansPass() throws {
    let shapes: [(inout RuntimeSpec, inout ContainerOptions) -> Void] = [
      { _, _ in },
      { spec, _ in spec.mounts = [] },
      { spec, _ in spec.process?.noNewPrivileges = false },
      { spec, _ in spec.process?.user.additionalGids = [] },
      { spec, _ in spec.process?.env = [] },
      { spec, _ in spec.linux.namespaces = [.init(type: "mount")] },
      { spec, options in
        options.runsInit = true
        options.emulatesOldKernel = true
        options.listeners = [
          .init(address: .loopback, port: 80), .init(address: .loopback, port: 53, isDatagram: true),
        ]
        options.loopbackAddress = IPv4Address(10, 0, 0, 1)
        spec.domainname = "d"
        spec.process?.oomScoreAdj = 3
      },
      { spec, _ in spec.process?.args += (0..<5000).map { "argument \($0)" } },
    ]
    for shape in shapes {
      let plan = try Self.plan(shape)
      #expect(Self.check(plan.bytes) == 0)
      let steps = PlanReader(plan.bytes).steps
      #expect(steps.count == plan.subjects.count)
      #expect(steps.last?.kind == UInt16(ISL_STEP_EXEC.rawValue))
      #expect(PlanReader(plan.bytes).violations().isEmpty)
    }
  }

  @Test("of a prepared container ends where the payload's own begins, and nothing stands behind that")
  func prepared() throws {
    let whole = try Self.plan { spec, _ in spec.process?.user = RuntimeSpec.User(uid: 1, gid: 1) }
    let waiting = try Self.plan { spec, options in
      spec.process?.user = RuntimeSpec.User(uid: 1, gid: 1)
      options.waitsForPayload = true
    }
    #expect(Self.check(waiting.bytes) == 0)
    let kinds = PlanReader(waiting.bytes).steps.map { UInt32($0.kind) }
    #expect(kinds.last == ISL_STEP_ADOPT.rawValue)
    let identity = [ISL_STEP_USER, ISL_STEP_CAPABILITIES, ISL_STEP_SECCOMP, ISL_STEP_EXEC].map(\.rawValue)
    #expect(kinds.allSatisfy { !identity.contains($0) })
    #expect(identity.allSatisfy(PlanReader(whole.bytes).steps.map { UInt32($0.kind) }.contains))
    // A step that ends a plan in the middle of one.
    for kind in [ISL_STEP_EXEC, ISL_STEP_ADOPT] {
      var wrong = whole.bytes
      let first = MemoryLayout<isl_plan_header>.stride
      unsafe withUnsafeBytes(of: UInt16(kind.rawValue)) { bytes in
        unsafe wrong.replaceSubrange(first..<first + 2, with: Array(bytes))
      }
      #expect(Self.check(wrong) == -EINVAL)
    }
  }

  @Test("keeps strings apart that differ in bytes and are equal as Swift strings")
  func canonicalEquivalents() throws {
    let plan = try Self.plan { spec, _ in spec.process?.args = ["sh", "\u{e9}", "e\u{301}"] }
    #expect(PlanReader(plan.bytes).arguments == [Array("sh".utf8), [0xc3, 0xa9], [0x65, 0xcc, 0x81]])
  }

  @Test("masks and locks after the mounts and before the root is entered, and filters last")
  func order() throws {
    let plan = try Self.plan { spec, _ in
      spec.process?.user = RuntimeSpec.User(uid: 0, gid: 0, additionalGids: [1])
      spec.process?.cwd = "/work"
    }
    let kinds = PlanReader(plan.bytes).steps.map { UInt32($0.kind) }
    func first(_ kind: isl_step_kind) -> Int { kinds.firstIndex(of: kind.rawValue) ?? -1 }
    func last(_ kind: isl_step_kind) -> Int { kinds.lastIndex(of: kind.rawValue) ?? -1 }
    let groups = [
      ISL_STEP_PROPAGATION, ISL_STEP_ROOT, ISL_STEP_MOUNT, ISL_STEP_MASK, ISL_STEP_READONLY,
      ISL_STEP_PIVOT,
      ISL_STEP_ROOT_READONLY, ISL_STEP_RLIMIT, ISL_STEP_GATE, ISL_STEP_USER, ISL_STEP_CAPABILITIES,
      ISL_STEP_NO_NEW_PRIVILEGES, ISL_STEP_WORKING_DIRECTORY, ISL_STEP_SECCOMP, ISL_STEP_EXEC,
    ]
    for (earlier, later) in zip(groups, groups.dropFirst()) {
      #expect(first(earlier) >= 0)
      // Entered before too, where only the set-up may enter it.
      let place = later.rawValue == ISL_STEP_WORKING_DIRECTORY.rawValue ? last(later) : first(later)
      #expect(last(earlier) < place, "step \(earlier.rawValue) before \(later.rawValue)")
    }
  }

  @Test("larger than the kernel would take is refused by its check, not by a crash")
  func tooLarge() throws {
    let plan = try Self.plan { spec, _ in
      spec.process?.args += (0..<17).map {
        String(repeating: Character("\(($0 % 10))"), count: 1 << 20) + "\($0)"
      }
    }
    #expect(plan.bytes.count > Int(ISL_PLAN_MAX_BYTES))
    #expect(Self.check(plan.bytes) < 0)
  }

  @Test("cut off at any length is refused")
  func truncations() throws {
    let plan = try Self.plan().bytes
    var accepted = 0
    for length in 0..<plan.count where Self.check(Array(plan[..<length])) == 0 { accepted += 1 }
    #expect(accepted == 0)
  }

  /// CVE-2021-43784: what reads the plan trusts it, so the check must not let anything through.
  @Test("that twenty thousand mutations leave acceptable has every offset in bounds")
  func mutations() throws {
    let plan = try Self.plan().bytes
    let steps = PlanReader(plan).steps.count
    let structured = MemoryLayout<isl_plan_header>.stride + steps * MemoryLayout<isl_step>.stride
    var random = SeededGenerator(seed: 0x504c_414e)
    var accepted = 0
    var violations: [String] = []
    for _ in 0..<20_000 {
      var mutated = plan
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        Self.mutate(&mutated, structured: structured, using: &random)
      }
      guard Self.check(mutated) == 0 else { continue }
      accepted += 1
      violations += PlanReader(mutated).violations()
      if violations.count > 10 { break }
    }
    #expect(violations.isEmpty)
    // Neither all nor nothing, or the test would prove little.
    #expect((1000..<19_000).contains(accepted))
  }

  private static func mutate(
    _ plan: inout [UInt8], structured: Int, using random: inout SeededGenerator
  ) {
    let inStructure = Int.random(in: 0..<4, using: &random) > 0
    let place = Int.random(in: 0..<(inStructure ? structured : plan.count), using: &random)
    switch Int.random(in: 0..<4, using: &random) {
    case 0: plan[place] = UInt8.random(in: 0...255, using: &random)
    case 1: plan[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
    default:
      let size = UInt32(plan.count)
      let words: [UInt32] = [
        0, 1, 4, 7, 8, 0x7fff_ffff, 0x8000_0000, .max, .max - 7, size, size - 1, size - 8, size - 88, 65535,
        65536,
      ]
      let word = words.randomElement(using: &random) ?? 0
      let start = min(place & ~3, plan.count - 4)
      for index in 0..<4 { plan[start + index] = UInt8(truncatingIfNeeded: word >> (8 * UInt32(index))) }
    }
  }
}
