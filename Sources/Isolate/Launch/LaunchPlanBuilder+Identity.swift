import CShims

extension LaunchPlanBuilder {
  mutating func addIdentity(seccomp: [UInt8]?) throws(SpecError) {
    // Without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before that goes.
    if !process.noNewPrivileges { addSeccomp(seccomp) }
    let user = process.user
    step(
      ISL_STEP_USER, "\(user.uid):\(user.gid)", a: buffer.integers(user.additionalGids),
      b: UInt32(user.additionalGids.count), v: UInt64(user.uid), w: UInt64(user.gid))
    let sets = process.capabilities
    let path = "process.capabilities"
    let masks = [  // in the order of ISL_STEP_CAPABILITIES
      try Capability.mask(sets.bounding, path: "\(path).bounding"),
      try Capability.mask(sets.permitted, path: "\(path).permitted"),
      try Capability.mask(sets.effective, path: "\(path).effective"),
      try Capability.mask(sets.inheritable, path: "\(path).inheritable"),
      try Capability.mask(sets.ambient, path: "\(path).ambient"),
    ]
    step(ISL_STEP_CAPABILITIES, a: buffer.integers(Self.grantable(masks, warnings: &warnings)))
    if process.noNewPrivileges { step(ISL_STEP_NO_NEW_PRIVILEGES) }
    step(ISL_STEP_UMASK, v: UInt64(user.umask ?? 0o022))
    step(ISL_STEP_WORKING_DIRECTORY, process.cwd, a: buffer.string(process.cwd))
    // PID 1 has by now given up what the payload gives up, but for the filter.
    if options.runsInit { step(ISL_STEP_INIT) }
    step(ISL_STEP_CLOSE_DESCRIPTORS)
    if process.noNewPrivileges { addSeccomp(seccomp) }
  }

  /// A capability is ambient only while it is permitted and inheritable (capabilities(7)). The specification
  /// has what cannot be granted warned about, not refused (config.md, "capabilities").
  private static func grantable(_ masks: [UInt64], warnings: inout [String]) -> [UInt64] {
    var masks = masks
    let lost = masks[4] & ~(masks[1] & masks[3])
    masks[4] &= ~lost
    let names = Capability.names.enumerated().filter { lost >> UInt64($0.offset) & 1 == 1 }.map(\.element)
    if !names.isEmpty {
      warnings.append(
        "config.json: process.capabilities.ambient: \(names.joined(separator: ", ")) not granted: not inheritable"
      )
    }
    return masks
  }

  mutating func addSeccomp(_ program: [UInt8]?) {
    guard let program else { return }
    step(
      ISL_STEP_SECCOMP, flags: options.notifiedCalls.isEmpty ? [] : [ISL_FLAG_LISTENER],
      index: ContainerOptions.seccompListenerTag, a: buffer.bytes(program), b: UInt32(program.count / 8))
  }
}
