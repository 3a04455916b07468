import CShims

/// The program that decides which devices the processes of a cgroup may open or make: cgroup version 2 has no
/// control file for it (kernel cgroup-v2.rst, "Device controller"; bpf(2), BPF_PROG_TYPE_CGROUP_DEVICE).
///
/// For each of read, write and mknod the last rule that speaks of it decides; where none does it is refused.
struct DeviceFilter: Equatable {
  /// Instructions of struct bpf_insn, one word each.
  private(set) var instructions: [UInt64] = []

  /// The devices every container has (config-linux.md, "Default Devices") may be used whatever the rules say, and
  /// any node may be made: to make one is not to open it.
  static let always: [RuntimeSpec.DeviceRule] =
    [
      .init(isAllowed: true, type: "c", access: "m"), .init(isAllowed: true, type: "b", access: "m"),
      .init(isAllowed: true, type: "c", major: 136), .init(isAllowed: true, type: "c", major: 5, minor: 2),
    ]
    + RuntimeSpec.Device.defaults.map {
      .init(isAllowed: true, type: "c", major: $0.major, minor: $0.minor)
    }

  /// Compiles rules, of which later ones prevail.
  init(_ rules: [RuntimeSpec.DeviceRule]) {
    // struct bpf_cgroup_dev_ctx: access << 16 | type, major, minor.
    add(Code.load32, destination: .type, source: .context, offset: 0)
    add(Code.moveRegister, destination: .access, source: .type)
    add(Code.shiftRight, destination: .access, immediate: 16)
    add(Code.and, destination: .type, immediate: 0xffff)
    add(Code.load32, destination: .major, source: .context, offset: 4)
    add(Code.load32, destination: .minor, source: .context, offset: 8)
    for rule in rules.reversed() { add(rule) }
    end(with: 0)
  }

  private mutating func add(_ rule: RuntimeSpec.DeviceRule) {
    var body = DeviceFilter()
    let bits = Self.bits(of: rule.access)
    if rule.isAllowed {
      // What is allowed need not be asked of earlier rules; when nothing is left all of it is.
      body.add(Code.and, destination: .access, immediate: 0b111 & ~bits)
      body.add(Code.jumpUnlessEqual, destination: .access, offset: 2, immediate: 0)
      body.end(with: 1)
    } else {
      body.add(Code.moveRegister, destination: .context, source: .access)
      body.add(Code.and, destination: .context, immediate: bits)
      body.add(Code.jumpIfEqual, destination: .context, offset: 2, immediate: 0)
      body.end(with: 0)
    }
    var conditions: [(Register, Int32)] = []
    // BPF_DEVCG_DEV_BLOCK and BPF_DEVCG_DEV_CHAR
    if let type = rule.type { conditions.append((.type, type == "b" ? 1 : 2)) }
    if let major = rule.major { conditions.append((.major, Int32(major))) }
    if let minor = rule.minor { conditions.append((.minor, Int32(minor))) }
    for (index, (register, value)) in conditions.enumerated() {
      let rest = conditions.count - index - 1 + body.instructions.count
      add(Code.jumpUnlessEqual, destination: register, offset: Int16(rest), immediate: value)
    }
    instructions += body.instructions
  }

  private init() {}

  /// BPF_DEVCG_ACC_MKNOD, _READ and _WRITE.
  private static func bits(of access: String) -> Int32 {
    (access.contains("m") ? 1 : 0) | (access.contains("r") ? 2 : 0) | (access.contains("w") ? 4 : 0)
  }

  private mutating func end(with verdict: Int32) {
    add(Code.move, destination: .verdict, immediate: verdict)
    add(Code.exit)
  }

  private mutating func add(
    _ code: UInt8, destination: Register = .verdict, source: Register = .verdict, offset: Int16 = 0,
    immediate: Int32 = 0
  ) {
    instructions.append(
      UInt64(code) | UInt64(destination.rawValue) << 8 | UInt64(source.rawValue) << 12
        | UInt64(UInt16(bitPattern: offset)) << 16 | UInt64(UInt32(bitPattern: immediate)) << 32)
  }

  private enum Register: UInt8 {
    case verdict = 0
    case context = 1
    case type = 2
    case access = 3
    case major = 4
    case minor = 5
  }

  /// Operation codes (kernel bpf/standardization/instruction-set.rst).
  private enum Code {
    static let load32: UInt8 = 0x61
    static let move: UInt8 = 0xb7
    static let moveRegister: UInt8 = 0xbf
    static let and: UInt8 = 0x57
    static let shiftRight: UInt8 = 0x77
    static let jumpIfEqual: UInt8 = 0x15
    static let jumpUnlessEqual: UInt8 = 0x55
    static let exit: UInt8 = 0x95
  }

  /// Puts it in force in a cgroup, in place of one that is there.
  ///
  /// - Throws: `SystemError` of bpf(2); EPERM without CAP_BPF or CAP_SYS_ADMIN in the first user namespace.
  func attach(to cgroup: Int32) throws(SystemError) {
    let result = unsafe isl_set_device_filter(cgroup, instructions, UInt32(instructions.count))
    if result < 0 { throw SystemError("bpf", "BPF_PROG_TYPE_CGROUP_DEVICE", code: -result) }
  }
}
